# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Search for orders, by what buyers and payment providers write of them."""

import re
from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.order_queries import PAGE, Order, load_orders
from msrv.ledger.db.schema import orders
from msrv.proofs.orders import ORDER_ID_CHARS

_GROUP: Final = 4
"""Letters that receipts print together; fewer would match thousands."""
_ID_LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_AFTER_LETTERS: Final = "Z"
_WORD: Final = re.compile("[A-Z0-9]+")
_MAX_NUMBERS: Final = 50
_MAX_REFERENCE: Final = 255


async def search_orders(
    connection: AsyncConnection, text: str, *, most: int = PAGE
) -> tuple[Order, ...]:
    """Return the orders whose number starts with, or reference is, a text.

    A number is as receipts print it, at least its first four letters, with or
    without spaces and punctuation, by itself or among other words. A payment
    provider's reference is compared as a whole.
    """
    words = _WORD.findall(text.upper())
    # The whole text, before a reference that may have a word of four letters.
    found = await _orders_of_number(connection, "".join(words), most)
    reference = text.strip()
    if (
        not found
        and len(reference) <= _MAX_REFERENCE
        and reference.isascii()
        and reference.isprintable()
    ):
        found = await load_orders(
            connection,
            select(orders)
            .where(orders.c.reference == reference, orders.c.reference != "")
            .order_by(orders.c.order_id)
            .limit(most),
        )
    for number in _numbers_among(words):
        if found:
            break
        found = await _orders_of_number(connection, number, most)
    return tuple(found)


async def _orders_of_number(
    connection: AsyncConnection, number: str, most: int
) -> list[Order]:
    """Return the orders whose number starts with a text, if it can be one."""
    if not (
        _GROUP <= len(number) <= ORDER_ID_CHARS
        and _ID_LETTERS.issuperset(number)
    ):
        return []
    last = number.ljust(ORDER_ID_CHARS, _AFTER_LETTERS)
    return await load_orders(
        connection,
        select(orders)
        .where(orders.c.order_id.between(number, last))
        .order_by(orders.c.order_id)
        .limit(most),
    )


def _numbers_among(words: Sequence[str]) -> list[str]:
    """Return what may be a number among words, the longest first.

    Words of four letters may be groups of one number, and any may be a part.
    """
    found: dict[str, None] = {}
    for start, word in enumerate(words):
        number = word
        found[number] = None
        for group in words[start + 1 :]:
            if len(number) % _GROUP or len(number + group) > ORDER_ID_CHARS:
                break
            number += group
            found[number] = None
    possible = [
        each
        for each in found
        if _GROUP <= len(each) <= ORDER_ID_CHARS
        and _ID_LETTERS.issuperset(each)
    ]
    return sorted(possible, key=len, reverse=True)[:_MAX_NUMBERS]

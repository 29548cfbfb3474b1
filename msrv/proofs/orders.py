# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Order ids, item ids, names of campaigns, and order lines.

A Line is always valid, and so are the values that contain lines: their rules
are checked on construction. What can't be written can't be read either.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

ORDER_ID_BYTES: Final = 15
ORDER_ID_CHARS: Final = 24
ORDER_ID: Final = rf"[A-Z2-7]{{{ORDER_ID_CHARS}}}"
"""15 bytes in base32 (RFC 4648 section 6).

Twenty-four characters of five bits hold them exactly: there is no padding
and no spare bit, so an order has one id. 120 random bits never collide.
"""
ITEM_ID: Final = r"[a-z0-9][a-z0-9-]{0,31}"
"""Pattern of an `item_id`, for a full match. Safe in any URL path."""

MAX_LINES: Final = 100
"""A receipt is part of a URL, and nginx and aiohttp accept 8190 bytes."""
MAX_PRICE_MINOR: Final = 10**11
MAX_TIME: Final = 2**48 - 1
"""The last Unix second that six bytes can hold."""

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_ORDER_ID: Final = re.compile(ORDER_ID)
_ITEM_ID: Final = re.compile(ITEM_ID)
_CAMPAIGN: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Line:
    """One item of an order, and its price in the order's currency.

    `price_minor` is in minor units, from 0 to MAX_PRICE_MINOR. Raises
    ValueError for an invalid item id or price.
    """

    item_id: str
    price_minor: int

    def __post_init__(self) -> None:
        if not is_item_id(self.item_id):
            raise ValueError("not an item id")
        check_number(self.price_minor, MAX_PRICE_MINOR)


def new_order_id(random: Callable[[int], bytes]) -> str:
    """Return a new order id. `random(n)` returns n unpredictable bytes."""
    return base64.b32encode(random(ORDER_ID_BYTES)).decode("ascii")


def is_order_id(text: str) -> bool:
    """Return whether this is an order id, in its only spelling."""
    return _ORDER_ID.fullmatch(text) is not None


def typed_order_id(text: str) -> str:
    """Return an order id that was typed in groups or in lower case.

    It still has to be checked with `is_order_id`.
    """
    return "".join(text.split()).replace("-", "").upper()


def is_item_id(text: str) -> bool:
    """Return whether this can be an item id."""
    return _ITEM_ID.fullmatch(text) is not None


def is_campaign(text: str) -> bool:
    """Return whether this can name a campaign: 1 to 32 of a-z, 0-9 and -."""
    return _CAMPAIGN.fullmatch(text) is not None


def check_number(value: int, most: int) -> None:
    """Raise ValueError unless a whole number from 0 to `most`, inclusive."""
    # JSON's true is an int in Python, and is serialised as true again: unless
    # the exact type is checked, it would pass as a price of one cent.
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("not a number in range")


def check_order(order_id: str, currency: str, lines: tuple[Line, ...]) -> None:
    """Raise ValueError unless these make an order.

    It has one to MAX_LINES lines, no item twice, and a currency code of three
    letters.
    """
    if not is_order_id(order_id):
        raise ValueError("not an order id")
    if not _CURRENCY.fullmatch(currency):
        raise ValueError("not a currency code")
    if not 1 <= len(lines) <= MAX_LINES:
        raise ValueError("no lines, or too many")
    if len({line.item_id for line in lines}) != len(lines):
        raise ValueError("an item twice")


def lines_to_json(lines: tuple[Line, ...]) -> list[list[str | int]]:
    """Return lines as JSON: `[["item-id", 700], ...]`."""
    return [[line.item_id, line.price_minor] for line in lines]


def lines_from_json(items: Any) -> tuple[Line, ...]:  # noqa: ANN401 - JSON
    """Parse what `lines_to_json` returned. Raises ValueError or TypeError."""
    return tuple(Line(item_id, price) for item_id, price in items)

"""What a discount code takes off an order.

The price is the seller's: a browser names a code, and what it is worth stands
in `store.toml`. Whether its uses are used up is the ledger's to know.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from msrv.catalog.model import Discount, Shop
from msrv.money import Money
from msrv.proofs.pasted_text import readings, visible
from msrv.proofs.receipts import Line

MAX_CHARS: Final = 24
_MAX_TEXT: Final = 1000
_MAX_READINGS: Final = 3
_MAX_WORDS: Final = 12
"""So much is looked up for one guess that is counted."""
_WORD: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{2,23}")
_NO_SIGN: Final = re.compile(r"[^A-Z0-9-]")


class DiscountError(Exception):
    """A discount that isn't given.

    - `NoSuchDiscount`: the store knows no such code
    - `NotYet`: it begins at `at`
    - `Over`: it ended at `at`
    - `NoUsesLeft`: it has been used as often as it can be
    - `UsesUnknown`: that can't be told while the ledger rests
    - `NotForThis`: it takes nothing off what is in the order
    - `TooManyTried`: too many unknown codes were tried
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class NoSuchDiscount(DiscountError):
    """The store knows no such code."""


class NotYet(DiscountError):
    """It begins at `at`, in Unix seconds."""

    def __init__(self, name: str, at: int) -> None:
        super().__init__(name)
        self.at = at


class Over(DiscountError):
    """It has ended."""


class NoUsesLeft(DiscountError):
    """It has been used as often as it can be."""


class UsesUnknown(DiscountError):
    """How often it has been used can't be told now."""


class NotForThis(DiscountError):
    """It takes nothing off any item of the order."""


class TooManyTried(DiscountError):
    """Too many unknown codes were tried, so this one isn't looked up."""


def tidy(text: str) -> str:
    """Return a code as it would be written: up to 24 of A-Z, 0-9 and `-`.

    Spaces, quotes and what can't be seen are left out, and any dash is `-`.
    """
    plain = visible(text[:_MAX_TEXT]).replace("\u2014", "-").upper()
    return _NO_SIGN.sub("", plain)[:MAX_CHARS].strip("-")


def read(shop: Shop, text: str) -> str:
    """Return the name of the discount that somebody typed or pasted.

    Dashes and case don't count, and other words may stand around it. Where
    the store has none of them, it is what `tidy` returns.
    """
    known = {_squeezed(each.name): each.name for each in shop.discounts}
    known |= {each.name: each.name for each in shop.discounts}
    for name in _names(text):
        found = known.get(name) or known.get(_squeezed(name))
        if found is not None:
            return found
    return tidy(text)


def _names(text: str) -> Iterator[str]:
    """Yield what may be a code in a text: all of it, then its words."""
    yield tidy(text)
    for reading in islice(readings(text[:_MAX_TEXT]), _MAX_READINGS):
        yield from _WORD.findall(reading.upper())[:_MAX_WORDS]


def _squeezed(name: str) -> str:
    return name.replace("-", "")


def find(shop: Shop, name: str, now: int) -> Discount:
    """Find a discount that is given now. Raises NoSuchDiscount, NotYet, Over.

    It begins with the second `begins_at`, and has ended in `ends_at`.
    """
    for each in shop.discounts:
        if each.name == name:
            if each.begins_at is not None and now < each.begins_at:
                raise NotYet(name, each.begins_at)
            if each.ends_at is not None and now >= each.ends_at:
                raise Over(name)
            return each
    raise NoSuchDiscount(name)


def take_off(
    lines: Sequence[Line], currency: str, discount: Discount
) -> tuple[Line, ...]:
    """Give the lines with the discount taken off, none of them below zero.

    A percentage is taken off each line, and rounded down. An amount is spread
    over the lines as they cost, and ends where they cost nothing. Raises
    NotForThis.
    """
    for_it = [line for line in lines if _is_for(discount, line)]
    if discount.percent is not None:
        off = {
            line.item_id: line.price_minor * discount.percent // 100
            for line in for_it
        }
    else:
        off = _spread(for_it, _amount(discount, currency))
    if not any(off.values()):
        raise NotForThis(discount.name)
    return tuple(
        replace(line, price_minor=line.price_minor - off.get(line.item_id, 0))
        for line in lines
    )


def _is_for(discount: Discount, line: Line) -> bool:
    return not discount.item_ids or line.item_id in discount.item_ids


def _amount(discount: Discount, currency: str) -> int:
    amount = discount.amount or Money(0, currency)
    return amount.minor if amount.currency == currency else 0


def _spread(lines: Sequence[Line], amount_minor: int) -> dict[str, int]:
    """Spread an amount so that the parts add up to it, and none is over."""
    total = sum(line.price_minor for line in lines)
    amount = min(amount_minor, total)
    off: dict[str, int] = {}
    before = 0
    for line in lines:
        after = before + line.price_minor
        # What is due up to here, less what was due up to the line before.
        off[line.item_id] = (
            after * amount // total - before * amount // total if total else 0
        )
        before = after
    return off

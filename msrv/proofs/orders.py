"""What an order is made of: its id, and its lines of items and prices.

A Line that exists is a good one, and so are the values that hold it: their
rules are checked when they are made, by whoever makes them. What can't be
written can't be read either.
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
and no spare bit, so an order has one id. 120 random bits never meet.
"""
ITEM_ID: Final = r"[a-z0-9][a-z0-9-]{0,31}"
"""What an `item_id` looks like; match all of it. Safe in any URL path."""

MAX_LINES: Final = 100
"""A receipt is part of an address, and nginx and aiohttp take 8190 bytes."""
MAX_PRICE_MINOR: Final = 10**11
MAX_TIME: Final = 2**48 - 1
"""The last Unix second that six bytes hold."""

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_ORDER_ID: Final = re.compile(ORDER_ID)
_ITEM_ID: Final = re.compile(ITEM_ID)


@dataclass(frozen=True, slots=True)
class Line:
    """One item of an order, and its price in the order's currency.

    `price_minor` is in minor units, from 0 to MAX_PRICE_MINOR. Raises
    ValueError for another item id or price.
    """

    item_id: str
    price_minor: int

    def __post_init__(self) -> None:
        if not is_item_id(self.item_id):
            raise ValueError("not an item id")
        check_number(self.price_minor, MAX_PRICE_MINOR)


def new_order_id(random: Callable[[int], bytes]) -> str:
    """Make an order id. `random(n)` gives n unpredictable bytes."""
    return base64.b32encode(random(ORDER_ID_BYTES)).decode("ascii")


def is_order_id(text: str) -> bool:
    """Whether this is an order id in its one spelling."""
    return _ORDER_ID.fullmatch(text) is not None


def is_item_id(text: str) -> bool:
    """Whether this can be an item id."""
    return _ITEM_ID.fullmatch(text) is not None


def check_number(value: int, most: int) -> None:
    """Raise ValueError unless a whole number from 0 to `most`, inclusive."""
    # JSON's true arrives as an int that is written back as true: without a
    # look at the very type, it would pass as a price of one cent.
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("not a number in range")


def check_order(order_id: str, currency: str, lines: tuple[Line, ...]) -> None:
    """Raise ValueError unless these are an order.

    One to MAX_LINES lines, no item twice, a currency of three letters.
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
    """Give lines as JSON has them: `[["item-id", 700], ...]`."""
    return [[line.item_id, line.price_minor] for line in lines]


def lines_from_json(items: Any) -> tuple[Line, ...]:  # noqa: ANN401 - JSON
    """Read what `lines_to_json` gave. Raises ValueError or TypeError."""
    return tuple(Line(item_id, price) for item_id, price in items)

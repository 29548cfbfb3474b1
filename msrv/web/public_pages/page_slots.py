# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Slots of a page for the visitor's own parts: the cart, and an attempt's id.

Templates ask PageSlots for these parts and get marks in their place, so that
what they render is the same for all visitors. The marks are replaced once the
page is rendered, and again for each visitor who gets it from the cache.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Final

from markupsafe import Markup, escape

_MARK: Final = "\0"
_SLOT_BYTES: Final = 512
"""Memory of a slot besides its texts: a function with its variables."""


@dataclass(frozen=True, slots=True)
class VisitorParts:
    """The parts of a page that are the visitor's own.

    `item_ids` are those in the cart, `cart_summary` is a text, and
    `attempt` the random id of the next order.
    """

    item_ids: frozenset[str]
    cart_summary: str
    attempt: str


@dataclass(frozen=True, slots=True)
class PageSlot:
    """Place of one part: `fill` returns its markup for a visitor.

    `size_bytes` is the memory that it takes, roughly.
    """

    fill: Callable[[VisitorParts], str]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PageTemplate:
    """Rendered page with slots between each two of its `pieces`."""

    pieces: tuple[str, ...]
    slots: tuple[PageSlot, ...]

    def fill(self, visitor: VisitorParts) -> str:
        """Return the page of a visitor."""
        filled = (slot.fill(visitor) for slot in self.slots)
        parts = zip_longest(self.pieces, filled, fillvalue="")
        return "".join(chain.from_iterable(parts))

    @property
    def size_bytes(self) -> int:
        """Memory that the page takes, roughly."""
        return sum(map(sys.getsizeof, self.pieces)) + sum(
            slot.size_bytes for slot in self.slots
        )


class PageSlots:
    """Slots of one page, in the order in which its template asks for them.

    `secret` is part of the marks, so that no other text can be one.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._slots: list[PageSlot] = []

    @property
    def cart_count(self) -> Markup:
        """The number of entries in the cart."""
        return self._mark(lambda visitor: str(len(visitor.item_ids)))

    @property
    def cart_summary(self) -> Markup:
        """The summary of the cart."""
        return self._mark(lambda visitor: escape(visitor.cart_summary))

    @property
    def attempt(self) -> Markup:
        """The random id of the next order."""
        return self._mark(lambda visitor: escape(visitor.attempt))

    def if_empty(self, text: str) -> Markup:
        """Return the slot of a text that is shown while the cart is empty."""
        shown = escape(text)
        return self._mark(
            lambda visitor: "" if visitor.item_ids else shown, shown
        )

    def if_held(self, item_id: str, text: str, otherwise: str) -> Markup:
        """Return the slot of a text that is shown for an item in the cart."""
        held, other = escape(text), escape(otherwise)
        return self._mark(
            lambda visitor: held if item_id in visitor.item_ids else other,
            *(item_id, held, other),
        )

    def split(self, page: str) -> PageTemplate:
        """Return a rendered page with the slots in place of their marks."""
        mark = re.compile(f"{_MARK}{self._secret}([0-9]+){_MARK}")
        found = mark.split(page)
        return PageTemplate(
            tuple(found[::2]),
            tuple(self._slots[int(number)] for number in found[1::2]),
        )

    def _mark(
        self, fill: Callable[[VisitorParts], str], *texts: str
    ) -> Markup:
        """Return the mark of a new slot, whose function holds the texts."""
        size = _SLOT_BYTES + sum(map(sys.getsizeof, texts))
        self._slots.append(PageSlot(fill, size))
        number = len(self._slots) - 1
        return Markup(f"{_MARK}{self._secret}{number}{_MARK}")  # noqa: S704 - nothing of it stays

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The cart: what a visitor has chosen, and at which prices.

A cart is built against the catalog of the moment: ids that the store doesn't
sell are left out, and former ones are replaced. An item whose whole release is
in the cart is included in it, and comes back when the release is removed.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from msrv.catalog.model import Catalog, Item, Release
from msrv.money import Money
from msrv.orders.errors import NotForSale, PriceOutOfBounds, TooManyItems
from msrv.orders.pricing import (
    MAX_ITEMS,
    check_bounds,
    find_offered,
    id_of,
)

StoredEntry = tuple[str, int | None]
"""An item id, and the buyer's own price in minor units or None."""


@dataclass(frozen=True, slots=True)
class Cart:
    """The items and releases in a cart, in the order they were added.

    `chosen` has the buyer's own prices, by item id, within the bounds.
    `included` are items that were added and whose release is an entry.
    `waiting` are what a store that starts may sell again in a moment.
    """

    entries: tuple[Item | Release, ...]
    chosen: Mapping[str, Money] = field(default_factory=dict)
    included: tuple[Item, ...] = ()
    waiting: tuple[StoredEntry, ...] = ()

    @classmethod
    def build(
        cls,
        stored: Iterable[StoredEntry],
        catalog: Catalog,
        *,
        withholds: bool = False,
    ) -> Self:
        """Return the cart of item ids, each with its own price or None.

        Prices are in minor units of the item's currency. Entries past
        MAX_ITEMS are left out, and prices outside today's bounds as well.
        What isn't sold is `waiting` if the catalog `withholds` something.
        """
        found: dict[str, Item | Release] = {}
        waiting: list[StoredEntry] = []
        chosen: dict[str, Money] = {}
        for stored_id, price_minor in stored:
            if len(found) + len(waiting) >= MAX_ITEMS:
                break
            entry = find_offered(catalog, stored_id)
            if entry is None:
                if withholds:
                    waiting.append((stored_id, price_minor))
                continue
            item_id = id_of(entry)
            found[item_id] = entry
            if price_minor is not None and entry.minimum is not None:
                own = Money(price_minor, entry.price.currency)
                with contextlib.suppress(PriceOutOfBounds):
                    check_bounds(entry, own)
                    chosen[item_id] = own
        entries, included = _split(found)
        return cls(entries, chosen, included, tuple(waiting))

    @property
    def stored_ids(self) -> tuple[str, ...]:
        """The ids of its entries, and of the items included in them."""
        return (*self.item_ids, *map(id_of, self.included))

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The ids of its entries."""
        return tuple(id_of(entry) for entry in self.entries)

    def price_of(self, entry: Item | Release) -> Money:
        """Return an entry's price: the buyer's own, or the seller's."""
        return self.chosen.get(id_of(entry), entry.price)

    def by_currency(self) -> list[tuple[Money, tuple[Item | Release, ...]]]:
        """Return a total and its entries for each currency."""
        groups: dict[str, list[Item | Release]] = {}
        for entry in self.entries:
            groups.setdefault(entry.price.currency, []).append(entry)
        return [
            (
                Money(
                    sum(self.price_of(each).minor for each in group), currency
                ),
                tuple(group),
            )
            for currency, group in groups.items()
        ]

    def add(self, item_ids: Iterable[str], catalog: Catalog) -> "Cart":
        """Return the cart with items added.

        Raises NotForSale, and TooManyItems for more than an order can have.
        """
        added = dict.fromkeys(item_ids)
        for item_id in added:
            if find_offered(catalog, item_id) is None:
                raise NotForSale(item_id)
        entries, included = _split(
            {
                id_of(entry): entry
                for item_id in (*self.stored_ids, *added)
                if (entry := find_offered(catalog, item_id)) is not None
            }
        )
        if len(entries) > MAX_ITEMS:
            raise TooManyItems(len(entries))
        return replace(self, entries=entries, included=included)

    def remove(self, item_ids: Iterable[str]) -> "Cart":
        """Return the cart without these items."""
        removed = set(item_ids)
        entries, included = _split(
            {
                id_of(each): each
                for each in (*self.entries, *self.included)
                if id_of(each) not in removed
            }
        )
        return Cart(
            entries,
            {
                item_id: own
                for item_id, own in self.chosen.items()
                if item_id not in removed
            },
            included,
            tuple(each for each in self.waiting if each[0] not in removed),
        )

    def remove_bought(self, item_ids: Iterable[str]) -> "Cart":
        """Return the cart without these items and all that they include."""
        bought = set(item_ids)
        parts = (
            each.item_id for each in self.included if each.release_id in bought
        )
        return self.remove([*bought, *parts])

    def included_in(self, entry: Item | Release) -> int:
        """Return how many added items an entry includes."""
        return sum(each.release_id == id_of(entry) for each in self.included)

    def cheaper_releases(self, catalog: Catalog) -> list[Release]:
        """Return releases that cost no more than their items in the cart."""
        sums: dict[tuple[str, str], int] = {}
        for entry in self.entries:
            if isinstance(entry, Item):
                key = (entry.release_id, entry.price.currency)
                sums[key] = sums.get(key, 0) + self.price_of(entry).minor
        return [
            whole
            for (release_id, currency), minor in sums.items()
            if isinstance(whole := find_offered(catalog, release_id), Release)
            and whole.price.currency == currency
            and whole.price.minor <= minor
        ]

    def set_prices(self, prices: Mapping[str, Money]) -> "Cart":
        """Return the cart with prices of the buyer's, checked before."""
        held = set(self.item_ids)
        chosen = {key: own for key, own in prices.items() if key in held}
        return replace(self, chosen={**self.chosen, **chosen})


def _split(
    found: Mapping[str, Item | Release],
) -> tuple[tuple[Item | Release, ...], tuple[Item, ...]]:
    """Return the entries, and the items that a release among them includes."""
    included = tuple(
        each
        for each in found.values()
        if isinstance(each, Item) and each.release_id in found
    )
    entries = tuple(
        each
        for each in found.values()
        if isinstance(each, Release) or each.release_id not in found
    )
    return entries, included[: max(0, MAX_ITEMS - len(entries))]


def single_item_or_release(entry: Item | Release) -> Item | Release:
    """Return the item or release that an entry of the catalog stands for.

    A release of one file stands for that file.
    """
    if (
        isinstance(entry, Release)
        and len(entry.items) == 1
        and not entry.extras
    ):
        return entry.items[0]
    return entry

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Prices of a release and its items, by the most specific setting.

An item's own price comes first, then its release's, then the store's, then a
built-in one: nothing is free unless the seller made it free.
"""

from collections.abc import Sequence

from msrv import money
from msrv.catalog.config.release_config import ItemConfig, ReleaseConfig
from msrv.catalog.config.store_config import StoreConfig
from msrv.catalog.model import Item
from msrv.money import Money


class ReleasePrices:
    """Prices of a release's items, and of the whole, in one currency.

    `unpriced` are the paths of the items that have the built-in price.
    """

    def __init__(self, config: ReleaseConfig, store: StoreConfig) -> None:
        self._config = config
        self._store = store
        self.currency = config.currency or store.shop.currency
        self.unpriced: set[str] = set()

    @property
    def are_stated(self) -> bool:
        """True if release.toml alone states all prices."""
        config = self._config
        return None not in {config.currency, config.price, config.item_price}

    def of_item(
        self, path: str, item_config: ItemConfig, *, is_single: bool
    ) -> tuple[Money, Money | None]:
        """Return an item's price, and the minimum if the buyer sets it.

        With `is_single` it is the release's only item, so that the release's
        price is its price.
        """
        whole = self._config
        for price, minimum in (
            (item_config.price, item_config.minimum),
            (whole.price if is_single else None, whole.minimum),
            (whole.item_price, whole.item_minimum),
            (self._store.item_price, None),
        ):
            if price is not None and price.currency == self.currency:
                return price, minimum
        self.unpriced.add(path)
        return default_price(self.currency), None

    def of_release(self, items: Sequence[Item]) -> Money:
        """Return the price of all items together, never above their sum."""
        if self._config.price:
            return self._config.price
        total = sum(item.price.minor for item in items)
        usual = self._store.release_price
        if (
            usual is not None
            and usual.currency == self.currency
            and len(items) > 1
        ):
            total = min(total, usual.minor)
        return Money(total, self.currency)


def default_price(currency: str) -> Money:
    """Return the built-in price of an item, which is never 0.

    One unit of the currency, or a hundred if it has no minor unit.
    """
    return Money(max(100, 10 ** money.exponent_of(currency)), currency)

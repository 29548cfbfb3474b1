# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Direct purchase: a release bought from its own page, without the cart."""

from dataclasses import dataclass

from msrv.catalog.model import Catalog, Item, Release
from msrv.money import Money
from msrv.orders import pricing
from msrv.orders.cart import Cart
from msrv.orders.checkout import Checkout
from msrv.orders.discounts import CartDiscount
from msrv.orders.pricing import id_of
from msrv.payments.provider import Provider


@dataclass(frozen=True, slots=True)
class DirectPurchase:
    """Purchase by the button on a release's page, and its providers.

    `entry` is the whole release, or its only item. `total` is its price with
    the visitor's discount, whose code is `discount`, and `fixed_minor` the
    part of it that the seller set, in minor units.
    """

    entry: Item | Release
    total: Money
    fixed_minor: int
    providers: tuple[Provider, ...]
    discount: str = ""

    @property
    def item_id(self) -> str:
        """The id under which it is bought."""
        return id_of(self.entry)

    @property
    def suggested_prices(self) -> tuple[Money, ...]:
        """Prices to choose from, where the buyer sets the price."""
        return pricing.suggested_prices(self.entry)

    @property
    def is_free(self) -> bool:
        """True if there is nothing to pay and no price to choose."""
        return self.entry.minimum is None and self.total.minor == 0

    @classmethod
    def of(
        cls,
        cart: Cart,
        discount: CartDiscount,
        *,
        catalog: Catalog,
        checkout: Checkout,
    ) -> "DirectPurchase":
        """Return the purchase of a cart's only entry, with a discount."""
        (entry,) = cart.entries
        discounted = discount.by_currency.get(entry.price.currency)
        order = (
            discounted.order
            if discounted
            else pricing.price(catalog, cart.item_ids)
        )
        return cls(
            entry,
            order.total,
            order.total.minor if entry.minimum is None else 0,
            tuple(checkout.providers.for_quote(checkout.quote(order))),
            discount.name if discounted else "",
        )


def direct_cart(release: Release) -> Cart | None:
    """Return a cart with what a release's button buys.

    None for a release whose items are only sold one by one.
    """
    if release.sold_whole:
        return Cart((release,))
    offered = release.offered
    return Cart(offered) if len(offered) == 1 else None

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checkout: from a priced order to a signed quote and a payment.

The amount to be paid is signed before a payment provider sees it. No state is
kept here: a quote comes back with its payment.
"""

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.model import Release
from msrv.money import Money
from msrv.orders.discounts import Discounts
from msrv.orders.errors import FreeGift
from msrv.orders.legal.consents import Wording
from msrv.orders.pricing import PricedOrder, title_of
from msrv.orders.rate_limits import ShopLimits
from msrv.payments import return_addresses
from msrv.payments.provider import (
    AmountNotSupported,
    PayAt,
    PaymentRequest,
    Provider,
)
from msrv.payments.registry import Providers
from msrv.payments.settlement import PaidOrder, Settlement
from msrv.proofs import quotes
from msrv.proofs.encoding import to_json
from msrv.proofs.gifts.gift import Gift, seal
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import ORDER_ID_BYTES, lines_to_json, new_order_id
from msrv.proofs.quotes import Quote
from msrv.translations import current_language

QUOTE_SECONDS: Final = 3600
"""Validity of a quoted price, while the buyer pays."""
_ATTEMPT_SECONDS: Final = 900
"""Two clicks within one step are one order. The remaining time of a quote
stays over the half hour that Stripe requires for a checkout session."""

_LOCAL: Final = frozenset({"localhost", "local", "internal", "test"})
"""Last labels of names of machines that only their own network knows."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """Quotes orders, and starts their payment.

    `clock` returns Unix seconds, `random(n)` n unpredictable bytes.
    `public_url` is the store's address for everyone, or empty, and
    `picture_path` returns the path of a release's picture.
    """

    catalog: LiveCatalog
    keyring: Keyring
    providers: Providers
    settlement: Settlement
    discounts: Discounts
    limits: ShopLimits
    clock: Callable[[], int]
    random: Callable[[int], bytes]
    public_url: str = ""
    picture_path: Callable[[Release], str] | None = None

    def quote(
        self,
        order: PricedOrder,
        *,
        attempt: str | None = None,
        mail: str = "",
        gift: Gift | None = None,
        wording: Wording | None = None,
    ) -> Quote:
        """Return the quote of a priced order; `mail` gets the receipt.

        Of a `gift`, which has to cost something, the recipient gets the
        receipt, and `mail` the bill. `wording` is what the buyer has agreed
        to. Raises FreeGift, QuoteTooLong.

        `attempt` is the id that the checkout page was given: the same order
        from the same page has the same quote, however often it is sent. Its
        mails are in the current language.
        """
        language = current_language().code
        now = self.clock()
        currency = order.total.currency
        code = order.discount.name if order.discount else ""
        if gift is not None and not order.total.minor:
            raise FreeGift
        sealed = "" if gift is None else seal(self.keyring, gift)
        if attempt is None:
            order_id = new_order_id(self.random)
        else:
            now -= now % _ATTEMPT_SECONDS
            # The id is derived from the content, too: a visitor may send any
            # attempt, but it leads to this order only.
            content = to_json(
                [
                    attempt,
                    now,
                    currency,
                    code,
                    mail,
                    language,
                    *([sealed] if sealed else []),
                    *([wording.sha256] if wording else []),
                    *lines_to_json(order.lines),
                ]
            )
            digest = hashlib.sha256(content).digest()[:ORDER_ID_BYTES]
            order_id = new_order_id(lambda _: digest)
        quote = Quote(
            order_id=order_id,
            currency=currency,
            lines=order.lines,
            catalog_version=self.catalog.current.version,
            issued_at=now,
            expires_at=now + QUOTE_SECONDS,
            discount=code,
            mail=mail,
            language=language,
            gift=sealed,
            consent=wording.consent(now) if wording else None,
        )
        if gift is not None:
            quotes.sign(self.keyring, quote)  # it may be too long
        return quote

    def choose_provider(
        self, quote: Quote, name: str | None, *, has_own_prices: bool = False
    ) -> Provider | None:
        """Return the provider of this name, or the first that accepts.

        None where there is none. With `has_own_prices` the buyer's own price
        may have made the order free, or no longer free, after the buttons
        were drawn: any provider's name then leads to the first one that
        accepts the quote. Raises AmountNotSupported where none accepts it,
        though there is one that moves money.
        """
        offers = self.providers.for_quote(quote)
        for offer in offers:
            if name in {None, offer.name}:
                return offer
        if has_own_prices and offers and self.providers.get(name or ""):
            return offers[0]
        if not offers and self.providers.move_money:
            raise AmountNotSupported(Money(quote.total_minor, quote.currency))
        return None

    async def start_payment(
        self,
        order: PricedOrder,
        quote: Quote,
        provider: Provider,
        *,
        base_url: str,
        interactive: bool,
        network: Hashable,
    ) -> PaidOrder | PayAt:
        """Start the payment of a quote, or complete it where nothing is due.

        `base_url` is the store's own; `interactive` is true for a browser,
        which can be sent to a page. `network` is the client's: payments at a
        provider are limited by it. Raises PaymentError, DiscountError,
        TooManyPayments.
        """
        if order.discount is not None and quote.total_minor:
            # A free order's use is reserved below, under its order's id.
            await self.discounts.check_uses(order.discount)
        catalog = self.catalog.current
        payment = PaymentRequest(
            quote=quote,
            token=quotes.sign(self.keyring, quote),
            titles=tuple(
                title_of(catalog, line.item_id) for line in quote.lines
            ),
            base_url=base_url,
            interactive=interactive,
            tax_included=catalog.shop.tax_included,
            address_required=catalog.shop.tax.requires_address,
            return_tag=return_addresses.format_tag(
                self.keyring, quote.order_id
            ),
            pictures=self._pictures(quote),
        )
        if quote.total_minor and provider.page is None:
            # The call goes to the provider's server, which limits calls.
            self.limits.payments.acquire(network, now=self.clock())
        outcome = await self.settlement.start(provider, payment)
        if isinstance(outcome, PaidOrder):
            await self.discounts.reserve_use(outcome)
        return outcome

    def _pictures(self, quote: Quote) -> tuple[str, ...]:
        """Return the address of the picture of each line, for the provider.

        None where the provider couldn't load them from this store.
        """
        if self.picture_path is None or not _is_public(self.public_url):
            return ()
        catalog = self.catalog.current
        found = []
        for line in quote.lines:
            entry = catalog.by_id.get(line.item_id)
            release = entry and catalog.releases_by_id.get(entry.release_id)
            found.append(
                f"{self.public_url}{self.picture_path(release)}"
                if release and release.cover
                else ""
            )
        return tuple(found)


def _is_public(url: str) -> bool:
    """Return whether others can be expected to reach an address by TLS."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" or host.rpartition(".")[2] in _LOCAL:
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host

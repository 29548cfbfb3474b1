# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The payment providers of this store, in the order they are offered."""

from collections.abc import Iterator
from typing import Final, Self

from msrv.money import Money
from msrv.payments.provider import (
    NoSuchPayment,
    Paid,
    PayAt,
    PaymentRequest,
    PaymentReturn,
    PaymentStatus,
    Provider,
    Refused,
)
from msrv.payments.refunds import RefundHandler, SimulatedRefunds
from msrv.proofs.quotes import Quote
from msrv.proofs.receipts import TEST_SUFFIX, Receipt, provider_name
from msrv.settings import Settings
from msrv.settings.optional_packages import require_packages
from msrv.translations import gettext_noop

_NO_MONEY: Final = gettext_noop("simulated; no money moved")


class FreeProvider:
    """Provider for orders whose total is zero: paid as they are placed."""

    name = "free"
    label = gettext_noop("Get it")
    page = None
    origins = ()
    webhooks = None
    archive = None
    refunds = None
    adds_tax = False
    moves_money = False
    status = ()
    paid_note = ""

    def payment_url(
        self,
        reference: str,  # noqa: ARG002 - the protocol's
        *,
        is_test: bool,  # noqa: ARG002 - the protocol's
    ) -> str:
        """Return an empty text: no payment can be looked at."""
        return ""

    def accepts(self, quote: Quote) -> bool:
        """Return whether the total is zero."""
        return quote.total_minor == 0

    async def start(self, payment: PaymentRequest) -> Paid:
        """Return the payment of nothing."""
        # Zero, whatever the quote says: `settlement` compares the two.
        quote = payment.quote
        return Paid(Money(0, quote.currency), quote.order_id)

    async def settle(
        self,
        answer: PaymentReturn,  # noqa: ARG002 - the protocol's
    ) -> PaymentStatus:
        """Raise NoSuchPayment: there is no page to return from."""
        raise NoSuchPayment

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""


class DemoProvider:
    """Provider that simulates a payment, plainly labelled; no money moves.

    Offered only where the operator asked for it, or where the library is the
    bundled one.
    """

    name = "demo"
    label = gettext_noop("Simulate payment")
    page = "pay_demo.html"
    origins = ()
    webhooks = None
    archive = None
    refunds = SimulatedRefunds()
    adds_tax = False
    moves_money = False
    status = ("simulated: no money moves",)
    paid_note = _NO_MONEY

    def payment_url(
        self,
        reference: str,  # noqa: ARG002 - the protocol's
        *,
        is_test: bool,  # noqa: ARG002 - the protocol's
    ) -> str:
        """Return an empty text: no payment can be looked at."""
        return ""

    def accepts(self, quote: Quote) -> bool:
        """Return whether there is something to pay."""
        return quote.total_minor > 0

    async def start(self, payment: PaymentRequest) -> Paid | PayAt:
        """Return the page of the payment; a program has paid already."""
        if payment.interactive:
            path = f"/payments/demo/{payment.token}"
            return PayAt(path, path)
        return _paid(payment.quote)

    async def settle(self, answer: PaymentReturn) -> PaymentStatus:
        """Return the outcome that the pressed button stands for."""
        if answer.quote is None:
            raise NoSuchPayment
        pays = answer.fields.get("answer") == "pay"
        return PaymentStatus(
            answer.token, _paid(answer.quote) if pays else Refused()
        )

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""


def _paid(quote: Quote) -> Paid:
    return Paid(Money(quote.total_minor, quote.currency), quote.order_id)


class Providers:
    """The providers that this store offers, in order."""

    def __init__(self, *providers: Provider) -> None:
        self._providers = {provider.name: provider for provider in providers}

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the providers that are configured.

        A new provider is a line here. Raises PackageMissing.
        """
        providers: list[Provider] = [FreeProvider()]
        if settings.stripe_key is not None:
            require_packages("stripe", "Stripe")
            from msrv.payments.stripe.provider import (  # noqa: PLC0415 - slow to import
                StripeProvider,
            )

            providers.append(StripeProvider.from_settings(settings))
        if settings.takes_simulated_payments:
            providers.append(DemoProvider())
        return cls(*providers)

    def __iter__(self) -> Iterator[Provider]:
        """Iterate over the providers in order."""
        return iter(self._providers.values())

    def get(self, name: str) -> Provider | None:
        """Return a provider by its name, None for an unknown one."""
        return self._providers.get(name)

    def for_quote(self, quote: Quote) -> list[Provider]:
        """Return the providers with which this quote can be paid."""
        return [each for each in self if each.accepts(quote)]

    @property
    def move_money(self) -> bool:
        """True if one of them moves money."""
        return any(each.moves_money for each in self)

    def status(self) -> list[str]:
        """Return lines on the providers' set-up, for the terminal."""
        lines = [line for each in self for line in each.status]
        return lines or ["free items only: no payment provider is configured"]

    def has_archive(self, receipt: Receipt) -> bool:
        """Return whether its provider can be asked for an order's payment."""
        name = provider_name(receipt.provider)
        found = self.get(name)
        return found is not None and found.archive is not None

    def costs_nothing(self, receipt: Receipt) -> bool:
        """Return whether anyone can place such an order as often as they like.

        True for orders of providers that move no money; false for redeem
        codes, which the seller hands out.
        """
        provider = self.get(receipt.provider)
        return provider is not None and not provider.moves_money

    def is_free(self, receipt: Receipt) -> bool:
        """Return whether an order had nothing to pay."""
        return receipt.total_minor == 0 and self.costs_nothing(receipt)

    def paid_note(self, receipt: Receipt) -> str:
        """Return what a receipt says of its payment, empty for nothing.

        In English, marked for translation.
        """
        provider = self.get(receipt.provider)
        if provider is not None:
            return provider.paid_note
        if receipt.provider.endswith(TEST_SUFFIX):
            return gettext_noop("test mode; no money moved")
        # Of a provider that isn't offered any more.
        return _NO_MONEY if receipt.is_simulated else ""

    def payment_url(self, provider: str, reference: str) -> str:
        """Return the address of an order's payment for the seller.

        `provider` and `reference` are those of the order in the ledger. Empty
        for a provider that isn't configured, or has no such page.
        """
        name = provider_name(provider)
        found = self.get(name)
        if found is None or not reference:
            return ""
        return found.payment_url(reference, is_test=provider != name)

    def refunds_of(self, provider: str) -> RefundHandler | None:
        """Return what refunds an order of a provider, as the ledger names it.

        None for a provider that isn't configured, or can't refund.
        """
        found = self.get(provider_name(provider))
        return None if found is None else found.refunds

    async def aclose(self) -> None:
        """Close the connections of all providers."""
        for each in self:
            await each.aclose()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Settlement: from what a provider reports to a receipt.

The only place that turns a payment into a receipt. The amount and currency
that a provider reports are compared with the signed quote, and the order's id
is derived from the provider's own reference. No state is kept, so that the
buyer's return and the provider's webhook lead to the same receipt.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from msrv.money import Money
from msrv.payments.provider import (
    AmountMismatch,
    NoSuchPayment,
    Paid,
    PayAt,
    PaymentRequest,
    PaymentReturn,
    PaymentStatus,
    Pending,
    Provider,
    Refused,
)
from msrv.proofs import quotes
from msrv.proofs.keyring import Keyring
from msrv.proofs.quotes import Quote
from msrv.proofs.receipts import TEST_SUFFIX, Receipt
from msrv.taxes.sale_tax import SaleTax


@dataclass(frozen=True, slots=True)
class PaidOrder:
    """An order that was paid: its receipt, and how to fulfil it.

    `reference` is the id by which the seller finds the money. `discount` is
    the code that was used, `mail` the address that the receipt goes to, `gift`
    the sealed gift that the order is, `language` what the buyer reads, as
    `Language.code`; each may be empty. `tax` is for the ledger: no receipt
    states it, since a provider may answer it one time and not another.
    """

    receipt: Receipt
    reference: str
    discount: str = ""
    mail: str = ""
    gift: str = ""
    language: str = ""
    tax: SaleTax | None = None


@dataclass(frozen=True, slots=True)
class PendingPayment:
    """A quote whose payment is being processed."""

    quote: Quote


class Settlement:
    """Starts payments, and settles them by the signed quote."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def start(
        self, provider: Provider, payment: PaymentRequest
    ) -> PaidOrder | PayAt:
        """Start a payment. Raises PaymentError.

        The payment's token is that of its quote, which isn't read again.
        """
        outcome = await provider.start(payment)
        if isinstance(outcome, PayAt):
            return outcome
        return self._complete(
            provider.name, payment.token, payment.quote, outcome
        )

    async def settle(
        self,
        provider: Provider,
        fields: Mapping[str, str],
        quote_id: str | None = None,
    ) -> PaidOrder | PendingPayment | Refused:
        """Settle a payment that was made on the provider's own page.

        `quote_id` is the quote that the return address is for; a payment of
        another quote raises NoSuchPayment. A quote that has expired since is
        honoured: it was valid when the payment started. Raises PaymentError,
        and Forged for another store's quote.
        """
        settled = await provider.settle(PaymentReturn(fields))
        if quote_id is not None:
            quote = quotes.read_ignoring_expiry(self._keyring, settled.token)
            if quote.order_id != quote_id:
                raise NoSuchPayment
        return self.check(provider.name, settled)

    async def settle_on_site(
        self,
        provider: Provider,
        token: str,
        fields: Mapping[str, str],
        now: int,
    ) -> PaidOrder | PendingPayment | Refused:
        """Settle a payment that was made on the store's own page.

        Raises PaymentError, Forged, QuoteExpired.
        """
        quote = quotes.read(self._keyring, token, now)
        settled = await provider.settle(PaymentReturn(fields, quote, token))
        return self.check(provider.name, settled)

    def check(
        self, provider: str, settled: PaymentStatus
    ) -> PaidOrder | PendingPayment | Refused:
        """Compare a payment with its quote, and return the result.

        Raises AmountMismatch, and Forged for another store's quote.
        """
        quote = quotes.read_ignoring_expiry(self._keyring, settled.token)
        if isinstance(settled.outcome, Paid):
            return self._complete(
                provider, settled.token, quote, settled.outcome
            )
        if isinstance(settled.outcome, Pending):
            return PendingPayment(quote)
        return settled.outcome

    def order_id_of(self, provider: str, token: str, reference: str) -> str:
        """Return the id of the order of a payment. Raises Forged."""
        return quotes.order_id_of(self._keyring, token, provider, reference)

    def items_of(self, token: str) -> frozenset[str]:
        """Return the items of a quote's order. Raises Forged."""
        quote = quotes.read_ignoring_expiry(self._keyring, token)
        return frozenset(line.item_id for line in quote.lines)

    def mail_of(self, token: str) -> str:
        """Return the address for a quote's receipt, or an empty text.

        Raises Forged.
        """
        return quotes.read_ignoring_expiry(self._keyring, token).mail

    def _complete(
        self, provider: str, token: str, quote: Quote, paid: Paid
    ) -> PaidOrder:
        quoted = Money(quote.total_minor, quote.currency)
        if paid.total != quoted:
            raise AmountMismatch(quoted, paid.total, paid.reference)
        return self._order(provider, token, quote, paid)

    def order_of(self, provider: str, token: str, paid: Paid) -> PaidOrder:
        """Return the order of a payment, whatever its amount.

        Raises Forged for another store's quote.
        """
        quote = quotes.read_ignoring_expiry(self._keyring, token)
        return self._order(provider, token, quote, paid)

    def _order(
        self, provider: str, token: str, quote: Quote, paid: Paid
    ) -> PaidOrder:
        receipt = Receipt(
            order_id=self.order_id_of(provider, token, paid.reference),
            # Never the time at which the store learns of the payment: the
            # return and the webhook would make different receipts.
            issued_at=quote.issued_at
            if paid.paid_at is None
            else paid.paid_at,
            provider=provider + TEST_SUFFIX if paid.is_test else provider,
            currency=quote.currency,
            lines=quote.lines,
            consent=quote.consent,
        )
        return PaidOrder(
            receipt,
            paid.payment or paid.reference,
            discount=quote.discount,
            mail=quote.mail,
            gift=quote.gift,
            language=quote.language,
            tax=paid.tax,
        )

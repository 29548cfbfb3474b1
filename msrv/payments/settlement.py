"""The till: between what was quoted and what is granted.

It alone turns a payment into a receipt. What a provider says was paid is
compared with the signed quote, amount and currency; the order's id comes from
the provider's own reference. Nothing is kept here, so that who comes back
from paying and who tells of it by a message get the same receipt.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from msrv.money import Money
from msrv.payments.errors import NoSuchPayment, PaidOtherwise
from msrv.payments.provider import (
    WHOLE,
    Answer,
    Bill,
    Change,
    Paid,
    PayAt,
    Pending,
    Provider,
    Refused,
    Settled,
)
from msrv.proofs import quotes
from msrv.proofs.keyring import Keyring
from msrv.proofs.quotes import Quote
from msrv.proofs.receipts import TEST_SUFFIX, Receipt


@dataclass(frozen=True, slots=True)
class Bought:
    """What a paid quote becomes; `reference` is what the seller finds."""

    receipt: Receipt
    reference: str
    quote: Quote


@dataclass(frozen=True, slots=True)
class Waiting:
    """A quote whose payment is under way."""

    quote: Quote


class Till:
    """Begins payments and settles them."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def begin(self, provider: Provider, bill: Bill) -> Bought | PayAt:
        """Begin a payment. Raises PaymentError."""
        outcome = await provider.begin(bill)
        if isinstance(outcome, PayAt):
            return outcome
        return self._buy(provider.name, bill.token, outcome)

    async def settle(
        self,
        provider: Provider,
        fields: Mapping[str, str],
        quote_id: str | None = None,
    ) -> Bought | Waiting | Refused:
        """Settle a payment that was made at the provider's own page.

        `quote_id` is the number of the quote that the buyer came back with;
        what was paid for another is NoSuchPayment. A price that has lapsed
        since is kept: it held when the payment began. Raises PaymentError;
        Forged for another store's.
        """
        settled = await provider.settle(Answer(fields))
        if quote_id is not None:
            quote = quotes.recall(self._keyring, settled.token)
            if quote.order_id != quote_id:
                raise NoSuchPayment
        return self.weigh(provider.name, settled)

    async def settle_here(
        self,
        provider: Provider,
        token: str,
        fields: Mapping[str, str],
        now: int,
    ) -> Bought | Waiting | Refused:
        """Settle a payment that is made at the store's own page.

        Raises PaymentError, Forged, QuoteExpired.
        """
        quote = quotes.read(self._keyring, token, now)
        settled = await provider.settle(Answer(fields, quote, token))
        return self.weigh(provider.name, settled)

    def weigh(
        self, provider: str, settled: Settled
    ) -> Bought | Waiting | Refused:
        """Compare what happened with what was quoted.

        Raises PaidOtherwise; Forged for a quote of another store.
        """
        if isinstance(settled.outcome, Paid):
            return self._buy(provider, settled.token, settled.outcome)
        quote = quotes.recall(self._keyring, settled.token)
        if isinstance(settled.outcome, Pending):
            return Waiting(quote)
        return settled.outcome

    def order_of(self, provider: str, token: str, reference: str) -> str:
        """Say which order a payment became, or will. Raises Forged."""
        return quotes.order_of(self._keyring, token, provider, reference)

    def holds(self, change: Change) -> bool:
        """Whether what a change is about is in its order. Raises Forged."""
        quote = quotes.recall(self._keyring, change.token)
        held = {line.item_id for line in quote.lines}
        return change.item_id in held | {WHOLE}

    def _buy(self, provider: str, token: str, paid: Paid) -> Bought:
        quote = quotes.recall(self._keyring, token)
        quoted = Money(quote.total_minor, quote.currency)
        if paid.total != quoted:
            raise PaidOtherwise(quoted, paid.total, paid.reference)
        receipt = Receipt(
            order_id=self.order_of(provider, token, paid.reference),
            # Not the time of the payment, which two might see differently.
            issued_at=quote.issued_at,
            provider=provider + TEST_SUFFIX if paid.is_test else provider,
            currency=quote.currency,
            lines=quote.lines,
        )
        return Bought(receipt, paid.payment or paid.reference, quote)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Payment providers: the protocols, their values and their errors.

A provider receives a `PaymentRequest`, never a cart: the amount is that of
the signed quote in it, and nothing that a browser sends can change it. A
provider's report is compared with that quote by `settlement`, never by the
provider itself.

- `PaymentError`
    - `ProviderUnavailable`: the provider doesn't answer, or not as it should
        - `ProviderBusy`: too many calls to it are queued already
    - `AmountNotSupported`: the provider can't charge this amount
    - `NoSuchPayment`: there is no such payment, or it is another store's
    - `AmountMismatch`: the amount paid is not the amount quoted
    - `BadWebhookSignature`: a webhook that the provider didn't sign
    - `PaymentNotFoundYet`: the provider can't find what a webhook is about
    - `InboxUnavailable`: a webhook can't be stored on this machine
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from msrv.money import Money
from msrv.payments.refunds import (
    PaymentReversals,
    RefundHandler,
    RevocationChange,
)
from msrv.proofs.quotes import Quote
from msrv.taxes.sale_tax import SaleTax

WHOLE: Final = ""
"""The `item_id` of what concerns a whole order."""


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """A payment that a provider is asked to collect.

    `token` is the signed quote; `titles` are those of its lines, in order,
    and `pictures` the addresses of theirs, each empty for none, if anyone can
    load them; else there are none.
    `base_url` is the store's own address, without a slash at its end.
    `interactive` is true where a person is looking at a page and can be sent
    to another one. `tax_included` is true where the prices include the tax,
    `address_required` where the buyer has to state a billing address.
    `return_tag` goes into the return address, as its parameter `q`.
    """

    quote: Quote
    token: str
    titles: tuple[str, ...]
    base_url: str
    interactive: bool = True
    tax_included: bool = False
    address_required: bool = False
    return_tag: str = ""
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PaymentReturn:
    """Fields of the form or query with which a buyer returns from paying.

    `quote` and `token` are set where the payment was made on a page of the
    store's own; they have been verified.
    """

    fields: Mapping[str, str]
    quote: Quote | None = None
    token: str = ""


@dataclass(frozen=True, slots=True)
class Paid:
    """A completed payment, and its amount.

    `reference` is the provider's id of the checkout. It is the same however
    often the provider is asked, and the order's id is derived from it.
    `payment` is the id by which a seller finds the money, where that is
    another one. `is_test` is true where no money moved, as in a provider's
    test mode. `paid_at` is when it was paid, in Unix seconds, the same however
    often the provider is asked; None where the provider doesn't state it.
    `tax` is what it states of the buyer's country and the tax, if anything.
    """

    total: Money
    reference: str
    payment: str = ""
    is_test: bool = False
    paid_at: int | None = None
    tax: SaleTax | None = None


@dataclass(frozen=True, slots=True)
class PayAt:
    """The address, or a path of the store, where the buyer pays.

    `return_path` is the store's path that says what became of the payment.
    """

    url: str
    return_path: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A payment that the buyer has made and that takes hours or days."""

    reference: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A payment that the buyer cancelled or the bank declined. No money."""


Outcome = Paid | Pending | Refused


@dataclass(frozen=True, slots=True)
class PaymentStatus:
    """The status of the payment of a signed quote, `token`."""

    token: str
    outcome: Outcome


WebhookOutcome = PaymentStatus | RevocationChange | PaymentReversals


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """The part of a webhook that is stored until it has been processed.

    `event_id` is the provider's own, the same on each delivery; `at` is when
    it happened, in Unix seconds. `facts` hold no personal data.
    """

    event_id: str
    kind: str
    at: int
    facts: Mapping[str, str] = field(default_factory=dict)


class WebhookHandler(Protocol):
    """Protocol of a handler that verifies and interprets webhooks."""

    def read(
        self, body: bytes, headers: Mapping[str, str]
    ) -> WebhookEvent | None:
        """Verify a webhook and return its event, None if it is irrelevant.

        Raises BadWebhookSignature.
        """
        ...

    async def resolve(self, event: WebhookEvent) -> tuple[WebhookOutcome, ...]:
        """Return what an event means, asking the provider where needed.

        Empty for events that don't concern this store. Raises
        ProviderUnavailable and PaymentNotFoundYet: the event is to be
        resolved again later.
        """
        ...


@dataclass(frozen=True, slots=True)
class ArchivedPayment:
    """A payment that was completed once, as the provider has it now.

    `payment` is the id by which a seller finds the money. `is_refunded` is
    true if all of it was paid back.
    """

    status: PaymentStatus
    payment: str
    is_refunded: bool = False


class PaymentArchive(Protocol):
    """Protocol of a provider's record of completed payments."""

    async def payments_of(self, address: str) -> tuple[ArchivedPayment, ...]:
        """Return the payments of the buyer with a mail address.

        Raises ProviderUnavailable.
        """
        ...

    async def buyer_of(self, payment: str) -> tuple[str, str]:
        """Return the mail address and the signed quote of a payment.

        Each is empty where the provider doesn't have it. Raises
        ProviderUnavailable.
        """
        ...


class Provider(Protocol):
    """Protocol of a payment provider."""

    @property
    def name(self) -> str:
        """Lower-case name, part of addresses and receipts."""
        ...

    @property
    def label(self) -> str:
        """Text of the button, in English, marked for translation."""
        ...

    @property
    def page(self) -> str | None:
        """Template of the store's own payment page, None if there is none."""
        ...

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins that a buyer is sent to, like `https://pay.example`."""
        ...

    @property
    def webhooks(self) -> WebhookHandler | None:
        """Handler of the provider's webhooks, None if it sends none."""
        ...

    @property
    def archive(self) -> PaymentArchive | None:
        """Record of its payments, None if the provider keeps none."""
        ...

    @property
    def refunds(self) -> RefundHandler | None:
        """Handler of refunds, None where nothing can be refunded."""
        ...

    @property
    def adds_tax(self) -> bool:
        """True if tax may be added on the provider's page."""
        ...

    @property
    def moves_money(self) -> bool:
        """True if orders cost the buyer money.

        Where they don't, anyone can place as many as they like, and mails
        and records of them are limited.
        """
        ...

    @property
    def status(self) -> tuple[str, ...]:
        """Lines on its set-up for the operator's terminal, if any."""
        ...

    @property
    def paid_note(self) -> str:
        """Text of a receipt on how it was paid, empty for none.

        In English, marked for translation.
        """
        ...

    def payment_url(self, reference: str, *, is_test: bool) -> str:
        """Return the address of a payment for the seller, empty for none.

        `reference` is that of an order in the ledger.
        """
        ...

    def accepts(self, quote: Quote) -> bool:
        """Return whether this quote can be paid with this provider."""
        ...

    async def start(self, payment: PaymentRequest) -> Paid | PayAt:
        """Start a payment. The same request again starts no second one.

        Raises ProviderUnavailable and AmountNotSupported.
        """
        ...

    async def settle(self, answer: PaymentReturn) -> PaymentStatus:
        """Return the status of the payment that a buyer returns from.

        Raises ProviderUnavailable and NoSuchPayment.
        """
        ...

    async def aclose(self) -> None:
        """Close the provider's connections."""
        ...


class PaymentError(Exception):
    """Base class of payment errors."""


class ProviderUnavailable(PaymentError):
    """The provider doesn't answer, or not as it should."""

    def __init__(self, provider: str, why: str) -> None:
        super().__init__(f"{provider}: {why}")
        self.provider = provider
        self.why = why


class ProviderBusy(ProviderUnavailable):
    """The queue of calls to the provider is full; retry later."""


class AmountNotSupported(PaymentError):
    """The provider can't charge this amount, or not in this currency."""

    def __init__(self, total: Money) -> None:
        super().__init__(total)
        self.total = total


class NoSuchPayment(PaymentError):
    """The provider has no such payment, or it is not this store's."""


class AmountMismatch(PaymentError):
    """The amount paid is not the amount quoted; the order isn't fulfilled."""

    def __init__(self, quoted: Money, paid: Money, reference: str) -> None:
        super().__init__(quoted, paid)
        self.quoted = quoted
        self.paid = paid
        self.reference = reference


class BadWebhookSignature(PaymentError):
    """A webhook that its provider has not signed, or not recently."""


class PaymentNotFoundYet(PaymentError):
    """The provider can't find what a webhook is about; it may later."""


class InboxUnavailable(PaymentError):
    """A webhook can't be stored; the provider has to send it again."""

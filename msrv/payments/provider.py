"""What a payment provider is: two protocols, and what their calls end in.

A provider is handed a bill, never a cart: what is to be paid stands in its
quote, signed, and nothing that a browser sends can change it. What a provider
says of a payment is compared with that quote by the till, never by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from msrv.money import Money
from msrv.proofs.quotes import Quote

WHOLE: Final = ""
"""The `item_id` of what concerns a whole order."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What a provider is asked to take.

    `token` is the quote, signed; `titles` are its lines' in their order.
    `base_url` is the store's own address, without a slash at its end.
    `at_a_page` says that a person is looking at one, and can be sent to
    another. `tax_included` says that the prices hold the tax already.
    `return_mark` goes with the address to come back to, as `q`.
    """

    quote: Quote
    token: str
    titles: tuple[str, ...]
    base_url: str
    at_a_page: bool = True
    tax_included: bool = False
    return_mark: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from where a buyer paid: a form's or a query's fields.

    `quote` and `token` are given where the payment was made at the store's
    own page; they have been checked.
    """

    fields: Mapping[str, str]
    quote: Quote | None = None
    token: str = ""


@dataclass(frozen=True, slots=True)
class Paid:
    """The money is there: this much of it.

    `reference` is what the provider calls the checkout; it is the same
    whenever it is asked, and the order's id is made of it. `payment` is what
    a seller finds the money by, where that is another name. `is_test` says
    that the provider moved no money, as in its test mode.
    """

    total: Money
    reference: str
    payment: str = ""
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class PayAt:
    """The buyer has to go to this address (or path) and pay there."""

    url: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The buyer has done their part; the money takes hours or days."""

    reference: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The buyer, or who keeps their money, said no. Nothing was taken."""


Outcome = Paid | Pending | Refused


@dataclass(frozen=True, slots=True)
class Settled:
    """How the payment of a signed quote stands."""

    token: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Change:
    """Something of a paid order was given back, or that was undone.

    `item_id` is WHOLE for all of it.
    """

    token: str
    reference: str
    item_id: str
    revoked: bool


News = Settled | Change


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept of a provider's message until it has been followed.

    `event_id` is the provider's own, the same each time it tells; `at` is
    when it happened, in Unix seconds. `facts` hold nothing of a person.
    """

    event_id: str
    kind: str
    at: int
    facts: Mapping[str, str] = field(default_factory=dict)


class Ear(Protocol):
    """What hears a provider's own messages."""

    def read(self, body: bytes, headers: Mapping[str, str]) -> Note | None:
        """Check a message and keep what matters; None where nothing does.

        Raises NotSigned.
        """
        ...

    async def follow(self, note: Note) -> tuple[News, ...]:
        """Find out what a message means, and ask the provider if need be.

        Nothing for what is not this store's. Raises ProviderAway and
        UnknownYet: then it is followed again later.
        """
        ...


class Provider(Protocol):
    """Who takes the money.

    `name` stands in addresses and receipts, `label` on the button.
    """

    @property
    def name(self) -> str:
        """The provider's name: lower-case letters."""
        ...

    @property
    def label(self) -> str:
        """What the button says."""
        ...

    @property
    def page(self) -> str | None:
        """The template of the store's own page to pay at, if there is one."""
        ...

    @property
    def origins(self) -> tuple[str, ...]:
        """Whose pages a buyer is sent to, like `https://pay.example`."""
        ...

    @property
    def ear(self) -> Ear | None:
        """What hears its messages; None where it sends none."""
        ...

    def takes(self, quote: Quote) -> bool:
        """Whether this quote can be paid here."""
        ...

    async def begin(self, bill: Bill) -> Paid | PayAt:
        """Begin a payment; the same bill again begins no second one.

        Raises ProviderAway and AmountNotTaken.
        """
        ...

    async def settle(self, answer: Answer) -> Settled:
        """Say how a payment stands. Raises ProviderAway and NoSuchPayment."""
        ...

    async def aclose(self) -> None:
        """Let go of what it holds."""
        ...

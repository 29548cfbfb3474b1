"""What a payment provider is: one protocol, and what its calls end in.

A provider is handed a quote, never a cart: what is to be paid stands in it,
signed, and nothing that a browser sends can change it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from msrv.proofs.quotes import Quote


@dataclass(frozen=True, slots=True)
class Paid:
    """The money is there: the receipt can be written."""


@dataclass(frozen=True, slots=True)
class PayAt:
    """The buyer has to go to this address (or path) and pay there."""

    url: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The buyer, or who keeps their money, said no. Nothing was taken."""


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

    def takes(self, quote: Quote) -> bool:
        """Whether this quote can be paid here."""
        ...

    async def begin(
        self, quote: Quote, token: str, *, at_a_page: bool
    ) -> Paid | PayAt:
        """Begin a payment; `token` is the signed quote.

        `at_a_page` says that a person is looking at one, and can be sent to
        another.
        """
        ...

    async def settle(
        self, quote: Quote, form: Mapping[str, str]
    ) -> Paid | Refused:
        """Say how the payment of a quote ended; `form` is what came back."""
        ...

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds and disputes of payments: their values, protocol and errors.

A refund that the store requests has a key, and a provider makes at most one
refund with it, however often it is asked. The key is that of the payment's
state: of two requests that saw the same state, one is made.

- `RefundError`
    - `RefundRefused`: the provider doesn't make this refund; no money moved
    - `RefundOutdated`: another refund was made or requested meanwhile
    - `RefundUnconfirmed`: the provider didn't say whether it made the refund
"""

from dataclasses import dataclass
from typing import Protocol

from msrv.money import Money


@dataclass(frozen=True, slots=True)
class RevocationChange:
    """A revocation of an order or of one of its items, or its undoing.

    `item_id` is WHOLE for the whole order. `revoked` is false for an undoing.
    `payment` is the id by which the seller finds the money. `at` is since
    when it is revoked, in Unix seconds, None for the time of the event.
    """

    token: str
    reference: str
    item_id: str
    revoked: bool
    payment: str = ""
    at: int | None = None


@dataclass(frozen=True, slots=True)
class PaymentReversal:
    """Money of a payment that went back: a refund, or a buyer's dispute.

    `kind` is `refund` or `dispute`, `status` the provider's own word, which
    may not be the last. `paid` is the amount of the whole payment, with any
    tax. `items` are the items that it names, none for the payment as such;
    `ends_links` is true if it ends the links of the whole order, whatever its
    amount. `key` is that of a refund which this store requested, `by` its
    source, `reason` the provider's word for a failure or a dispute.
    """

    reversal_id: str
    kind: str
    status: str
    amount: Money
    paid: Money
    created_at: int
    items: tuple[str, ...] = ()
    ends_links: bool = False
    key: str = ""
    by: str = ""
    reason: str = ""
    is_effective: bool = True
    """False where the money isn't gone: a failed refund, a dispute won."""


@dataclass(frozen=True, slots=True)
class PaymentReversals:
    """Refunds and disputes of the payment of a signed quote, `token`.

    `reference` is that of the checkout, `payment` the id by which the seller
    finds the money.
    """

    token: str
    reference: str
    payment: str
    reversals: tuple[PaymentReversal, ...]


@dataclass(frozen=True, slots=True)
class RefundedPayment:
    """A payment with its refunds and disputes, as they are now.

    `paid` is what the buyer paid, with any tax. `token` is the signed quote
    and `reference` the id of the checkout, both empty where the provider
    keeps none. `changes` are what the reversals mean for the order's links.
    `mail` is the buyer's address, empty where it is unknown; `paid_at` is as
    in `msrv.payments.provider.Paid`.
    """

    paid: Money
    reversals: tuple[PaymentReversal, ...] = ()
    changes: tuple[RevocationChange, ...] = ()
    token: str = ""
    reference: str = ""
    mail: str = ""
    paid_at: int | None = None
    is_test: bool = False

    @property
    def remaining_minor(self) -> int:
        """Amount that can still be refunded, in minor units."""
        gone = sum(
            each.amount.minor for each in self.reversals if each.is_effective
        )
        return max(0, self.paid.minor - gone)

    @property
    def refund_count(self) -> int:
        """Number of refunds that were ever made, including failed ones."""
        return sum(1 for each in self.reversals if each.kind == "refund")

    def find(self, key: str) -> PaymentReversal | None:
        """Return the refund that was made with a key, None without one."""
        return next(
            (each for each in self.reversals if key and each.key == key), None
        )


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A refund that a provider is asked to make.

    `payment` is the provider's id of the payment, `paid` all that was paid.
    `items` are the items that it is for, none for an amount; `ends_links` is
    true if it ends the links of the whole order. `by` is recorded as the
    source.
    """

    key: str
    payment: str
    amount: Money
    paid: Money
    items: tuple[str, ...] = ()
    ends_links: bool = False
    by: str = ""


class RefundHandler(Protocol):
    """Protocol of a handler that refunds a provider's payments.

    `keeps_record` is false where only the store's ledger knows of payments
    and refunds, as for simulated ones.
    """

    @property
    def keeps_record(self) -> bool:
        """True if the provider can be asked for a payment's refunds."""
        ...

    async def look_up(self, payment: str) -> RefundedPayment:
        """Return a payment with its refunds and disputes.

        Raises NoSuchPayment, ProviderUnavailable.
        """
        ...

    def check(self, order: RefundOrder) -> None:
        """Raise RefundRefused for what the provider can't be asked for."""
        ...

    async def refund(self, order: RefundOrder, now: int) -> PaymentReversal:
        """Refund a payment, once for each key, after `check`.

        Raises RefundRefused, RefundOutdated, RefundUnconfirmed.
        """
        ...


class RefundError(Exception):
    """Base class of errors of refunds."""


class RefundRefused(RefundError):
    """The provider doesn't make this refund; `code` is the provider's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RefundOutdated(RefundError):
    """Another refund of the payment was made or requested meanwhile."""


class RefundUnconfirmed(RefundError):
    """The provider may or may not have made the refund."""


class SimulatedRefunds:
    """Refunds of simulated payments: recorded, and no money moves."""

    keeps_record = False

    async def look_up(self, payment: str) -> RefundedPayment:
        """Raise NotImplementedError: the ledger has all there is."""
        raise NotImplementedError(payment)

    def check(self, order: RefundOrder) -> None:
        """Do nothing: any refund can be recorded."""

    async def refund(self, order: RefundOrder, now: int) -> PaymentReversal:
        """Return the refund."""
        return PaymentReversal(
            reversal_id=order.key,
            kind="refund",
            status="succeeded",
            amount=order.amount,
            paid=order.paid,
            created_at=now,
            items=order.items,
            ends_links=order.ends_links,
            key=order.key,
            by=order.by,
        )

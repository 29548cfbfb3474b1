# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""From what an operator chooses to an amount, and to the links that end.

Pure. Amounts are of what the buyer paid: with a tax that was added to the
prices, a line's is its share of the payment.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from msrv.ledger.events import WHOLE_ORDER
from msrv.ledger.reversals.allocation import ReversedAmount, allocate_refunds
from msrv.money import Money
from msrv.orders.refunds.errors import NothingChosen, RefundTooHigh
from msrv.payments.refunds import RefundedPayment

if TYPE_CHECKING:
    from msrv.ledger.db.order_queries import Order


class RefundPart(StrEnum):
    """Part of an order: all that is left, some lines, or an amount."""

    REST = "rest"
    LINES = "lines"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class RefundChoice:
    """Part of an order to refund, as an operator chose it.

    `items` count for lines only, `amount_minor` and `ends_links` for an
    amount only: other refunds end the links of what they refund.
    """

    part: RefundPart
    items: tuple[str, ...] = ()
    amount_minor: int = 0
    ends_links: bool = False


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """A refund: its amount, its lines, and the links that end with it.

    `items` are the lines that it is for, none for the order as such. `ended`
    are the lines whose links end.
    """

    amount: Money
    items: tuple[str, ...]
    ends_links: bool
    ended: tuple[str, ...]

    @property
    def revoked(self) -> tuple[str, ...]:
        """The revoked items: the whole order, or the lines."""
        return (WHOLE_ORDER,) if self.ends_links else self.items


def line_amounts(order: "Order", payment: RefundedPayment) -> dict[str, int]:
    """Return how much of the payment is left of each line, in minor units.

    Computed from the reversals that the state's number counts, and not from
    the database, which may not have a refund yet. A refund that names no line
    is one of all lines.
    """
    made = sorted(
        (each for each in payment.reversals if each.is_effective),
        key=lambda each: (each.created_at, each.reversal_id),
    )
    refunds = allocate_refunds(
        {line.item_id: line.price_minor for line in order.lines},
        payment.paid.minor,
        (ReversedAmount(each.amount.minor, each.items) for each in made),
    )
    return {item_id: each.left_minor for item_id, each in refunds.items()}


def plan_refund(
    order: "Order", payment: RefundedPayment, choice: RefundChoice
) -> RefundPlan:
    """Return the refund of a choice. Raises NothingChosen, RefundTooHigh."""
    remaining = payment.remaining_minor
    items: tuple[str, ...] = ()
    if choice.part is RefundPart.REST:
        minor = remaining
    elif choice.part is RefundPart.AMOUNT:
        minor = choice.amount_minor
    else:
        amounts = line_amounts(order, payment)
        items = tuple(each for each in amounts if each in choice.items)
        minor = min(remaining, sum(amounts[each] for each in items))
    if minor > remaining:
        raise RefundTooHigh(Money(remaining, payment.paid.currency))
    if minor <= 0:
        raise NothingChosen
    # A refund of everything ends all links, however it was chosen.
    is_all = minor == remaining
    ends_links = is_all or (
        choice.part is RefundPart.AMOUNT and choice.ends_links
    )
    ended = tuple(
        line.item_id
        for line in order.lines
        if not line.refunded and (ends_links or line.item_id in items)
    )
    return RefundPlan(
        Money(minor, payment.paid.currency),
        items,
        ends_links,
        ended,
    )

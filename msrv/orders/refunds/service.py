# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunding an order: at most once, whatever is pressed, repeated or killed.

A refund has the key of the state that the operator saw: how many refunds the
payment had, and how many were refused. The provider makes one refund for each
key, so that two clicks, two tabs and two replicas make one; and a request that
saw another state than the provider's is refused. Before the provider is asked,
an event is stored that follows the refund until it is recorded.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msrv.ledger.events import Revoked
from msrv.ledger.ledger import Ledger
from msrv.ledger.reversals.event import REFUND, REFUSED, Reversal
from msrv.money import Money
from msrv.orders.refunds.errors import NothingPaid, ProviderNotSetUp
from msrv.orders.refunds.plan import RefundChoice, RefundPlan, plan_refund
from msrv.orders.refunds.recording import follow_up, reversal_event
from msrv.orders.webhooks import WebhookWorker
from msrv.payments.provider import NoSuchPayment
from msrv.payments.refunds import (
    PaymentReversal,
    RefundedPayment,
    RefundHandler,
    RefundOrder,
    RefundOutdated,
    RefundRefused,
    RefundUnconfirmed,
)
from msrv.payments.registry import Providers
from msrv.payments.settlement import Settlement
from msrv.proofs.errors import Forged
from msrv.proofs.receipts import provider_name

if TYPE_CHECKING:
    from msrv.ledger.db.order_queries import OrderHistory
    from msrv.ledger.db.refunds.queries import OrderReversal


@dataclass(frozen=True, slots=True)
class OrderPayment:
    """Payment of an order, in the state that a refund's key is made of.

    `attempts` is the number of refunds that the provider has refused.
    """

    payment: RefundedPayment
    attempts: int

    @property
    def number(self) -> str:
        """Text that stands for this state, in a form."""
        return f"{self.payment.refund_count}.{self.attempts}"


@dataclass(frozen=True, slots=True)
class Refunds:
    """Refunds orders. `clock` returns Unix seconds."""

    providers: Providers
    settlement: Settlement
    ledger: Ledger
    webhooks: WebhookWorker
    clock: Callable[[], int]

    async def look_up(self, history: "OrderHistory") -> OrderPayment:
        """Return the state of an order's payment.

        Raises NothingPaid, ProviderNotSetUp, ProviderUnavailable, and
        NoSuchPayment.
        """
        order = history.order
        handler = self._handler(history)
        attempts = sum(
            1 for each in history.reversals if each.status == REFUSED
        )
        if not handler.keeps_record:
            recorded = tuple(
                _simulated(each, order.currency)
                for each in history.reversals
                if each.status != REFUSED
            )
            paid = Money(order.total_minor, order.currency)
            return OrderPayment(RefundedPayment(paid, recorded), attempts)
        found = await handler.look_up(order.reference)
        self._check_order(history, found)
        return OrderPayment(found, attempts)

    def mail_of(self, state: OrderPayment) -> str:
        """Return the buyer's address, empty if it is unknown.

        The one for the receipt, or else the one that the provider has.
        """
        stated = ""
        if state.payment.token:
            with contextlib.suppress(Forged):
                stated = self.settlement.mail_of(state.payment.token)
        return stated or state.payment.mail

    async def refund(
        self,
        history: "OrderHistory",
        choice: RefundChoice,
        number: str,
        by: str,
    ) -> RefundPlan | None:
        """Refund a part of an order, in the state that the operator saw.

        Returns what was refunded, None if this very request had been made
        before. `by` is recorded as the source. Raises RefundOutdated if the
        state has changed, NothingChosen, RefundTooHigh, RefundRefused,
        RefundUnconfirmed, InboxUnavailable, SpoolFailed, and the errors of
        `look_up`: with all but RefundUnconfirmed no money has moved.
        """
        order, handler = history.order, self._handler(history)
        state = await self.look_up(history)
        key = f"msrv-{order.order_id}-{number}"
        if state.payment.find(key) is not None:
            return None
        if number != state.number:
            raise RefundOutdated
        plan = plan_refund(order, state.payment, choice)
        request = RefundOrder(
            key=key,
            payment=order.reference,
            amount=plan.amount,
            paid=state.payment.paid,
            items=plan.items,
            ends_links=plan.ends_links,
            by=by,
        )
        handler.check(request)
        await self.ledger.reserve_space()
        if handler.keeps_record:
            await self._request(history, handler, request, state)
        else:
            made = await handler.refund(request, self.clock())
            await self._record(history, made, plan)
        await self.ledger.sync_now()
        return plan

    async def _request(
        self,
        history: "OrderHistory",
        handler: RefundHandler,
        request: RefundOrder,
        state: OrderPayment,
    ) -> None:
        """Request a refund from its provider, and record it."""
        order, now = history.order, self.clock()
        provider = provider_name(order.provider)
        event = follow_up(request, now)
        is_first = await self.webhooks.store(provider, event)
        # After RefundOutdated it stays: it may be that of the request which
        # had the key before, and without a refund it ends by itself.
        try:
            await handler.refund(request, now)
        except RefundRefused as error:
            await self.ledger.record(
                Reversal(
                    provider=provider,
                    reversal_id=request.key,
                    order_id=order.order_id,
                    kind=REFUND,
                    status=REFUSED,
                    amount_minor=request.amount.minor,
                    paid_minor=state.payment.paid.minor,
                    created_at=now,
                    seen_at=now,
                    by=request.by,
                    items=request.items,
                    reason=error.code[:64],
                    is_effective=False,
                )
            )
            if is_first:
                # Else it may follow a refund that an earlier request made.
                await self.webhooks.discard(provider, event)
            await self.ledger.sync_now()
            raise
        except RefundUnconfirmed:
            # Its answer may be all that was lost.
            if not await self.webhooks.process_now(provider, event):
                raise
            return
        # The refund is made: what fails from here on is retried.
        await self.webhooks.process_now(provider, event)

    async def _record(
        self, history: "OrderHistory", made: PaymentReversal, plan: RefundPlan
    ) -> None:
        """Record a refund of which only the ledger knows."""
        order = history.order
        provider = provider_name(order.provider)
        items = frozenset(line.item_id for line in order.lines)
        now = self.clock()
        event = reversal_event(provider, order.order_id, made, now, items)
        await self.ledger.record(event)
        for item_id in plan.revoked:
            await self.ledger.record(
                Revoked(order.order_id, item_id, now * 1000, event.by)
            )

    def _handler(self, history: "OrderHistory") -> RefundHandler:
        """Return what refunds an order. Raises RefundImpossible."""
        order = history.order
        if not order.total_minor:
            raise NothingPaid
        handler = self.providers.refunds_of(order.provider)
        if handler is None:
            raise ProviderNotSetUp
        return handler

    def _check_order(
        self, history: "OrderHistory", found: RefundedPayment
    ) -> None:
        """Raise NoSuchPayment unless a payment is that of the order."""
        order = history.order
        provider = provider_name(order.provider)
        if found.is_test is (provider == order.provider):
            raise ProviderNotSetUp
        try:
            paid_id = self.settlement.order_id_of(
                provider, found.token, found.reference
            )
        except Forged:
            return  # of a NONCE that is no longer set
        if paid_id != order.order_id:
            raise NoSuchPayment


def _simulated(each: "OrderReversal", currency: str) -> PaymentReversal:
    """Return a refund that only the ledger knows of."""
    return PaymentReversal(
        reversal_id=each.reversal_id,
        kind=each.kind,
        status=each.status,
        amount=Money(each.amount_minor, currency),
        paid=Money(each.paid_minor, currency),
        created_at=each.created_at,
        items=each.items,
        key=each.reversal_id,
        by=each.changed_by,
        is_effective=each.is_effective,
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Recording of refunds and disputes, wherever they were made.

What a provider says of a payment now is recorded, so that neither the order of
its webhooks nor a repeated one matters. A refund that the studio requested is
followed by an event in the inbox, which outlives a crash: it is processed
until the refund is recorded and its mail is queued.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from msrv.ledger.events import Restored, Revoked
from msrv.ledger.ledger import Ledger
from msrv.ledger.reversals.event import REFUND, REFUSED, Reversal
from msrv.orders.receipt_mails import ReceiptMails
from msrv.payments.provider import (
    WHOLE,
    Paid,
    PaymentError,
    PaymentNotFoundYet,
    WebhookEvent,
)
from msrv.payments.refunds import (
    PaymentReversal,
    PaymentReversals,
    RefundedPayment,
    RefundOrder,
    RevocationChange,
)
from msrv.payments.registry import Providers
from msrv.payments.settlement import Settlement
from msrv.proofs.errors import Forged
from msrv.proofs.orders import is_item_id

log = logging.getLogger(__name__)

REFUND_EVENT: Final = "msrv.refund"
"""Kind of the event that follows a refund until it is recorded."""
UNCONFIRMED_SECONDS: Final = 900
"""Time for which an unconfirmed refund is looked for: far longer than any
request to a provider takes."""
NOT_MADE: Final = "not_made"
"""Reason of a refund that was requested, and isn't at the provider."""
_KEY: Final = "refund"
_PAYMENT: Final = "payment"
_MINOR: Final = "amount_minor"
_ITEMS: Final = "items"
_BY: Final = "by"
_WORD: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NOT_REASON: Final = re.compile(r"[^a-z0-9_.-]")
_REASON_CHARS: Final = 64


def follow_up(request: RefundOrder, now: int) -> WebhookEvent:
    """Return the event to store before a refund is requested."""
    return WebhookEvent(
        request.key,
        REFUND_EVENT,
        now,
        {
            _PAYMENT: request.payment,
            _KEY: request.key,
            # Earlier versions store none of these.
            _MINOR: str(request.amount.minor),
            _ITEMS: " ".join(request.items),
            _BY: request.by,
        },
    )


@dataclass(frozen=True, slots=True)
class RefundRecorder:
    """Records refunds and disputes. `clock` returns Unix seconds."""

    providers: Providers
    settlement: Settlement
    ledger: Ledger
    mails: ReceiptMails
    clock: Callable[[], int]

    async def record_change(
        self, provider: str, change: RevocationChange, at: int
    ) -> str:
        """Record a revocation or its undoing; return the order's id.

        `at` is in Unix seconds. Raises Forged for an unknown order, and
        LedgerError.
        """
        order_id, items = await self._find_order(
            provider, change.token, change.reference, change.payment
        )
        if change.item_id not in items | {WHOLE}:
            log.warning(
                "%s refunded %r, which is not in order %s",
                provider,
                change.item_id[:64],
                order_id,
            )
            return order_id
        kind = Revoked if change.revoked else Restored
        since = at if change.at is None else change.at
        await self.ledger.record(
            kind(order_id, change.item_id, since * 1000, provider)
        )
        return order_id

    async def record_reversals(
        self, provider: str, found: PaymentReversals, at: int
    ) -> str:
        """Record the refunds and disputes of a payment, in their status.

        Returns the order's id. Raises Forged for an unknown order, and
        LedgerError.
        """
        order_id, items = await self._find_order(
            provider, found.token, found.reference, found.payment
        )
        for each in found.reversals:
            await self.ledger.record(
                reversal_event(provider, order_id, each, at, items)
            )
        return order_id

    async def record_requested(
        self, provider: str, event: WebhookEvent
    ) -> None:
        """Look up a requested refund at the provider, and record its result.

        Its mail is queued.

        One that was never made is recorded as refused: the provider repeats
        an error for as long as it remembers the key, and the next refund has
        another key. Raises PaymentError, also while that isn't certain;
        Forged, LedgerError, NotReady.
        """
        handler = self.providers.refunds_of(provider)
        if handler is None:
            raise PaymentError("the provider's refunds are not set up")
        payment, key = event.facts[_PAYMENT], event.facts[_KEY]
        found = await handler.look_up(payment)
        made = found.find(key)
        if made is None:
            if self.clock() < event.at + UNCONFIRMED_SECONDS:
                raise PaymentNotFoundYet("the refund may still be made")
            log.warning("refund %s of payment %s was not made", key, payment)
            await self._record_unmade(provider, event, found)
            return
        for change in found.changes:
            await self.record_change(provider, change, made.created_at)
        await self.record_reversals(
            provider,
            PaymentReversals(
                found.token, found.reference, payment, found.reversals
            ),
            self.clock(),
        )
        await self._mail(provider, payment, found, made)

    async def _record_unmade(
        self, provider: str, event: WebhookEvent, found: RefundedPayment
    ) -> None:
        """Record a refund that wasn't made, unless the reason is known.

        Raises Forged, LedgerError.
        """
        from msrv.ledger.db.refunds import queries  # noqa: PLC0415 - slow to import

        facts = event.facts
        order_id, items = await self._find_order(
            provider, found.token, found.reference, facts[_PAYMENT]
        )
        await self.ledger.sync_now()
        async with self.ledger.read_transaction() as connection:
            known = await queries.load_reversals(connection, order_id)
        if any(each.reversal_id == facts[_KEY] for each in known):
            return
        by = facts.get(_BY, "")
        await self.ledger.record(
            Reversal(
                provider=provider,
                reversal_id=facts[_KEY],
                order_id=order_id,
                kind=REFUND,
                status=REFUSED,
                amount_minor=int(facts.get(_MINOR, 0)),
                paid_minor=found.paid.minor,
                created_at=event.at,
                seen_at=max(event.at, self.clock()),
                by=by if _WORD.fullmatch(by) else provider,
                items=tuple(
                    each
                    for each in facts.get(_ITEMS, "").split()
                    if each in items
                ),
                reason=NOT_MADE,
                is_effective=False,
            )
        )

    async def _mail(
        self,
        provider: str,
        payment: str,
        found: RefundedPayment,
        made: PaymentReversal,
    ) -> None:
        """Queue the mail of a refund, once; none without an address."""
        if not made.is_effective:
            return
        paid = Paid(
            found.paid,
            found.reference,
            payment,
            is_test=found.is_test,
            paid_at=found.paid_at,
        )
        try:
            order = self.settlement.order_of(provider, found.token, paid)
        except Forged:
            log.info(
                "the buyer of refund %s is not mailed: old NONCE", made.key
            )
            return
        await self.mails.queue_refund(
            order,
            order.mail or found.mail,
            made,
            ends_all=made.ends_links or not found.remaining_minor,
        )

    async def _find_order(
        self, provider: str, token: str, reference: str, payment: str
    ) -> tuple[str, frozenset[str]]:
        """Return the id and the items of the order of a payment.

        The quote of a NONCE that is no longer set can't be read: its order is
        then looked up in the ledger. Its receipt is valid still, by a retired
        key, so its links have to end as any other's. Raises Forged.
        """
        try:
            return (
                self.settlement.order_id_of(provider, token, reference),
                self.settlement.items_of(token),
            )
        except Forged:
            found = await self.ledger.find_paid_order(provider, payment)
            if found is None:
                raise
            return found


def reversal_event(
    provider: str,
    order_id: str,
    found: PaymentReversal,
    at: int,
    items: frozenset[str],
) -> Reversal:
    """Return the ledger's event of a reversal, as it was seen at a time."""
    reason = _NOT_REASON.sub("-", found.reason.lower())[:_REASON_CHARS]
    return Reversal(
        provider=provider,
        reversal_id=found.reversal_id,
        order_id=order_id,
        kind=found.kind,
        status=found.status,
        amount_minor=found.amount.minor,
        paid_minor=found.paid.minor,
        created_at=found.created_at,
        seen_at=max(at, found.created_at),
        by=found.by if _WORD.fullmatch(found.by) else provider,
        items=tuple(
            each for each in found.items if is_item_id(each) and each in items
        ),
        reason=reason,
        is_effective=found.is_effective,
    )

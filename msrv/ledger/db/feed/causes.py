# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Outgoing events by their causes: what the ledger records.

Apart from `outgoing_events`: this is pure.
"""

from collections.abc import Iterable
from typing import Final

from msrv.ledger.db.feed.outgoing_events import (
    EventKind,
    OutgoingEvent,
    new_event,
)
from msrv.ledger.events import Delivered, PaymentEvent, Sale

_DISPUTED: Final = "dispute.created"
"""End of the kind of a payment event that a dispute begins with."""


def sales_paid(sales: Iterable[Sale]) -> list[OutgoingEvent]:
    """Return the events of new sales; there is none for a free order."""
    return [
        new_event(
            EventKind.ORDER_PAID,
            at=each.sold_at,
            order_id=each.order_id,
            amount_minor=each.total_minor,
        )
        for each in sales
        if each.total_minor
    ]


def orders_disputed(payments: Iterable[PaymentEvent]) -> list[OutgoingEvent]:
    """Return the events of those payment events that begin a dispute."""
    return [
        new_event(
            EventKind.ORDER_DISPUTED,
            each.provider,
            each.event_id,
            at=each.received_at,
            order_id=each.order_id,
        )
        for each in payments
        if each.kind.endswith(_DISPUTED) and each.order_id
    ]


def lines_refunded(
    order_id: str,
    prices: Iterable[tuple[str, int]],
    changed_at_ms: int,
    refunded_minor: int,
) -> OutgoingEvent:
    """Return the event of lines that are refunded from now on.

    `refunded_minor` is what of the order is refunded then, which tells two
    refunds of the same line in a second apart.
    """
    lines = list(prices)
    return new_event(
        EventKind.ORDER_REFUNDED,
        changed_at_ms,
        refunded_minor,
        at=changed_at_ms // 1000,
        order_id=order_id,
        item_ids=[item_id for item_id, _ in lines],
        amount_minor=sum(price for _, price in lines),
    )


def download_completed(delivery: Delivered) -> OutgoingEvent:
    """Return the event of a download whose last byte was delivered."""
    return new_event(
        EventKind.DOWNLOAD_COMPLETED,
        delivery.version,
        at=delivery.at,
        order_id=delivery.order_id,
        item_ids=[delivery.item_id],
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queries for orders: pages, and the history of one order.

Pages continue from the key of the last row, and count none: keyset paging.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.refunds.queries import (
    OrderReversal,
    RevocationState,
    load_reversals,
    select_revocations,
)
from msrv.ledger.db.schema import (
    consents,
    downloads,
    order_items,
    orders,
    payment_events,
    refunds,
)
from msrv.ledger.db.taxes.rows import load_taxes
from msrv.proofs.consents import Consent
from msrv.taxes.sale_tax import SaleTax

PAGE: Final = 50
"""Number of rows on a page."""

OrderKey = tuple[int, str]
"""Sort key of an order: `(sold_at, order_id)`."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Item of an order, with its title and price at the sale."""

    item_id: str
    title: str
    price_minor: int
    refunded: bool
    refunded_minor: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """Order. `sold_at` is in Unix seconds, amounts are in minor units.

    `reference` is the payment provider's id of the payment, or empty.
    `consent` is the buyer's to immediate delivery, None without one. `tax` is
    the buyer's country and the tax, None where nothing is known.
    """

    order_id: str
    sold_at: int
    provider: str
    reference: str
    currency: str
    total_minor: int
    refunded_minor: int
    lines: tuple[OrderLine, ...]
    consent: Consent | None = None
    tax: SaleTax | None = None

    @property
    def key(self) -> OrderKey:
        """Sort key."""
        return self.sold_at, self.order_id


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Page of orders, newest first; `after` is the key for the next page."""

    orders: tuple[Order, ...]
    after: OrderKey | None


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes of one version of an item that were delivered to its buyer."""

    item_id: str
    version: str
    size_bytes: int
    delivered_bytes: int
    began_at: int
    last_at: int
    completed_at: int | None


@dataclass(frozen=True, slots=True)
class Payment:
    """Webhook event of a payment provider about an order."""

    provider: str
    event_id: str
    kind: str
    received_at: int


@dataclass(frozen=True, slots=True)
class OrderHistory:
    """Everything that the ledger has of one order."""

    order: Order
    downloads: tuple[Download, ...]
    changes: tuple[RevocationState, ...]
    payments: tuple[Payment, ...]
    reversals: tuple[OrderReversal, ...] = ()


async def list_orders(
    connection: AsyncConnection,
    *,
    since: int | None = None,
    before: int | None = None,
    currency: str = "",
    item_ids: Collection[str] = (),
    refunded: bool = False,
    after: OrderKey | None = None,
    most: int = PAGE,
) -> OrderPage:
    """Return orders sold at `since` or later and earlier than `before`.

    Newest first; `after` is the key from the previous page. With `currency`,
    only those paid in it, and with `item_ids`, only those with one of these.
    With `refunded`, only those of which one of these, or anything, was.
    """
    wanted = select(orders)
    line = order_items.c
    is_refunded = or_(line.refunded, line.refunded_minor > 0)
    if len(item_ids) == 1:
        # Its key is the order and the item: no order is found twice.
        wanted = wanted.join(
            order_items, line.order_id == orders.c.order_id
        ).where(line.item_id == next(iter(item_ids)))
        if refunded:
            wanted = wanted.where(is_refunded)
    elif item_ids:
        found_lines = select(line.order_id).where(line.item_id.in_(item_ids))
        if refunded:
            found_lines = found_lines.where(is_refunded)
        wanted = wanted.where(orders.c.order_id.in_(found_lines))
    elif refunded:
        wanted = wanted.where(
            select(line.order_id)
            .where(line.order_id == orders.c.order_id, is_refunded)
            .exists()
        )
    if currency:
        wanted = wanted.where(orders.c.currency == currency)
    if since is not None:
        wanted = wanted.where(orders.c.sold_at >= since)
    if before is not None:
        wanted = wanted.where(orders.c.sold_at < before)
    if after is not None:
        sold_at, order_id = after
        # Each database enters the index at the right place for this form.
        wanted = wanted.where(
            orders.c.sold_at <= sold_at,
            or_(orders.c.sold_at < sold_at, orders.c.order_id < order_id),
        )
    wanted = wanted.order_by(
        orders.c.sold_at.desc(), orders.c.order_id.desc()
    ).limit(most + 1)
    found = await load_orders(connection, wanted)
    is_last = len(found) <= most
    return OrderPage(
        tuple(found[:most]), None if is_last else found[most - 1].key
    )


async def find_order(
    connection: AsyncConnection, order_id: str
) -> Order | None:
    """Return an order, None if the ledger doesn't have it."""
    wanted = select(orders).where(orders.c.order_id == order_id)
    found = await load_orders(connection, wanted)
    return found[0] if found else None


async def order_history(
    connection: AsyncConnection, order_id: str
) -> OrderHistory | None:
    """Return the history of an order, None if the ledger doesn't have it."""
    found = await find_order(connection, order_id)
    if found is None:
        return None
    sent = downloads.c
    event = payment_events.c
    download_rows = await connection.execute(
        select(
            sent.item_id,
            sent.version,
            sent.size_bytes,
            sent.delivered_bytes,
            sent.began_at,
            sent.last_at,
            sent.completed_at,
        )
        .where(sent.order_id == order_id)
        .order_by(sent.item_id, sent.version)
    )
    refund_rows = await connection.execute(
        select_revocations()
        .where(refunds.c.order_id == order_id)
        .order_by(refunds.c.changed_at_ms)
    )
    payment_rows = await connection.execute(
        select(event.provider, event.event_id, event.kind, event.received_at)
        .where(event.order_id == order_id)
        .order_by(event.received_at)
    )
    return OrderHistory(
        found,
        tuple(Download(*row) for row in download_rows),
        tuple(RevocationState(*row) for row in refund_rows),
        tuple(Payment(*row) for row in payment_rows),
        await load_reversals(connection, order_id),
    )


async def load_orders(
    connection: AsyncConnection, wanted: Select[Any]
) -> list[Order]:
    """Return the orders of a query for rows of `orders`, with their lines."""
    found = (await connection.execute(wanted)).all()
    lines: dict[str, list[OrderLine]] = {row.order_id: [] for row in found}
    given: dict[str, Consent] = {}
    taxes = await load_taxes(connection, list(lines))
    rows: Sequence[Row[Any]] = ()
    if found:
        consented = await connection.execute(
            select(consents).where(consents.c.order_id.in_(list(lines)))
        )
        given = {
            row.order_id: Consent(
                row.wording_sha256, row.language, row.given_at
            )
            for row in consented
        }
        held = await connection.execute(
            select(order_items)
            .where(order_items.c.order_id.in_(list(lines)))
            .order_by(order_items.c.order_id, order_items.c.position)
        )
        rows = held.all()
    for row in rows:
        lines[row.order_id].append(
            OrderLine(
                row.item_id,
                row.title,
                row.price_minor,
                row.refunded,
                row.refunded_minor,
            )
        )
    return [
        Order(
            row.order_id,
            row.sold_at,
            row.provider,
            row.reference,
            row.currency,
            row.total_minor,
            row.refunded_minor,
            tuple(lines[row.order_id]),
            given.get(row.order_id),
            taxes.get(row.order_id),
        )
        for row in found
    ]

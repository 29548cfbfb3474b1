"""One order's story: what was bought, delivered, refunded, told of."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.order_queries import PAGE, Order, with_lines
from msrv.ledger.db.schema import downloads, orders, payment_events, refunds


@dataclass(frozen=True, slots=True)
class Download:
    """What of an item has reached its buyer, as one version of it."""

    item_id: str
    version: str
    size_bytes: int
    delivered_bytes: int
    began_at: int
    last_at: int
    completed_at: int | None


@dataclass(frozen=True, slots=True)
class Change:
    """A refund, of all (`item_id` is empty) or of one line, or its undoing."""

    order_id: str
    item_id: str
    revoked: bool
    changed_at_ms: int
    changed_by: str


@dataclass(frozen=True, slots=True)
class Payment:
    """What a payment provider told of an order."""

    provider: str
    event_id: str
    kind: str
    received_at: int


@dataclass(frozen=True, slots=True)
class Story:
    """All that the ledger knows of one order."""

    order: Order
    downloads: tuple[Download, ...]
    changes: tuple[Change, ...]
    payments: tuple[Payment, ...]


async def story(connection: AsyncConnection, order_id: str) -> Story | None:
    """Tell all about an order; None for one that the ledger doesn't know."""
    found = await with_lines(
        connection, select(orders).where(orders.c.order_id == order_id)
    )
    if not found:
        return None
    sent = downloads.c
    change = refunds.c
    told = payment_events.c
    return Story(
        found[0],
        tuple(
            Download(*row)
            for row in await connection.execute(
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
                .order_by(sent.item_id, sent.version),
            )
        ),
        tuple(
            _change(row)
            for row in await connection.execute(
                _changes()
                .where(change.order_id == order_id)
                .order_by(change.changed_at_ms),
            )
        ),
        tuple(
            Payment(*row)
            for row in await connection.execute(
                select(
                    told.provider, told.event_id, told.kind, told.received_at
                )
                .where(told.order_id == order_id)
                .order_by(told.received_at),
            )
        ),
    )


async def refunded(
    connection: AsyncConnection,
    *,
    after: tuple[int, str, str] | None = None,
    most: int = PAGE,
) -> tuple[Change, ...]:
    """Give what is refunded now, the latest first.

    `after` is the last one's `(changed_at_ms, order_id, item_id)`.
    """
    change = refunds.c
    wanted = _changes().where(change.revoked)
    if after is not None:
        at, order_id, item_id = after
        wanted = wanted.where(
            change.changed_at_ms <= at,
            or_(
                change.changed_at_ms < at,
                change.order_id < order_id,
                and_(change.order_id == order_id, change.item_id < item_id),
            ),
        )
    wanted = wanted.order_by(
        change.changed_at_ms.desc(),
        change.order_id.desc(),
        change.item_id.desc(),
    ).limit(most)
    return tuple(_change(row) for row in await connection.execute(wanted))


def _changes() -> Select[Any]:
    change = refunds.c
    return select(
        change.order_id,
        change.item_id,
        change.revoked,
        change.changed_at_ms,
        change.changed_by,
    )


def _change(row: Row[Any]) -> Change:
    return Change(
        row.order_id,
        row.item_id,
        row.revoked,
        row.changed_at_ms,
        row.changed_by,
    )

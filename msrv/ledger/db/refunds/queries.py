# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queries for refunds: what is revoked, and reversals of payments."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import refunds, reversals

_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class RefundState:
    """Refund of an order (`item_id` is empty) or of one line, or its undoing.

    It is refunded now if `revoked`.
    """

    order_id: str
    item_id: str
    revoked: bool
    changed_at_ms: int
    changed_by: str


@dataclass(frozen=True, slots=True)
class OrderReversal:
    """Refund or dispute of an order's payment, in its latest status."""

    reversal_id: str
    provider: str
    kind: str
    status: str
    is_effective: bool
    amount_minor: int
    paid_minor: int
    items: tuple[str, ...]
    changed_by: str
    reason: str
    created_at: int
    seen_at: int


async def load_reversals(
    connection: AsyncConnection, order_id: str
) -> tuple[OrderReversal, ...]:
    """Return the refunds and disputes of an order, the oldest first."""
    found = reversals.c
    rows = await connection.execute(
        select(reversals)
        .where(found.order_id == order_id)
        .order_by(found.created_at, found.reversal_id)
    )
    return tuple(
        OrderReversal(
            reversal_id=row.reversal_id,
            provider=row.provider,
            kind=row.kind,
            status=row.status,
            is_effective=row.is_effective,
            amount_minor=row.amount_minor,
            paid_minor=row.paid_minor,
            items=tuple(row.items.split()),
            changed_by=row.changed_by,
            reason=row.reason,
            created_at=row.created_at,
            seen_at=row.seen_at,
        )
        for row in rows
    )


async def list_refunds(
    connection: AsyncConnection,
    *,
    since: int | None = None,
    before: int | None = None,
    after: tuple[int, str, str] | None = None,
    most: int = _PAGE,
) -> tuple[RefundState, ...]:
    """Return what is refunded now, the latest first.

    Refunded at `since` or later and earlier than `before`, in Unix seconds.
    `after` is the last one's `(changed_at_ms, order_id, item_id)`.
    """
    change = refunds.c
    wanted = select_refunds().where(change.revoked)
    if since is not None:
        wanted = wanted.where(change.changed_at_ms >= since * 1000)
    if before is not None:
        wanted = wanted.where(change.changed_at_ms < before * 1000)
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
    return tuple(RefundState(*row) for row in await connection.execute(wanted))


def select_refunds() -> Select[Any]:
    """Return a query for the columns of RefundState."""
    change = refunds.c
    return select(
        change.order_id,
        change.item_id,
        change.revoked,
        change.changed_at_ms,
        change.changed_by,
    )

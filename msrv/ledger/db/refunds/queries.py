# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queries for refunds: what is revoked, and reversals of payments."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import refunds, reversals


@dataclass(frozen=True, slots=True)
class RevocationState:
    """Revocation of an order (`item_id` is empty) or of one line of it.

    It has been undone unless `revoked`.
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
    return tuple(reversal_of(row) for row in rows)


def reversal_of(row: Row[Any]) -> OrderReversal:
    """Return the reversal of a row of its table."""
    return OrderReversal(
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


def select_revocations() -> Select[Any]:
    """Return a query for the columns of RevocationState."""
    change = refunds.c
    return select(
        change.order_id,
        change.item_id,
        change.revoked,
        change.changed_at_ms,
        change.changed_by,
    )

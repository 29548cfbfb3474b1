# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Orders of a quarter, with their taxes and what went back of them.

Of payments that moved money: free and simulated ones are left out. One batch
is in memory at a time, and a transaction lasts for one batch.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from sqlalchemy import Row, Select, Table, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import order_items, orders, refunds, reversals
from msrv.ledger.db.taxes.rows import load_taxes
from msrv.ledger.events import WHOLE_ORDER
from msrv.ledger.reversals.event import REFUSED
from msrv.ledger.withdrawals.events import BY_WITHDRAWAL
from msrv.proofs.receipts import is_simulated
from msrv.taxes.oss_report import (
    OssReport,
    Repayment,
    ReportBuilder,
    TaxedOrder,
)
from msrv.taxes.quarters import Quarter

_BATCH: Final = 200
"""Number of orders in one query, far below SQLite's limit of keys."""

OpenTransaction = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


async def read_oss_report(
    open_transaction: OpenTransaction, quarter: Quarter, own_country: str
) -> OssReport:
    """Return the report of a quarter. Raises DatabaseError."""
    builder = ReportBuilder(quarter, own_country)
    for wanted in (_sold_in(quarter), _repaid_in(quarter)):
        async for batch in _batches(open_transaction, wanted):
            builder.add(batch)
    return builder.report()


def _sold_in(quarter: Quarter) -> Select[Any]:
    return select(orders).where(
        orders.c.sold_at >= quarter.since, orders.c.sold_at < quarter.before
    )


def _repaid_in(quarter: Quarter) -> Select[Any]:
    """Return a query for earlier orders of which something went back."""
    by_provider = select(reversals.c.order_id).where(
        reversals.c.created_at >= quarter.since,
        reversals.c.created_at < quarter.before,
    )
    by_hand = select(refunds.c.order_id).where(
        refunds.c.changed_at_ms >= quarter.since * 1000,
        refunds.c.changed_at_ms < quarter.before * 1000,
    )
    # Joined: MariaDB would look for it once for each order otherwise.
    repaid = union(by_provider, by_hand).subquery()
    return (
        select(orders)
        .join(repaid, repaid.c.order_id == orders.c.order_id)
        .where(orders.c.sold_at < quarter.since)
    )


async def _batches(
    open_transaction: OpenTransaction, wanted: Select[Any]
) -> AsyncIterator[list[TaxedOrder]]:
    """Yield the orders of a query, the oldest first."""
    at = orders.c
    paged = wanted.order_by(at.sold_at, at.order_id).limit(_BATCH)
    after: Row[Any] | None = None
    while True:
        query = paged
        if after is not None:
            query = query.where(
                at.sold_at >= after.sold_at,
                or_(at.sold_at > after.sold_at, at.order_id > after.order_id),
            )
        async with open_transaction() as connection:
            found = (await connection.execute(query)).all()
            batch = await _with_taxes(connection, found)
        yield batch
        if len(found) < _BATCH:
            return
        after = found[-1]


async def _with_taxes(
    connection: AsyncConnection, found: Sequence[Row[Any]]
) -> list[TaxedOrder]:
    """Return the orders of rows that moved money."""
    paid = [
        row
        for row in found
        if row.total_minor and not is_simulated(row.provider)
    ]
    ids = [row.order_id for row in paid]
    taxes = await load_taxes(connection, ids)
    reversed_ = await _by_order(connection, reversals, ids)
    revoked = await _by_order(connection, refunds, ids)
    lines = await _by_order(connection, order_items, list(revoked))
    return [
        TaxedOrder(
            row.order_id,
            row.sold_at,
            row.currency,
            row.total_minor,
            taxes.get(row.order_id),
            tuple(
                _repayments(
                    row,
                    lines.get(row.order_id, []),
                    revoked.get(row.order_id, []),
                    reversed_.get(row.order_id, []),
                )
            ),
        )
        for row in paid
    ]


async def _by_order(
    connection: AsyncConnection, table: Table, order_ids: Sequence[str]
) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    if order_ids:
        for row in await connection.execute(
            select(table).where(table.c.order_id.in_(order_ids))
        ):
            found.setdefault(row.order_id, []).append(row)
    return found


def _repayments(
    order: Row[Any],
    lines: Iterable[Row[Any]],
    revoked: Iterable[Row[Any]],
    reversed_: Iterable[Row[Any]],
) -> list[Repayment]:
    """Return what went back of an order, the oldest first.

    As `ledger.db.refunds.changes` counts it: by the provider's reversals, and
    for an order without any, by the prices of the lines refunded by hand.
    """
    made = [row for row in reversed_ if row.status != REFUSED]
    if made:
        return [
            Repayment(row.created_at, row.amount_minor, row.paid_minor)
            for row in sorted(
                made, key=lambda row: (row.created_at, row.reversal_id)
            )
            if row.is_effective
        ]
    left = {line.item_id: line.price_minor for line in lines}
    found = []
    for row in sorted(revoked, key=lambda row: row.changed_at_ms):
        if not row.revoked or row.changed_by == BY_WITHDRAWAL:
            continue
        gone = list(left) if row.item_id == WHOLE_ORDER else [row.item_id]
        minor = sum(left.pop(item_id, 0) for item_id in gone)
        if minor:
            at = row.changed_at_ms // 1000
            found.append(Repayment(at, minor, order.total_minor))
    return found

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Orders of a quarter, with their taxes and what went back of them.

Of payments that moved money: free and simulated ones are left out. One batch
is in memory at a time, and a transaction lasts for one query of it.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Cast,
    Column,
    ColumnElement,
    Row,
    Select,
    Table,
    cast,
    func,
    literal,
    or_,
    select,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import (
    country_decisions,
    order_items,
    orders,
    refunds,
    reversals,
    sale_taxes,
)
from msrv.ledger.db.taxes.rows import load_decisions, load_taxes, tax_of
from msrv.ledger.events import WHOLE_ORDER
from msrv.ledger.reversals.event import REFUSED
from msrv.ledger.withdrawals.events import BY_WITHDRAWAL
from msrv.proofs.receipts import is_simulated
from msrv.taxes.oss_report import (
    OssReport,
    ReportBuilder,
)
from msrv.taxes.quarters import Quarter
from msrv.taxes.sale_amounts import (
    Repayment,
    SalesSum,
    TaxedOrder,
)
from msrv.taxes.sale_tax import format_evidence

_BATCH: Final = 200
"""Number of orders in one query, far below SQLite's limit of keys."""

_MAX_DOUBTED: Final = 500
"""Contradictions that are looked for: sums have few, of any size of store."""

OpenTransaction = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


async def read_oss_report(
    open_transaction: OpenTransaction, quarter: Quarter, own_country: str
) -> OssReport:
    """Return the report of a quarter. Raises DatabaseError.

    Sales are summed by the database; only orders of which something went
    back, which are listed as undecided, or of which the seller decided the
    country, are read one by one.
    """
    builder = ReportBuilder(quarter, own_country)
    async with open_transaction() as connection:
        sums = await _sums(connection, quarter)
    builder.add_sales(sums)
    async for batch in _batches(open_transaction, _decided_in(quarter)):
        builder.add_decided(batch)
    async for batch in _batches(open_transaction, _repaid_in(quarter)):
        builder.add_repayments(batch)
    async for batch in _batches(
        open_transaction, _undecided_in(quarter, sums)
    ):
        if not builder.list_undecided(batch):
            break
    return builder.report()


async def _sums(
    connection: AsyncConnection, quarter: Quarter
) -> list[SalesSum]:
    """Return the sums of what was sold in a quarter, by what is proven."""
    tax = sale_taxes.c
    same = (
        orders.c.provider,
        orders.c.currency,
        tax.country,
        tax.evidence,
        tax.is_included,
        tax.rate_bp,
        tax.is_business,
    )
    is_known = tax.tax_minor.is_not(None)
    rows = await connection.execute(
        _with_tax(
            *same,
            literal("").label("jurisdiction"),
            func.count().label("orders"),
            _sum(orders.c.total_minor).label("total_minor"),
            _sum(tax.tax_minor).label("tax_minor"),
        )
        .where(*_sold_in(quarter), _is_not_decided())
        .group_by(*same, is_known)
    )
    return [
        SalesSum(
            row.currency,
            row.orders,
            row.total_minor,
            None if row.country is None else tax_of(row),
        )
        for row in rows
        if not is_simulated(row.provider)
    ]


def _sum(column: Column[int]) -> Cast[int]:
    """Return a sum as an integer; MariaDB's is a decimal number."""
    return cast(func.sum(column), BigInteger)


def _with_tax(*columns: Any) -> Select[Any]:  # noqa: ANN401 - as of `select`
    joined = orders.outerjoin(
        sale_taxes, sale_taxes.c.order_id == orders.c.order_id
    )
    return select(*columns).select_from(joined)


def _sold_in(quarter: Quarter) -> tuple[ColumnElement[bool], ...]:
    return (
        orders.c.sold_at >= quarter.since,
        orders.c.sold_at < quarter.before,
        orders.c.total_minor > 0,
    )


def _is_not_decided() -> ColumnElement[bool]:
    return orders.c.order_id.not_in(select(country_decisions.c.order_id))


def _decided_in(quarter: Quarter) -> Select[Any]:
    """Return a query for sales whose country the seller decided."""
    return (
        select(orders)
        .join(
            country_decisions,
            country_decisions.c.order_id == orders.c.order_id,
        )
        .where(*_sold_in(quarter))
    )


async def find_taxed_order(
    connection: AsyncConnection, order_id: str
) -> TaxedOrder | None:
    """Return an order; None for one that isn't there or moved no money."""
    found = await connection.execute(
        select(orders).where(orders.c.order_id == order_id)
    )
    return next(iter(await _with_taxes(connection, found.all())), None)


def _undecided_in(quarter: Quarter, sums: Iterable[SalesSum]) -> Select[Any]:
    """Return a query for sales that may be undecided."""
    tax = sale_taxes.c
    doubted = {
        format_evidence(each.evidence)
        for each in sums
        if each.tax is not None and each.tax.is_contradicted
    }
    return _with_tax(orders).where(
        *_sold_in(quarter),
        _is_not_decided(),
        or_(
            tax.order_id.is_(None),
            tax.country == "",
            tax.rate_bp.is_(None),
            tax.evidence.in_(sorted(doubted)[:_MAX_DOUBTED]),
        ),
    )


def _repaid_in(quarter: Quarter) -> Select[Any]:
    """Return a query for orders of which something may have gone back."""
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
        .where(orders.c.sold_at < quarter.before)
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
    decisions = await load_decisions(connection, ids)
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
            decisions.get(row.order_id),
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

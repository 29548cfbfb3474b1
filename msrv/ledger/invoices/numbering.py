# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Numbers of invoices: taken in the transaction that stores the document.

A number and its document are committed together or not at all, so that no
crash leaves a gap; the row of the series is locked meanwhile, so that no two
replicas take the same number. An order that has its invoice keeps it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.catalog.details.invoicing import NOT_SOLD, InvoiceRules
from msrv.ledger.db.order_queries import Order, OrderKey, load_orders
from msrv.ledger.db.refunds.reversed_parts import load_line_refunds
from msrv.ledger.db.schema import orders, reversals
from msrv.ledger.db.tables.invoices import invoice_series, invoices
from msrv.ledger.invoices.documents import (
    Document,
    NumberedDocument,
    document_to_json,
)
from msrv.ledger.invoices.order_documents import (
    documents_after_refunds,
    invoice_of,
)
from msrv.ledger.invoices.queries import document_of, document_rows
from msrv.ledger.reversals.event import DISPUTE
from msrv.proofs.receipts import is_simulated

TAX_SECONDS: Final = 120
"""Age of an order from which its invoice doesn't wait for a tax any more.

Of two replicas, one may record an order without what the other knows of it:
an older one doesn't know what a payment provider states."""
BATCH: Final = 100
"""Number of orders in one transaction: others write meanwhile, too."""
_DECIDED: Final = ("won", "lost", "prevented", "warning_closed")
"""Statuses of disputes that change no more."""


async def find_pending(
    connection: AsyncConnection,
    rules: InvoiceRules,
    *,
    since: int,
    before: int,
    after: OrderKey | None = None,
    most: int = BATCH,
) -> tuple[OrderKey, ...]:
    """Return the keys of orders that lack a document, oldest first.

    Those sold at `since` or later and earlier than `before`, in Unix seconds,
    and after the key `after`.
    """
    wanted = (
        select(orders.c.sold_at, orders.c.order_id)
        .join(
            invoices,
            and_(
                invoices.c.order_id == orders.c.order_id,
                invoices.c.position == 0,
            ),
            isouter=True,
        )
        .where(
            orders.c.sold_at >= max(since, rules.first_second),
            orders.c.sold_at < before,
            orders.c.total_minor > 0,
            orders.c.provider.not_in(NOT_SOLD),
            or_(
                invoices.c.order_id.is_(None),
                invoices.c.credited_minor != orders.c.refunded_minor,
            ),
        )
        .order_by(orders.c.sold_at, orders.c.order_id)
        .limit(most)
    )
    if after is not None:
        wanted = wanted.where(
            orders.c.sold_at >= after[0],
            tuple_(orders.c.sold_at, orders.c.order_id) > tuple_(*after),
        )
    rows = (await connection.execute(wanted)).all()
    return tuple((row.sold_at, row.order_id) for row in rows)


@dataclass(frozen=True, slots=True)
class MadeDocuments:
    """Result of a batch: how many documents were made.

    `failed` has the orders whose document can't be made, with the reason.
    """

    count: int
    failed: Mapping[str, str]


async def make_documents(
    connection: AsyncConnection,
    rules: InvoiceRules,
    order_ids: Sequence[str],
    now: int,
) -> MadeDocuments:
    """Make the documents that orders lack.

    In the order of their payment, within one `Database.write_transaction`,
    for at most BATCH orders. An order whose document can't be made, or waits
    for its tax, is left out: it takes no number.
    """
    wanted = select(orders).where(orders.c.order_id.in_(order_ids))
    found = sorted(
        await load_orders(connection, wanted), key=lambda each: each.key
    )
    rows = await document_rows(connection, order_ids)
    disputed = await find_disputed(connection, order_ids)
    refunds = await load_line_refunds(connection, found)
    added = _NewDocuments(connection, rules)
    settled: dict[str, int] = {}
    failed: dict[str, str] = {}
    for order in found:
        try:
            made = list(map(document_of, rows.get(order.order_id, ())))
            if not made and not rules.covers(
                order.provider, order.sold_at, order.total_minor
            ):
                continue
            if not made and waits_for_tax(order, rules, now):
                continue
            have = made or [await added.add(invoice_of(order, rules, now))]
            if order.order_id not in disputed:
                for each in documents_after_refunds(
                    have, refunds[order.order_id], now
                ):
                    await added.add(each)
                settled[order.order_id] = order.refunded_minor
        except ValueError as error:
            failed[order.order_id] = str(error)
    await added.store()
    await _settle(connection, settled)
    return MadeDocuments(len(added.rows), failed)


def waits_for_tax(order: Order, rules: InvoiceRules, now: int) -> bool:
    """Return whether an order's invoice waits for its country and tax.

    For TAX_SECONDS at most: what no replica has recorded by then is in no
    invoice.
    """
    return (
        order.tax is None
        and not rules.tax_exemption
        and not is_simulated(order.provider)
        and abs(now - order.sold_at) < TAX_SECONDS
    )


class _NewDocuments:
    """Documents with the numbers that are taken within a transaction."""

    def __init__(
        self, connection: AsyncConnection, rules: InvoiceRules
    ) -> None:
        self._connection = connection
        self._rules = rules
        self._last: dict[str, int] = {}
        self.rows: list[dict[str, Any]] = []

    async def add(self, document: Document) -> NumberedDocument:
        """Add a document under the next number of its series."""
        series = self._rules.series(
            document.issued_at, is_simulated=is_simulated(document.provider)
        )
        row = {
            "order_id": document.order_id,
            "position": document.position,
            "series": series,
            "kind": document.kind.value,
            "issued_at": document.issued_at,
            "credited_minor": 0,
            "document": document_to_json(document),
        }
        if series not in self._last:
            self._last[series] = await self._lock(series)
        self._last[series] += 1
        self.rows.append({**row, "number": self._last[series]})
        return NumberedDocument(series, self._last[series], document)

    async def _lock(self, series: str) -> int:
        """Lock the row of a series, and return its last number."""
        row = invoice_series.c
        last = await self._connection.scalar(
            select(row.last_number)
            .where(row.series == series)
            .with_for_update()
        )
        if last is None:
            # Documents without it: of a backup that was restored in part.
            last = await self._connection.scalar(
                select(func.max(invoices.c.number)).where(
                    invoices.c.series == series
                )
            )
            await self._connection.execute(
                insert(invoice_series),
                {"series": series, "last_number": last or 0},
            )
        return int(last or 0)

    async def store(self) -> None:
        """Insert the documents, and update their series."""
        if self.rows:
            await self._connection.execute(insert(invoices), self.rows)
        for series, last in self._last.items():
            await self._connection.execute(
                update(invoice_series)
                .where(invoice_series.c.series == series)
                .values(last_number=last)
            )


async def _settle(
    connection: AsyncConnection, settled: Mapping[str, int]
) -> None:
    """Store which refunds the documents of orders account for."""
    values = [
        {"settled_order": order_id, "settled_minor": minor}
        for order_id, minor in settled.items()
    ]
    if values:
        await connection.execute(
            update(invoices)
            .where(
                invoices.c.order_id == bindparam("settled_order"),
                invoices.c.position == 0,
                invoices.c.credited_minor != bindparam("settled_minor"),
            )
            .values(credited_minor=bindparam("settled_minor")),
            values,
        )


async def find_disputed(
    connection: AsyncConnection, order_ids: Sequence[str]
) -> frozenset[str]:
    """Return those orders whose disputes aren't decided yet.

    Their money is gone for now, which the ledger counts as refunded.
    """
    found = await connection.scalars(
        select(reversals.c.order_id).where(
            reversals.c.order_id.in_(order_ids),
            reversals.c.kind == DISPUTE,
            reversals.c.status.not_in(_DECIDED),
        )
    )
    return frozenset(found)

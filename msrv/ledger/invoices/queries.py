# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queries for invoices and credit notes: of orders, and of a span of time."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.tables.invoices import invoices
from msrv.ledger.invoices.documents import (
    ListedDocument,
    NumberedDocument,
    UnreadableDocument,
    document_from_json,
)

PAGE: Final = 100
"""Number of documents on a page."""

DocumentKey = tuple[int, str, int]
"""Sort key of a document: `(issued_at, series, number)`."""


async def order_documents(
    connection: AsyncConnection, order_id: str
) -> tuple[NumberedDocument, ...]:
    """Return the documents of an order, its invoice first.

    Raises ValueError for a document of a newer version.
    """
    rows = await document_rows(connection, [order_id])
    return tuple(map(document_of, rows.get(order_id, ())))


async def list_order_documents(
    connection: AsyncConnection, order_id: str
) -> tuple[ListedDocument, ...]:
    """Return the documents of an order, also those that can't be read."""
    rows = await document_rows(connection, [order_id])
    return tuple(map(_listed, rows.get(order_id, ())))


async def document_rows(
    connection: AsyncConnection, order_ids: Sequence[str]
) -> dict[str, list[Row[Any]]]:
    """Return the rows of orders' documents, each invoice first."""
    rows = await connection.execute(
        select(invoices)
        .where(invoices.c.order_id.in_(order_ids))
        .order_by(invoices.c.order_id, invoices.c.position)
    )
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.order_id, []).append(row)
    return found


async def list_documents(
    connection: AsyncConnection,
    *,
    since: int,
    before: int,
    after: DocumentKey | None = None,
    most: int = PAGE,
) -> tuple[ListedDocument, ...]:
    """Return the documents made in a span of time, oldest first.

    At `since` or later and before `before`, in Unix seconds, and after the
    key `after`. One that can't be read keeps the others from nobody.
    """
    key = (invoices.c.issued_at, invoices.c.series, invoices.c.number)
    wanted = (
        select(invoices)
        .where(
            invoices.c.issued_at >= since,
            invoices.c.issued_at < before,
        )
        .order_by(*key)
        .limit(most)
    )
    if after is not None:
        wanted = wanted.where(
            invoices.c.issued_at >= after[0], tuple_(*key) > tuple_(*after)
        )
    return tuple(map(_listed, await connection.execute(wanted)))


def _listed(row: Row[Any]) -> ListedDocument:
    try:
        return document_of(row)
    except ValueError:
        return UnreadableDocument(
            row.series, row.number, row.order_id, row.issued_at
        )


def document_key(document: ListedDocument) -> DocumentKey:
    """Return the sort key of a document."""
    return document.issued_at, document.series, document.number


def document_of(row: Row[Any]) -> NumberedDocument:
    """Return the document of a row. Raises ValueError."""
    return NumberedDocument(
        row.series, row.number, document_from_json(row.document)
    )


async def credited_minor(
    connection: AsyncConnection, order_id: str
) -> int | None:
    """Return how much of an order's prices its credit notes account for.

    In minor units; None for an order without an invoice.
    """
    found: int | None = await connection.scalar(
        select(invoices.c.credited_minor).where(
            invoices.c.order_id == order_id, invoices.c.position == 0
        )
    )
    return found

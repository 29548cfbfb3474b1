# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Deletion of old free orders, which the ledger doesn't have to keep.

Receipts and links still work: they are proved by NONCE. Aggregates stay as
they are, and so do refunds, so that refunded items stay revoked.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Table, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.database import Database
from msrv.ledger.db.schema import (
    downloads,
    order_items,
    orders,
    redemptions,
    refunds,
)
from msrv.ledger.events import BUYER_MARK

PROVIDER: Final = "free"
BATCH: Final = 500
"""Number of orders per transaction, for which other writers wait."""


@dataclass(frozen=True, slots=True)
class FreeOrderCounts:
    """Numbers of orders, lines and downloads that are deleted, or would be."""

    orders: int = 0
    lines: int = 0
    downloads: int = 0

    def __add__(self, other: "FreeOrderCounts") -> "FreeOrderCounts":
        return FreeOrderCounts(
            self.orders + other.orders,
            self.lines + other.lines,
            self.downloads + other.downloads,
        )


async def count_free_orders(
    database: Database, before: int
) -> FreeOrderCounts:
    """Return what `delete_free_orders` would delete. Raises DatabaseError."""
    wanted = select(orders.c.order_id).where(_is_free(before))
    unknown = _is_without_order(before)
    async with database.read_transaction() as connection:
        return FreeOrderCounts(
            await _count(connection, orders, _is_free(before)),
            await _count(
                connection, order_items, order_items.c.order_id.in_(wanted)
            ),
            await _count(
                connection, downloads, downloads.c.order_id.in_(wanted)
            )
            + await _count(connection, downloads, unknown),
        )


async def delete_free_orders(
    database: Database, before: int
) -> FreeOrderCounts:
    """Delete free orders that are older than `before`, in Unix seconds.

    Including their lines and downloads, and the downloads of orders that were
    never recorded; excluding orders with refunds. In small transactions, so
    that stores can run meanwhile. Raises DatabaseError; batches that are
    deleted by then stay deleted.
    """
    done = FreeOrderCounts()
    while True:
        async with database.write_transaction() as connection:
            found = await _delete_some(connection, before)
        done += found
        if found == FreeOrderCounts():
            return done


async def _delete_some(
    connection: AsyncConnection, before: int
) -> FreeOrderCounts:
    rows = await connection.execute(
        select(orders.c.order_id)
        .where(_is_free(before))
        .order_by(orders.c.sold_at)
        .limit(BATCH)
    )
    ids = [row.order_id for row in rows]
    if ids:
        # Their buyers' marks, but not the uses of discounts that they took.
        await connection.execute(
            delete(redemptions).where(
                redemptions.c.order_id.in_(ids),
                redemptions.c.code_id.startswith(BUYER_MARK),
            )
        )
        return FreeOrderCounts(
            lines=await _delete(connection, order_items, ids),
            downloads=await _delete(connection, downloads, ids),
            orders=await _delete(connection, orders, ids),
        )
    rows = await connection.execute(
        select(downloads.c.order_id)
        .where(_is_without_order(before))
        .distinct()
        .limit(BATCH)
    )
    ids = [row.order_id for row in rows]
    if not ids:
        return FreeOrderCounts()
    return FreeOrderCounts(downloads=await _delete(connection, downloads, ids))


def _is_free(before: int) -> ColumnElement[bool]:
    return (
        (orders.c.provider == PROVIDER)
        & (orders.c.total_minor == 0)
        & (orders.c.sold_at < before)
        & ~exists().where(refunds.c.order_id == orders.c.order_id)
    )


def _is_without_order(before: int) -> ColumnElement[bool]:
    return (downloads.c.last_at < before) & ~exists().where(
        orders.c.order_id == downloads.c.order_id
    )


async def _count(
    connection: AsyncConnection, table: Table, where: ColumnElement[bool]
) -> int:
    found = await connection.scalar(
        select(func.count()).select_from(table).where(where)
    )
    return int(found or 0)


async def _delete(
    connection: AsyncConnection, table: Table, order_ids: list[str]
) -> int:
    found = await connection.execute(
        delete(table).where(table.c.order_id.in_(order_ids))
    )
    return int(found.rowcount)

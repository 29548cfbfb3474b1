"""Deletion of old orders that cost nothing, which the ledger need not keep.

Receipts and links go on working: they are proved by NONCE. Sums stay as they
are, and so do refunds, so that what was taken back stays so.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Table, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.database import Database
from msrv.ledger.db.schema import downloads, order_items, orders, refunds

PROVIDER: Final = "free"
BATCH: Final = 500
"""Number deleted in one transaction, which other writers wait for."""


@dataclass(frozen=True, slots=True)
class FreeOrderCounts:
    """Numbers of orders, lines and downloads to delete, or deleted."""

    orders: int = 0
    lines: int = 0
    downloads: int = 0

    def __add__(self, other: "FreeOrderCounts") -> "FreeOrderCounts":
        return FreeOrderCounts(
            self.orders + other.orders,
            self.lines + other.lines,
            self.downloads + other.downloads,
        )


async def find_free(database: Database, before: int) -> FreeOrderCounts:
    """Count what `delete_free` would delete. Raises DatabaseError."""
    wanted = select(orders.c.order_id).where(_is_free(before))
    unknown = _is_of_no_order(before)
    async with database.reading() as connection:
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


async def delete_free(database: Database, before: int) -> FreeOrderCounts:
    """Delete orders of nothing that are older than `before`, Unix seconds.

    With their lines and downloads, and with the downloads of orders that
    were never written down; not those of which something was refunded. In
    small transactions, beside stores that run. Raises DatabaseError: what
    was deleted until then is.
    """
    done = FreeOrderCounts()
    while True:
        async with database.writing() as connection:
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
        return FreeOrderCounts(
            lines=await _delete(connection, order_items, ids),
            downloads=await _delete(connection, downloads, ids),
            orders=await _delete(connection, orders, ids),
        )
    rows = await connection.execute(
        select(downloads.c.order_id)
        .where(_is_of_no_order(before))
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


def _is_of_no_order(before: int) -> ColumnElement[bool]:
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

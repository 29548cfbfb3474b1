# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Byte ranges of an order's items that were delivered to its buyer.

Apart from `order_queries`: only evidence for a dispute needs them.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import downloads
from msrv.ledger.intervals import Intervals, parse_intervals


async def delivered_ranges(
    connection: AsyncConnection, order_id: str
) -> dict[tuple[str, str], Intervals]:
    """Return the ranges of each download, by item and version; half-open."""
    rows = await connection.execute(
        select(
            downloads.c.item_id, downloads.c.version, downloads.c.ranges
        ).where(downloads.c.order_id == order_id)
    )
    return {
        (row.item_id, row.version): parse_intervals(row.ranges) for row in rows
    }

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Best sellers of a period, from the aggregates by item."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.aggregates import ALL_TIME
from msrv.ledger.db.reports.item_sums import BestSeller, sum_by_present_id
from msrv.ledger.db.schema import item_periods, titles

_MAX_KEYS: Final = 500
"""Number of items in one query, far below SQLite's limit."""


async def best_sellers(
    connection: AsyncConnection,
    period: str = ALL_TIME,
    *,
    moved: Mapping[str, str] | None = None,
    most: int = 20,
) -> list[BestSeller]:
    """Return the best sellers of a period: `all`, `2026`, `2026-03`.

    `moved` maps former ids to the present ones: what an item sold under each
    of its ids counts as one.
    """
    moved = moved or {}
    renamed = sorted({*moved, *moved.values()})
    rows: list[BestSeller] = []
    for at in range(0, len(renamed), _MAX_KEYS):
        wanted = _select(period).where(
            item_periods.c.item_id.in_(renamed[at : at + _MAX_KEYS])
        )
        rows += await _all(connection, wanted)
    # As many more as the rows that are in the sums, and left out here.
    wanted = (
        _select(period)
        .order_by(item_periods.c.sold.desc())
        .limit(most + len(rows))
    )
    names = set(renamed)
    found = [
        *sum_by_present_id(rows, moved),
        *(
            each
            for each in await _all(connection, wanted)
            if each.item_id not in names
        ),
    ]
    return sorted(found, key=lambda each: -each.sold)[:most]


def _select(period: str) -> Select[Any]:
    """Return a query for the columns of BestSeller."""
    sold = item_periods.c
    return (
        select(
            sold.item_id,
            func.coalesce(titles.c.title, sold.item_id),
            sold.currency,
            sold.sold,
            sold.sold_minor,
            sold.refunded,
            sold.refunded_minor,
        )
        .select_from(
            item_periods.outerjoin(titles, titles.c.item_id == sold.item_id)
        )
        .where(sold.period == period, sold.sold > 0)
    )


async def _all(
    connection: AsyncConnection, wanted: Select[Any]
) -> list[BestSeller]:
    return [BestSeller(*row) for row in await connection.execute(wanted)]

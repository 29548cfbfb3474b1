# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Best sellers of a period, from the aggregates by item."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.aggregates import ALL_TIME
from msrv.ledger.db.schema import item_periods, titles

_MAX_KEYS: Final = 500
"""Number of items in one query, far below SQLite's limit."""


@dataclass(frozen=True, slots=True)
class BestSeller:
    """Sales of an item in a period, in one currency.

    `title` is that of its first sale; the catalog may have a newer one.
    `refunded` are those of the sales that were refunded at any time.
    """

    item_id: str
    title: str
    currency: str
    sold: int
    sold_minor: int
    refunded: int
    refunded_minor: int


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
    sums: dict[tuple[str, str], BestSeller] = {}
    for each in rows:
        present = moved.get(each.item_id, each.item_id)
        was = sums.get((present, each.currency))
        sums[present, each.currency] = (
            replace(each, item_id=present)
            if was is None
            else replace(
                was,
                sold=was.sold + each.sold,
                sold_minor=was.sold_minor + each.sold_minor,
                refunded=was.refunded + each.refunded,
                refunded_minor=was.refunded_minor + each.refunded_minor,
            )
        )
    # As many more as the rows that are in the sums, and left out here.
    wanted = (
        _select(period)
        .order_by(item_periods.c.sold.desc())
        .limit(most + len(rows))
    )
    names = set(renamed)
    found = [
        *sums.values(),
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

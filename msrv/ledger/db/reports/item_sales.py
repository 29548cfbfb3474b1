# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sales by item and month, of the aggregates that `report_queries` sums up."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.aggregates import DAY_SECONDS, periods_of
from msrv.ledger.db.report_queries import MAX_DAYS
from msrv.ledger.db.schema import days, item_periods, titles

_MAX_KEYS: Final = 500
"""Number of items in one query, far below SQLite's limit."""
_MONTH_CHARS: Final = len("2026-03")

ItemKey = tuple[str, str, str]
"""Sort key of an item's sales: `(period, item_id, currency)`."""


async def months_with_sales(connection: AsyncConnection) -> list[str]:
    """Return the months in which anything was sold, the latest first.

    Each is the name of a period, `2026-03`.
    """
    wanted = (
        select(days.c.day)
        .where(days.c.orders > 0)
        .distinct()
        .order_by(days.c.day.desc())
        .limit(MAX_DAYS)
    )
    return list(
        dict.fromkeys(
            periods_of(day * DAY_SECONDS)[-1]
            for day in await connection.scalars(wanted)
        )
    )


@dataclass(frozen=True, slots=True)
class ItemSales:
    """Sales of an item in a period, in one currency; see BestSeller."""

    period: str
    item_id: str
    currency: str
    sold: int
    sold_minor: int
    refunded: int
    refunded_minor: int

    @property
    def kept_minor(self) -> int:
        """Revenue minus refunds."""
        return self.sold_minor - self.refunded_minor


async def item_sales(
    connection: AsyncConnection,
    periods: Collection[str],
    item_ids: Collection[str],
) -> list[ItemSales]:
    """Return the sales of some items in some periods, in no order."""
    found: list[ItemSales] = []
    named = sorted(item_ids)
    for at in range(0, len(named), _MAX_KEYS):
        wanted = select(item_periods).where(
            item_periods.c.period.in_(sorted(periods)),
            item_periods.c.item_id.in_(named[at : at + _MAX_KEYS]),
        )
        found += [ItemSales(*row) for row in await connection.execute(wanted)]
    return found


async def monthly_sales(
    connection: AsyncConnection,
    first: str,
    last: str,
    *,
    after: ItemKey | None = None,
    most: int,
) -> list[tuple[ItemSales, str]]:
    """Return the sales of every item in each month, and the item's title.

    From the month `first` to `last`, inclusive, in the order of their keys;
    `after` is the key of the last one before. The title is that of the item's
    first sale.
    """
    sold = item_periods.c
    wanted = (
        select(item_periods, func.coalesce(titles.c.title, sold.item_id))
        .select_from(
            item_periods.outerjoin(titles, titles.c.item_id == sold.item_id)
        )
        .where(
            sold.period.between(first, last),
            # A year lies between the months of two years.
            func.length(sold.period) == _MONTH_CHARS,
        )
        .order_by(sold.period, sold.item_id, sold.currency)
        .limit(most)
    )
    if after is not None:
        period, item_id, currency = after
        # Each database enters the index at the right place for this form.
        wanted = wanted.where(
            sold.period >= period,
            or_(
                sold.period > period,
                sold.item_id > item_id,
                and_(sold.item_id == item_id, sold.currency > currency),
            ),
        )
    return [
        (ItemSales(*row[:-1]), row[-1])
        for row in await connection.execute(wanted)
    ]

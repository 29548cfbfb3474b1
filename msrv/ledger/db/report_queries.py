"""What an operator asks of the ledger. Reading only.

Each figure is a few rows of sums that were kept as things happened, and each
list is a page of an index: what they cost does not grow with what was sold.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.aggregates import FOR_EVER
from msrv.ledger.db.schema import days, download_days, item_periods, titles

MOST_DAYS: Final = 3660
"""Ten years: more is not a chart."""


@dataclass(frozen=True, slots=True)
class Day:
    """What was sold, and what refunded, on a day in one currency.

    `day` counts from 1970, UTC. `refunds` are lines, by the day they were
    refunded; undoing one takes it off the day of the undoing.
    """

    day: int
    currency: str
    orders: int
    items: int
    sold_minor: int
    refunds: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class Revenue:
    """Everything that was ever sold in one currency."""

    currency: str
    orders: int
    items: int
    sold_minor: int
    refunds: int
    refunded_minor: int

    @property
    def kept_minor(self) -> int:
        """What is left of it after refunds."""
        return self.sold_minor - self.refunded_minor


@dataclass(frozen=True, slots=True)
class Seller:
    """How often an item sold in a period, in one currency.

    `title` is that of its first sale; the catalog may know a newer one.
    `refunded` are those of them that were refunded at any time.
    """

    item_id: str
    title: str
    currency: str
    sold: int
    sold_minor: int
    refunded: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class DownloadDay:
    """Downloads of a day: begun, completed with their last byte, and bytes.

    A download is an item of an order, however often it was asked for.
    """

    day: int
    begun: int
    completed: int
    delivered_bytes: int


async def sales(
    connection: AsyncConnection, first_day: int, last_day: int
) -> list[Day]:
    """Give the days of a time, both ends included, that had any sales.

    Oldest first; the newest MOST_DAYS rows at most.
    """
    wanted = (
        select(days)
        .where(days.c.day.between(first_day, last_day))
        .order_by(days.c.day.desc(), days.c.currency.desc())
        .limit(MOST_DAYS)
    )
    return [Day(*row) for row in reversed(await _all(connection, wanted))]


async def revenue(connection: AsyncConnection) -> list[Revenue]:
    """Give what was ever sold, by currency."""
    sums = ("orders", "items", "sold_minor", "refunds", "refunded_minor")
    wanted = (
        select(days.c.currency, *(func.sum(days.c[name]) for name in sums))
        .group_by(days.c.currency)
        .order_by(days.c.currency)
    )
    return [
        Revenue(currency, *map(int, numbers))
        for currency, *numbers in await _all(connection, wanted)
    ]


async def best_sellers(
    connection: AsyncConnection, period: str = FOR_EVER, *, most: int = 20
) -> list[Seller]:
    """Give what sold most often in a period: `all`, `2026`, `2026-03`."""
    sold = item_periods.c
    wanted = (
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
        .order_by(sold.sold.desc())
        .limit(most)
    )
    return [Seller(*row) for row in await _all(connection, wanted)]


async def downloads(
    connection: AsyncConnection, first_day: int, last_day: int
) -> list[DownloadDay]:
    """Give the days of a time, both ends included, that had downloads."""
    wanted = (
        select(download_days)
        .where(download_days.c.day.between(first_day, last_day))
        .order_by(download_days.c.day.desc())
        .limit(MOST_DAYS)
    )
    rows = await _all(connection, wanted)
    return [DownloadDay(*row) for row in reversed(rows)]


async def _all(
    connection: AsyncConnection, wanted: Select[Any]
) -> list[tuple[Any, ...]]:
    return list(map(tuple, await connection.execute(wanted)))

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queries for reports: sales and downloads.

Each number is a few rows of aggregates: their cost doesn't grow with the
number of sales.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import days, download_days

MAX_DAYS: Final = 3660
"""Ten years: more doesn't fit a chart."""


@dataclass(frozen=True, slots=True)
class SalesDay:
    """Sales and refunds of a day, in one currency.

    `day` is in days since 1970, UTC. `refunds` are lines, on the day of the
    refund; restoring one subtracts it from the day on which it is restored.
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
    """Sales of all time, in one currency."""

    currency: str
    orders: int
    items: int
    sold_minor: int
    refunds: int
    refunded_minor: int

    @property
    def kept_minor(self) -> int:
        """Revenue minus refunds."""
        return self.sold_minor - self.refunded_minor


@dataclass(frozen=True, slots=True)
class DownloadDay:
    """Downloads of a day that were started and completed, and their bytes.

    A download is an item of an order, however many requests it took.
    """

    day: int
    begun: int
    completed: int
    delivered_bytes: int


async def sales_by_day(
    connection: AsyncConnection, first_day: int, last_day: int
) -> list[SalesDay]:
    """Return the days with sales from `first_day` to `last_day`, inclusive.

    Oldest first; at most the newest MAX_DAYS rows.
    """
    wanted = (
        select(days)
        .where(days.c.day.between(first_day, last_day))
        .order_by(days.c.day.desc(), days.c.currency.desc())
        .limit(MAX_DAYS)
    )
    return [SalesDay(*row) for row in reversed(await _all(connection, wanted))]


async def revenue_by_currency(connection: AsyncConnection) -> list[Revenue]:
    """Return the sales of all time, by currency."""
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


async def downloads_by_day(
    connection: AsyncConnection, first_day: int, last_day: int
) -> list[DownloadDay]:
    """Return the days with downloads, from first to last, inclusive."""
    wanted = (
        select(download_days)
        .where(download_days.c.day.between(first_day, last_day))
        .order_by(download_days.c.day.desc())
        .limit(MAX_DAYS)
    )
    rows = await _all(connection, wanted)
    return [DownloadDay(*row) for row in reversed(rows)]


async def _all(
    connection: AsyncConnection, wanted: Select[Any]
) -> list[tuple[Any, ...]]:
    return list(map(tuple, await connection.execute(wanted)))

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reports: sales, best sellers and downloads over time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import report_queries
from msrv.ledger.db.aggregates import day_of
from msrv.ledger.db.report_queries import (
    BestSeller,
    DownloadDay,
    Revenue,
    SalesDay,
)
from msrv.text_table import plural
from msrv.web.formatting import amount, day
from msrv.web.store import STORE
from msrv.web.studio import chart, page

_BEST_ON_SALES_PAGE = 10
_MAX_BEST_SELLERS = 100


@dataclass(slots=True)
class SalesRow:
    """Sales and refunds of one interval, or their total."""

    label: str = ""
    orders: int = 0
    items: int = 0
    sold_minor: int = 0
    refunds: int = 0
    refunded_minor: int = 0

    @property
    def kept_minor(self) -> int:
        """Net amount: sold minus refunded."""
        return self.sold_minor - self.refunded_minor

    def add(self, one: SalesDay) -> None:
        """Add the figures of a day."""
        self.orders += one.orders
        self.items += one.items
        self.sold_minor += one.sold_minor
        self.refunds += one.refunds
        self.refunded_minor += one.refunded_minor


@dataclass(slots=True)
class CurrencySales:
    """Sales in one currency over a span: by interval, and in total."""

    currency: str
    rows: list[SalesRow]
    total: SalesRow = field(default_factory=SalesRow)

    @property
    def chart(self) -> chart.Chart:
        """Bar chart of the rows."""
        return chart.draw(
            [row.label for row in self.rows],
            [row.sold_minor for row in self.rows],
            [row.refunded_minor for row in self.rows],
            lambda minor: amount(minor, self.currency),
        )


async def show_sales(request: web.Request) -> web.Response:
    """Show sales over a span, best sellers, revenue and downloads.

    Raises DatabaseError, InvalidField.
    """
    span = page.read_span(request)
    today = day_of(request.app[STORE].clock())
    async with page.read_transaction(request) as connection:
        found = await _query(connection, span, today)
    days, revenue, sellers, downloads = found
    intervals = chart.intervals(span, today, days[0].day if days else today)
    sales = sales_by_currency(
        intervals, days, (each.currency for each in revenue)
    )
    titles = _current_titles(request, sellers)
    started = sum(each.begun for each in downloads)
    completed = sum(each.completed for each in downloads)
    return page.render(
        request,
        "sales.html",
        {
            "span": span,
            "first_day": day(intervals[0].first_day),
            "last_day": day(today),
            "sales": [
                {
                    "currency": each.currency,
                    "total": _sales_data(each.total),
                    "rows": [_sales_data(row) for row in each.rows],
                }
                for each in sales
            ],
            "revenue": [
                {**asdict(each), "kept_minor": each.kept_minor}
                for each in revenue
            ],
            "best_sellers": [
                {**asdict(each), "title": titles[each.item_id]}
                for each in sellers
            ],
            "downloads": {"begun": started, "completed": completed},
        },
        span=span,
        spans=chart.LABELS,
        sales=sales,
        most_days=report_queries.MAX_DAYS
        if len(days) == report_queries.MAX_DAYS
        else 0,
        revenue=revenue,
        sellers=sellers,
        titles=titles,
        started=started,
        completed=completed,
    )


async def _query(
    connection: AsyncConnection, span: chart.Span, today: int
) -> tuple[list[SalesDay], list[Revenue], list[BestSeller], list[DownloadDay]]:
    first = chart.first_day(span, today)
    return (
        await report_queries.sales_by_day(connection, first, today),
        await report_queries.revenue_by_currency(connection),
        await report_queries.best_sellers(
            connection, most=_BEST_ON_SALES_PAGE
        ),
        await report_queries.downloads_by_day(connection, first, today),
    )


def sales_by_currency(
    intervals: Sequence[chart.Interval],
    days: Sequence[SalesDay],
    currencies: Iterable[str],
) -> list[CurrencySales]:
    """Sum days by interval, for each currency that was ever paid in."""
    found = {
        currency: CurrencySales(
            currency, [SalesRow(each.label) for each in intervals]
        )
        for currency in currencies
    }
    for one in days:
        at = chart.index_of(intervals, one.day)
        # A sale during these queries may be in one result and not the other.
        if at is None or one.currency not in found:
            continue
        found[one.currency].rows[at].add(one)
        found[one.currency].total.add(one)
    return list(found.values())


def _current_titles(
    request: web.Request, sellers: Iterable[BestSeller]
) -> Mapping[str, str]:
    """Return each item's current title, or the one that it was sold under."""
    by_id = request.app[STORE].catalog.current.by_id
    return {
        each.item_id: by_id[each.item_id].title
        if each.item_id in by_id
        else each.title
        for each in sellers
    }


def _sales_data(row: SalesRow) -> dict[str, Any]:
    data = {**asdict(row), "kept_minor": row.kept_minor}
    if not row.label:
        del data["label"]
    return data


async def show_best_sellers(request: web.Request) -> web.Response:
    """Show a period's best sellers. Raises DatabaseError, InvalidField."""
    period = page.read_period(request)
    async with page.read_transaction(request) as connection:
        sellers = await report_queries.best_sellers(
            connection, period, most=_MAX_BEST_SELLERS
        )
    titles = _current_titles(request, sellers)
    now = datetime.fromtimestamp(request.app[STORE].clock(), UTC)
    return page.render(
        request,
        "sellers.html",
        {
            "period": period,
            "best_sellers": [
                {**asdict(each), "title": titles[each.item_id]}
                for each in sellers
            ],
        },
        period=period,
        sellers=sellers,
        titles=titles,
        month=f"{now:%Y-%m}",
        year=f"{now:%Y}",
    )


@dataclass(slots=True)
class DownloadsRow:
    """Downloads of one interval, or their total."""

    label: str = ""
    begun: int = 0
    completed: int = 0
    delivered_bytes: int = 0


async def show_downloads(request: web.Request) -> web.Response:
    """Show downloads over a span. Raises DatabaseError, InvalidField."""
    span = page.read_span(request)
    today = day_of(request.app[STORE].clock())
    async with page.read_transaction(request) as connection:
        days = await report_queries.downloads_by_day(
            connection, chart.first_day(span, today), today
        )
    intervals = chart.intervals(span, today, days[0].day if days else today)
    rows, total = (
        [DownloadsRow(each.label) for each in intervals],
        DownloadsRow(),
    )
    for one in days:
        at = chart.index_of(intervals, one.day)
        for row in (total, *([] if at is None else [rows[at]])):
            row.begun += one.begun
            row.completed += one.completed
            row.delivered_bytes += one.delivered_bytes
    return page.render(
        request,
        "downloads.html",
        {
            "span": span,
            "first_day": day(intervals[0].first_day),
            "last_day": day(today),
            "total": _downloads_data(total),
            "rows": [_downloads_data(row) for row in rows],
        },
        span=span,
        spans=chart.LABELS,
        rows=rows,
        total=total,
        chart=chart.draw(
            [row.label for row in rows],
            [row.begun for row in rows],
            [row.completed for row in rows],
            lambda count: plural(count, "download"),
        ),
    )


def _downloads_data(row: DownloadsRow) -> dict[str, Any]:
    data = asdict(row)
    if not row.label:
        del data["label"]
    return data

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reports: sales over time, and best sellers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import report_queries
from msrv.ledger.db.aggregates import ALL_TIME, day_of
from msrv.ledger.db.report_queries import DownloadDay, Revenue, SalesDay
from msrv.ledger.db.reports import item_sales
from msrv.ledger.db.reports.best_sellers import best_sellers
from msrv.ledger.db.reports.item_sums import BestSeller
from msrv.translations.dates import format_interval
from msrv.web.formatting import amount, day
from msrv.web.store import STORE
from msrv.web.studio import chart, downloads, page

_BEST_ON_SALES_PAGE = 10
_MAX_BEST_SELLERS = 100


@dataclass(slots=True)
class SalesRow:
    """Sales and refunds of one interval, or their total.

    Both days are included.
    """

    label: str = ""
    first_day: int = 0
    last_day: int = 0
    orders: int = 0
    items: int = 0
    sold_minor: int = 0
    refunds: int = 0
    refunded_minor: int = 0

    @property
    def kept_minor(self) -> int:
        """Net amount: sold minus refunded."""
        return self.sold_minor - self.refunded_minor

    def orders_url(self, currency: str) -> str:
        """Return the address of its orders in a currency."""
        return page.orders_url(
            (self.first_day, self.last_day), currency=currency
        )

    @property
    def refunds_url(self) -> str:
        """Address of its refunds."""
        return "/studio/refunds" + page.query(
            {"from": day(self.first_day), "to": day(self.last_day)}
        )

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
            [format_interval(row.label) for row in self.rows],
            [row.sold_minor for row in self.rows],
            [row.refunded_minor for row in self.rows],
            lambda minor: amount(minor, self.currency),
            first_addresses=[
                row.orders_url(self.currency) for row in self.rows
            ],
            second_addresses=[row.refunds_url for row in self.rows],
        )


async def show_sales(request: web.Request) -> web.Response:
    """Show sales over a span, best sellers, revenue and downloads.

    Raises DatabaseError, InvalidField.
    """
    span = page.read_span(request)
    today = day_of(request.app[STORE].clock())
    async with page.read_transaction(request, for_report=True) as connection:
        found = await _query(
            connection, span, today, request.app[STORE].catalog.current.moved
        )
    days, revenue, sellers, delivered = found
    intervals = chart.intervals(span, today, days[0].day if days else today)
    sales = sales_by_currency(
        intervals, days, (each.currency for each in revenue)
    )
    rows = seller_rows(request, sellers)
    started = sum(each.begun for each in delivered)
    completed = sum(each.completed for each in delivered)
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
                    "total": sales_data(each.total),
                    "rows": [sales_data(row) for row in each.rows],
                }
                for each in sales
            ],
            "revenue": [
                {**asdict(each), "kept_minor": each.kept_minor}
                for each in revenue
            ],
            "best_sellers": [each.data for each in rows],
            "downloads": {"begun": started, "completed": completed},
        },
        span=span,
        spans=chart.span_names(),
        sales=sales,
        most_days=report_queries.MAX_DAYS
        if len(days) == report_queries.MAX_DAYS
        else 0,
        revenue=revenue,
        sellers=rows,
        downloads_url=downloads.list_url(intervals[0].first_day, today),
        completed_url=downloads.list_url(
            intervals[0].first_day, today, completed=True
        ),
        started=started,
        completed=completed,
    )


async def _query(
    connection: AsyncConnection,
    span: chart.Span,
    today: int,
    moved: Mapping[str, str],
) -> tuple[list[SalesDay], list[Revenue], list[BestSeller], list[DownloadDay]]:
    first = chart.first_day(span, today)
    return (
        await report_queries.sales_by_day(connection, first, today),
        await report_queries.revenue_by_currency(connection),
        await best_sellers(connection, moved=moved, most=_BEST_ON_SALES_PAGE),
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
            currency,
            [
                SalesRow(each.label, each.first_day, each.last_day)
                for each in intervals
            ],
            SalesRow("", intervals[0].first_day, intervals[-1].last_day),
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


@dataclass(frozen=True, slots=True)
class SellerRow:
    """A best seller with its current title, or the one it was sold under.

    `address` is that of its release's figures, `orders` that of its orders,
    and `refunds` that of those of which it was refunded.
    """

    seller: BestSeller
    title: str
    address: str
    orders: str
    refunds: str

    @property
    def data(self) -> dict[str, Any]:
        """The row for JSON."""
        return {**asdict(self.seller), "title": self.title}


def seller_rows(
    request: web.Request, sellers: Iterable[BestSeller], period: str = ALL_TIME
) -> list[SellerRow]:
    """Return the rows of the best sellers of a period."""
    catalog = request.app[STORE].catalog.current
    days = page.period_days(period)
    return [
        SellerRow(
            each,
            catalog.by_id[each.item_id].title
            if each.item_id in catalog.by_id
            else each.title,
            page.figures_url(catalog, each.item_id),
            *(
                page.orders_url(
                    days,
                    currency=each.currency,
                    item=each.item_id,
                    refunded=refunded,
                )
                for refunded in (False, True)
            ),
        )
        for each in sellers
    ]


def sales_data(row: SalesRow) -> dict[str, Any]:
    """Return a row for JSON."""
    return chart.interval_data({**asdict(row), "kept_minor": row.kept_minor})


async def show_best_sellers(request: web.Request) -> web.Response:
    """Show a period's best sellers. Raises DatabaseError, InvalidField."""
    period = page.read_period(request)
    async with page.read_transaction(request, for_report=True) as connection:
        sellers = await best_sellers(
            connection,
            period,
            moved=request.app[STORE].catalog.current.moved,
            most=_MAX_BEST_SELLERS,
        )
        months = await item_sales.months_with_sales(connection)
    rows = seller_rows(request, sellers, period)
    now = datetime.fromtimestamp(request.app[STORE].clock(), UTC)
    return page.render(
        request,
        "sellers.html",
        {
            "period": period,
            "best_sellers": [each.data for each in rows],
            "months": months,
        },
        period=period,
        sellers=rows,
        months=months,
        years=page.years_of(months),
        month=f"{now:%Y-%m}",
        year=f"{now:%Y}",
    )

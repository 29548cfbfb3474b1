# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""First page: today and the last seven days, beside those before.

Days are those of UTC, as the ledger counts them.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.catalog.live_catalog import NotReady
from msrv.health_checks.findings import Outcome
from msrv.ledger.db import order_queries, report_queries
from msrv.ledger.db.aggregates import day_of
from msrv.ledger.db.report_queries import DownloadDay, SalesDay
from msrv.ledger.db.reports.best_sellers import best_sellers
from msrv.translations import gettext, ngettext
from msrv.web.formatting import day
from msrv.web.store import STORE
from msrv.web.studio import downloads, health, page, reports
from msrv.web.studio.reports import CurrencySales, SalesRow

WEEK_DAYS: Final = 7
_CHART_DAYS: Final = 14
_LATEST_ORDERS: Final = 5
_BEST: Final = 5


@dataclass(frozen=True, slots=True)
class Days:
    """Some days, both included, and what was sold and downloaded on them.

    `sales` are by currency.
    """

    first_day: int
    last_day: int
    sales: dict[str, SalesRow]
    begun: int
    completed: int

    @property
    def downloads_url(self) -> str:
        """Address of the downloads that were started."""
        return downloads.list_url(self.first_day, self.last_day)

    @property
    def completed_url(self) -> str:
        """Address of the downloads that were completed."""
        return downloads.list_url(
            self.first_day, self.last_day, completed=True
        )

    @property
    def data(self) -> dict[str, Any]:
        """The figures for JSON."""
        return {
            "first_day": day(self.first_day),
            "last_day": day(self.last_day),
            "sales": {
                currency: reports.sales_data(row)
                for currency, row in self.sales.items()
            },
            "downloads": {"begun": self.begun, "completed": self.completed},
        }


async def show(request: web.Request) -> web.Response:
    """Show the figures, the latest orders, and what needs attention.

    Raises DatabaseError.
    """
    store = request.app[STORE]
    now = store.clock()
    today = day_of(now)
    async with page.read_transaction(request, for_report=True) as connection:
        sales, delivered = await _query(connection, today)
        latest = await order_queries.list_orders(
            connection, most=_LATEST_ORDERS
        )
        month = f"{datetime.fromtimestamp(now, UTC):%Y-%m}"
        best = await best_sellers(
            connection,
            month,
            moved=store.catalog.current.moved,
            most=_BEST,
        )
        currencies = [
            each.currency
            for each in await report_queries.revenue_by_currency(connection)
        ]

    def days(first: int, last: int) -> Days:
        return _sum(first, last, currencies, sales, delivered)

    spans = {
        "today": days(today, today),
        "yesterday": days(today - 1, today - 1),
        "week": days(today - WEEK_DAYS + 1, today),
        "week_before": days(today - 2 * WEEK_DAYS + 1, today - WEEK_DAYS),
    }
    charts = _charts(today, currencies, sales)
    rows = reports.seller_rows(request, best, month)
    attention = await needs_attention(request)
    return page.render(
        request,
        "home.html",
        {
            **{name: each.data for name, each in spans.items()},
            "attention": attention,
            "best_sellers": [each.data for each in rows],
            "latest_orders": [each.order_id for each in latest.orders],
        },
        spans=spans,
        currencies=currencies,
        charts=charts,
        attention=attention,
        month=month,
        sellers=rows,
        orders=latest.orders,
    )


async def _query(
    connection: AsyncConnection, today: int
) -> tuple[list[SalesDay], list[DownloadDay]]:
    first = today - max(_CHART_DAYS, 2 * WEEK_DAYS) + 1
    return (
        await report_queries.sales_by_day(connection, first, today),
        await report_queries.downloads_by_day(connection, first, today),
    )


def _sum(
    first: int,
    last: int,
    currencies: Iterable[str],
    sales: Iterable[SalesDay],
    delivered: Iterable[DownloadDay],
) -> Days:
    rows = {each: SalesRow("", first, last) for each in currencies}
    for one in sales:
        # A sale during these queries may be in one result and not the other.
        if first <= one.day <= last and one.currency in rows:
            rows[one.currency].add(one)
    counted = [each for each in delivered if first <= each.day <= last]
    return Days(
        first,
        last,
        rows,
        sum(each.begun for each in counted),
        sum(each.completed for each in counted),
    )


def _charts(
    today: int, currencies: Iterable[str], sales: Sequence[SalesDay]
) -> list[CurrencySales]:
    """Return the last days of each currency, those without sales included."""
    charts = []
    for currency in currencies:
        found = CurrencySales(
            currency,
            [
                SalesRow(day(number), number, number)
                for number in range(today - _CHART_DAYS + 1, today + 1)
            ],
        )
        for one in sales:
            at = one.day - (today - _CHART_DAYS + 1)
            if one.currency == currency and 0 <= at < _CHART_DAYS:
                found.rows[at].add(one)
                found.total.add(one)
        charts.append(found)
    return charts


async def needs_attention(request: web.Request) -> list[str]:
    """Return what needs somebody's attention, a few words each.

    The health page has the details. Checks that connect to others aren't run
    for it: what they found last is counted.
    """
    store = request.app[STORE]
    found = []
    if store.ledger.status().troubles:
        found.append(gettext("the database is unavailable"))
    try:
        reading = store.catalog.reading
    except NotReady:
        problems = 0
    else:
        problems = len(set(reading.problems) - reading.held)
    if problems:
        found.append(
            ngettext(
                "%(num)s problem in the library",
                "%(num)s problems in the library",
                problems,
            )
        )
    if store.mail is not None and store.mail.problem:
        found.append(gettext("mail can't be sent"))
    if store.certificate is not None and store.certificate.status.problem:
        found.append(gettext("the certificate could not be renewed"))
    disks = await asyncio.to_thread(
        health.disks, store.settings.data, store.settings.library_folder
    )
    if any(each.is_nearly_full for each in disks):
        found.append(gettext("a disk is almost full"))
    failed = sum(
        each.finding.outcome is not Outcome.PASS
        for each in store.health_checks.known
    )
    if failed:
        found.append(
            ngettext(
                "%(num)s check found something",
                "%(num)s checks found something",
                failed,
            )
        )
    return found

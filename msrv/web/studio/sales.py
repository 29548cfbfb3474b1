"""The studio's first page: what was sold, and what became of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
from msrv.web.formatting import amount, day
from msrv.web.store import STORE
from msrv.web.studio import chart, page, query_parameters
from msrv.web.studio.periods import (
    LABELS,
    Piece,
    Span,
    first_day,
    index_of,
    pieces,
)

BEST = 10


@dataclass(slots=True)
class Row:
    """What was sold and refunded in a piece of time, or in all of them."""

    label: str = ""
    orders: int = 0
    items: int = 0
    sold_minor: int = 0
    refunds: int = 0
    refunded_minor: int = 0

    @property
    def kept_minor(self) -> int:
        """What is left of it."""
        return self.sold_minor - self.refunded_minor

    def add(self, one: SalesDay) -> None:
        """Count a day in."""
        self.orders += one.orders
        self.items += one.items
        self.sold_minor += one.sold_minor
        self.refunds += one.refunds
        self.refunded_minor += one.refunded_minor


@dataclass(slots=True)
class Takings:
    """One currency's sales over a span: piece by piece, and in all."""

    currency: str
    rows: list[Row]
    total: Row = field(default_factory=Row)

    @property
    def chart(self) -> chart.Chart:
        """The same, drawn."""
        return chart.draw(
            [row.label for row in self.rows],
            [row.sold_minor for row in self.rows],
            [row.refunded_minor for row in self.rows],
            lambda minor: amount(minor, self.currency),
        )


async def show(request: web.Request) -> web.Response:
    """Show sales over a span, and what sells best, came in and went out.

    Raises DatabaseError.
    """
    span = query_parameters.span(request)
    today = day_of(request.app[STORE].clock())
    async with page.reading(request) as connection:
        found = await _ask(connection, span, today)
    days, revenue, sellers, downloads = found
    cut = pieces(span, today, days[0].day if days else today)
    takings = takings_of(cut, days, (each.currency for each in revenue))
    titles = titles_now(request, sellers)
    begun = sum(each.begun for each in downloads)
    completed = sum(each.completed for each in downloads)
    return page.page(
        request,
        "sales.html",
        {
            "span": span,
            "first_day": day(cut[0].first_day),
            "last_day": day(today),
            "sales": [
                {
                    "currency": each.currency,
                    "total": _data(each.total),
                    "rows": [_data(row) for row in each.rows],
                }
                for each in takings
            ],
            "revenue": [
                {**asdict(each), "kept_minor": each.kept_minor}
                for each in revenue
            ],
            "best_sellers": [
                {**asdict(each), "title": titles[each.item_id]}
                for each in sellers
            ],
            "downloads": {"begun": begun, "completed": completed},
        },
        span=span,
        spans=LABELS,
        takings=takings,
        most_days=report_queries.MAX_DAYS
        if len(days) == report_queries.MAX_DAYS
        else 0,
        revenue=revenue,
        sellers=sellers,
        titles=titles,
        begun=begun,
        completed=completed,
    )


async def _ask(
    connection: AsyncConnection, span: Span, today: int
) -> tuple[list[SalesDay], list[Revenue], list[BestSeller], list[DownloadDay]]:
    first = first_day(span, today)
    return (
        await report_queries.sales_by_day(connection, first, today),
        await report_queries.revenue_by_currency(connection),
        await report_queries.best_sellers(connection, most=BEST),
        await report_queries.downloads_by_day(connection, first, today),
    )


def takings_of(
    cut: Sequence[Piece], days: Sequence[SalesDay], currencies: Iterable[str]
) -> list[Takings]:
    """Put days together by piece, for each currency that was ever taken."""
    found = {
        currency: Takings(currency, [Row(each.label) for each in cut])
        for currency in currencies
    }
    for one in days:
        at = index_of(cut, one.day)
        # What was sold as this was read is in one answer and not the other.
        if at is None or one.currency not in found:
            continue
        found[one.currency].rows[at].add(one)
        found[one.currency].total.add(one)
    return list(found.values())


def titles_now(
    request: web.Request, sellers: Iterable[BestSeller]
) -> Mapping[str, str]:
    """Give each item's title as the catalog has it today, or as it sold."""
    by_id = request.app[STORE].catalog.current.by_id
    return {
        each.item_id: by_id[each.item_id].title
        if each.item_id in by_id
        else each.title
        for each in sellers
    }


def _data(row: Row) -> dict[str, Any]:
    data = {**asdict(row), "kept_minor": row.kept_minor}
    if not row.label:
        del data["label"]
    return data

"""Downloads as people mean them: begun, and how many got to their end."""

from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from msrv.ledger.db import report_queries
from msrv.ledger.db.aggregates import day_of
from msrv.web.formatting import day, plural
from msrv.web.store import STORE
from msrv.web.studio import chart, page, query_parameters
from msrv.web.studio.periods import LABELS, first_day, index_of, pieces


@dataclass(slots=True)
class Row:
    """Downloads of a piece of time, or of all of them."""

    label: str = ""
    begun: int = 0
    completed: int = 0
    delivered_bytes: int = 0


async def show(request: web.Request) -> web.Response:
    """Show downloads over a span. Raises DatabaseError, InvalidField."""
    span = query_parameters.span(request)
    today = day_of(request.app[STORE].clock())
    async with page.reading(request) as connection:
        days = await report_queries.downloads_by_day(
            connection, first_day(span, today), today
        )
    cut = pieces(span, today, days[0].day if days else today)
    rows, total = [Row(each.label) for each in cut], Row()
    for one in days:
        at = index_of(cut, one.day)
        for row in (total, *([] if at is None else [rows[at]])):
            row.begun += one.begun
            row.completed += one.completed
            row.delivered_bytes += one.delivered_bytes
    return page.page(
        request,
        "downloads.html",
        {
            "span": span,
            "first_day": day(cut[0].first_day),
            "last_day": day(today),
            "total": _data(total),
            "rows": [_data(row) for row in rows],
        },
        span=span,
        spans=LABELS,
        rows=rows,
        total=total,
        chart=chart.draw(
            [row.label for row in rows],
            [row.begun for row in rows],
            [row.completed for row in rows],
            lambda count: plural(count, "download"),
        ),
    )


def _data(row: Row) -> dict[str, Any]:
    data = asdict(row)
    if not row.label:
        del data["label"]
    return data

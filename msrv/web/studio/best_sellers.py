"""What sells best, of all time or in a year or a month."""

from dataclasses import asdict
from datetime import UTC, datetime

from aiohttp import web

from msrv.ledger.db import report_queries
from msrv.web.store import STORE
from msrv.web.studio import page, query_parameters
from msrv.web.studio.sales import titles_now

MOST = 100


async def show(request: web.Request) -> web.Response:
    """Show a period's best sellers. Raises DatabaseError, InvalidField."""
    period = query_parameters.period(request)
    async with page.reading(request) as connection:
        sellers = await report_queries.best_sellers(
            connection, period, most=MOST
        )
    titles = titles_now(request, sellers)
    now = datetime.fromtimestamp(request.app[STORE].clock(), UTC)
    return page.page(
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

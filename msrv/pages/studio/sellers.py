"""What sells best, of all time or in a year or a month."""

from dataclasses import asdict
from datetime import UTC, datetime

from aiohttp import web

from msrv.ledger import reports
from msrv.pages.keys import CLOCK
from msrv.pages.studio import asked, desk
from msrv.pages.studio.sales import titles_now

MOST = 100


async def show(request: web.Request) -> web.Response:
    """Show the best sellers of a period. Raises DatabaseError, BadField."""
    period = asked.period(request)
    async with desk.reading(request) as connection:
        sellers = await reports.best_sellers(connection, period, most=MOST)
    titles = titles_now(request, sellers)
    now = datetime.fromtimestamp(request.config_dict[CLOCK](), UTC)
    return desk.page(
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

"""What is refunded now, the latest first."""

from dataclasses import asdict

from aiohttp import web

from msrv.ledger import stories
from msrv.ledger.orders import PAGE
from msrv.pages.keys import CATALOG
from msrv.pages.studio import asked, desk


async def show(request: web.Request) -> web.Response:
    """Show a page of refunds. Raises DatabaseError, BadField."""
    after = asked.after_refund(request)
    async with desk.reading(request) as connection:
        found = await stories.refunded(connection, after=after, most=PAGE + 1)
    shown, older = found[:PAGE], None
    if len(found) > PAGE:
        last = shown[-1]
        older = (
            f"/studio/refunds?after={last.changed_at_ms}"
            f".{last.order_id}.{last.item_id}"
        )
    catalog = request.config_dict[CATALOG].current
    return desk.page(
        request,
        "refunds.html",
        {"refunds": [asdict(each) for each in shown], "older": older},
        refunds=shown,
        titles={
            each.item_id: catalog.title_of(each.item_id)
            for each in shown
            if each.item_id in catalog.by_id or each.item_id in catalog.gone
        },
        older=older,
        is_first=after is None,
    )

"""What is refunded now, the latest first."""

from dataclasses import asdict

from aiohttp import web

from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import PAGE
from msrv.web.store import STORE
from msrv.web.studio import page, query_parameters


async def show(request: web.Request) -> web.Response:
    """Show a page of refunds. Raises DatabaseError, InvalidField."""
    after = query_parameters.after_refund(request)
    async with page.reading(request) as connection:
        found = await order_queries.list_refunds(
            connection, after=after, most=PAGE + 1
        )
    shown, older = found[:PAGE], None
    if len(found) > PAGE:
        last = shown[-1]
        older = (
            f"/studio/refunds?after={last.changed_at_ms}"
            f".{last.order_id}.{last.item_id}"
        )
    catalog = request.app[STORE].catalog.current
    return page.page(
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

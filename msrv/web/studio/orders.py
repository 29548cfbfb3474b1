"""Orders: a page of them, newest first, or those that a search finds."""

from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import Order
from msrv.web.studio import page as desk
from msrv.web.studio import query_parameters


async def show(request: web.Request) -> web.Response:
    """Show orders. Raises DatabaseError, InvalidField."""
    words = request.query.get("q", "").strip()[:255]
    since, before = (
        query_parameters.since(request),
        query_parameters.before(request),
    )
    after = query_parameters.after_order(request)
    next_key = None
    async with desk.reading(request) as connection:
        if words:
            found = await order_queries.search_orders(connection, words)
        else:
            page = await order_queries.list_orders(
                connection, since=since, before=before, after=after
            )
            found, next_key = page.orders, page.after
    days = {
        name: request.query[name]
        for name in ("from", "to")
        if request.query.get(name) and not words
    }
    older = None
    if next_key is not None:
        place = {"after": f"{next_key[0]}.{next_key[1]}"}
        older = f"/studio/orders?{urlencode(days | place)}"
    query = f"?{urlencode(days)}" if days else ""
    return desk.page(
        request,
        "orders.html",
        {"orders": [data(each) for each in found], "older": older},
        orders=found,
        words=words,
        days=days,
        older=older,
        newest=None if after is None else f"/studio/orders{query}",
    )


def data(order: Order) -> dict[str, Any]:
    """Show an order to a program."""
    return {**asdict(order), "url": f"/studio/orders/{order.order_id}"}

"""Taking an order back, or one line of it, and giving it back; asked first."""

from dataclasses import asdict

from aiohttp import web

from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import OrderLine
from msrv.ledger.errors import NothingRevoked, OrderNotFound
from msrv.ledger.events import WHOLE_ORDER
from msrv.proofs.orders import is_item_id
from msrv.web.errors import InvalidField, NotFound
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.store import SESSION, STORE
from msrv.web.studio import activity, page, query_parameters


async def ask(request: web.Request) -> web.Response:
    """Ask whether that is meant. Raises DatabaseError, NotFound."""
    order_id = query_parameters.order_id(request)
    item_id = _item(request.query.get("item", WHOLE_ORDER))
    undo = bool(request.query.get("undo"))
    async with page.reading(request) as connection:
        story = await order_queries.order_history(connection, order_id)
    if story is None:
        raise NotFound
    lines = [
        line
        for line in story.order.lines
        if item_id in {WHOLE_ORDER, line.item_id}
    ]
    if not lines:
        raise NotFound
    return page.page(
        request,
        "revoke.html",
        {
            "order_id": order_id,
            "item_id": item_id,
            "undo": undo,
            "lines": [asdict(line) for line in lines],
        },
        order=story.order,
        lines=lines,
        amount_minor=_amount(lines, undo=undo),
        item_id=item_id,
        undo=undo,
    )


async def change(request: web.Request) -> web.Response:
    """Do it: `item` for one line, `undo` to give it back.

    A browser goes back to the order; a program gets its lines. Doing it
    twice is doing it once. Raises DatabaseError, NotFound.
    """
    # Whatever can't be answered is said before anything is changed.
    as_json = wants_json(request)
    order_id = query_parameters.order_id(request)
    form = await read_form(request)
    item_id = _item(form.get("item", WHOLE_ORDER))
    undo = bool(form.get("undo"))
    lines = []
    try:
        held = await request.app[STORE].ledger.revoke(
            order_id,
            item_id,
            by=f"studio-{request[SESSION].number}",
            undo=undo,
        )
        lines = [asdict(line) for line in held]
        subject = f"{order_id}.{item_id}" if item_id else order_id
        await activity.record(
            request, "restore" if undo else "revoke", subject
        )
    except NothingRevoked:
        pass  # a second click, or somebody else's
    except OrderNotFound:
        raise NotFound from None
    if as_json:
        response = web.json_response({"order_id": order_id, "lines": lines})
    else:
        response = web.Response(
            status=303, headers={"Location": f"/studio/orders/{order_id}"}
        )
    response.headers["Cache-Control"] = PRIVATE
    return response


def _item(text: str) -> str:
    if text != WHOLE_ORDER and not is_item_id(text):
        raise InvalidField("item", "must be an item's id")
    return text


def _amount(lines: list[OrderLine], *, undo: bool) -> int:
    """Say what it is about, in minor units."""
    return sum(line.price_minor for line in lines if line.refunded is undo)

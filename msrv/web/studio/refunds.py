# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds: their list, and ending or restoring the links of an order.

Nothing here moves money: `msrv.web.studio.order.refund_form` does.
"""

from dataclasses import asdict

from aiohttp import web

from msrv.catalog.model import Catalog
from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import PAGE
from msrv.ledger.db.refunds.listing import ListedRefund, list_refunds
from msrv.ledger.errors import NothingRevoked, OrderNotFound
from msrv.ledger.events import WHOLE_ORDER
from msrv.proofs.orders import is_item_id
from msrv.translations import gettext
from msrv.web.errors import InvalidField, NotFound
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.store import STORE
from msrv.web.studio import activity, page
from msrv.web.studio.access.rules import ACCESS
from msrv.web.studio.order.timeline import reversal_entry
from msrv.web.studio.orders import can_refund


async def show_list(request: web.Request) -> web.Response:
    """Show a page of refunds. Raises DatabaseError, InvalidField."""
    since, before = page.read_since(request), page.read_before(request)
    after = page.read_refund_position(request)
    async with page.read_transaction(request) as connection:
        found = await list_refunds(
            connection,
            since=since,
            before=before,
            after=after,
            most=PAGE + 1,
        )
    days = {
        name: request.query[name]
        for name in ("from", "to")
        if request.query.get(name)
    }
    shown, older = found[:PAGE], None
    if len(found) > PAGE:
        key = ".".join(map(str, shown[-1].key))
        older = "/studio/refunds" + page.query({**days, "after": key})
    catalog = request.app[STORE].catalog.current
    return page.render(
        request,
        "refunds.html",
        {
            "refunds": [
                {**asdict(each), "revoked": each.reversal is None}
                for each in shown
            ],
            "older": older,
        },
        refunds=[(each, _text(each, catalog)) for each in shown],
        days=days,
        older=older,
        newest="/studio/refunds" + page.query(days),
        is_first=after is None,
    )


def _text(each: ListedRefund, catalog: Catalog) -> str:
    """Return what happened, as on the page of the order."""
    if each.reversal is not None:
        return reversal_entry(each.reversal, each.currency, {}).text
    title = (
        catalog.title_of(each.item_id)
        if each.item_id
        else gettext("whole order")
    )
    return gettext("Downloads ended: %(title)s", title=title)


async def confirm(request: web.Request) -> web.Response:
    """Show a confirmation page. Raises DatabaseError, NotFound."""
    order_id = page.read_order_id(request)
    item_id = _read_item_id(request.query.get("item", WHOLE_ORDER))
    undo = bool(request.query.get("undo"))
    async with page.read_transaction(request) as connection:
        history = await order_queries.order_history(connection, order_id)
    if history is None:
        raise NotFound
    lines = [
        line
        for line in history.order.lines
        if item_id in {WHOLE_ORDER, line.item_id}
    ]
    if not lines:
        raise NotFound
    return page.render(
        request,
        "refund.html",
        {
            "order_id": order_id,
            "item_id": item_id,
            "undo": undo,
            "lines": [asdict(line) for line in lines],
        },
        order=history.order,
        can_refund=can_refund(request, history),
        lines=lines,
        item_id=item_id,
        undo=undo,
    )


async def refund(request: web.Request) -> web.Response:
    """End the links of an order, or of a line (`item`); `undo` restores them.

    A browser is redirected to the order; JSON has its lines. Idempotent.
    Raises DatabaseError, NotFound.
    """
    # Errors in the request are raised before anything is changed.
    as_json = wants_json(request)
    order_id = page.read_order_id(request)
    form = await read_form(request)
    item_id = _read_item_id(form.get("item", WHOLE_ORDER))
    undo = bool(form.get("undo"))
    lines = []
    try:
        held = await request.app[STORE].ledger.revoke(
            order_id,
            item_id,
            by=f"studio-{request[ACCESS].session}",
            undo=undo,
        )
        lines = [asdict(line) for line in held]
        subject = f"{order_id}.{item_id}" if item_id else order_id
        await activity.record(
            request, "restore" if undo else "revoke", subject
        )
    except NothingRevoked:
        pass  # a second click, or another operator's
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


def _read_item_id(text: str) -> str:
    if text != WHOLE_ORDER and not is_item_id(text):
        raise InvalidField("item", gettext("must be an item's id"))
    return text

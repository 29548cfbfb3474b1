# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Orders: the list with its search, and the page of one order."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from msrv import time_slices
from msrv.catalog.model import Item
from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import (
    Download,
    Order,
    OrderHistory,
    OrderLine,
)
from msrv.ledger.db.reports.order_search import search_orders
from msrv.ledger.db.taxes.decisions import find_decision
from msrv.ledger.invoices.documents import NumberedDocument
from msrv.ledger.invoices.queries import list_order_documents
from msrv.ledger.operators import act_queries
from msrv.orders.fulfilment import receipt_of
from msrv.proofs import pasted_proofs, receipts
from msrv.proofs.links import make_link
from msrv.proofs.pasted_text import MAX_CHARS
from msrv.proofs.receipts import is_simulated
from msrv.taxes.report_data import decision_data
from msrv.web.errors import NotFound
from msrv.web.invoices.printed_invoice import document_title
from msrv.web.shop.receipts import receipt_path
from msrv.web.store import ORIGIN, STORE
from msrv.web.studio import activity, page
from msrv.web.studio.access.rules import ACCESS
from msrv.web.studio.order.country_form import (
    country_choices,
    is_undecided,
)
from msrv.web.studio.order.tax_facts import tax_facts
from msrv.web.studio.order.timeline import order_timeline


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line of an order, with a new download link.

    `link` is None if the line was refunded or the item is no longer in the
    library; `is_here` tells which.
    """

    line: OrderLine
    is_here: bool
    link: str | None


async def show_list(request: web.Request) -> web.Response:
    """Show the order list, newest first, or the matches of a search.

    The list may be that of some days, of a currency, of an item, or of a
    release and all in it, or those of these with a refund. Raises
    DatabaseError, InvalidField, NotReady.
    """
    words = request.query.get("q", "").strip()[:MAX_CHARS]
    since, before = (
        page.read_since(request),
        page.read_before(request),
    )
    currency = page.read_currency(request)
    selection = page.read_order_selection(request)
    after = page.read_order_position(request)
    next_key = None
    proved = await _proved_order_id(request, words)
    async with page.read_transaction(request) as connection:
        if words:
            found = await search_orders(connection, proved or words)
        else:
            found_page = await order_queries.list_orders(
                connection,
                since=since,
                before=before,
                currency=currency,
                item_ids=selection.item_ids,
                refunded=page.reads_refunded(request),
                after=after,
            )
            found, next_key = found_page.orders, found_page.after
    days = {
        name: request.query[name]
        for name in ("from", "to", "currency", "item", "release", "refunded")
        if request.query.get(name) and not words
    }
    older = None
    if next_key is not None:
        place = {"after": f"{next_key[0]}.{next_key[1]}"}
        older = f"/studio/orders?{urlencode(days | place)}"
    query = f"?{urlencode(days)}" if days else ""
    return page.render(
        request,
        "orders.html",
        {"orders": [_data(each) for each in found], "older": older},
        orders=found,
        words=words,
        days=days,
        item_title=selection.title,
        older=older,
        newest=None if after is None else f"/studio/orders{query}",
    )


async def _proved_order_id(request: web.Request, text: str) -> str:
    """Return the order of the receipt or link in a text, empty without one."""
    store = request.app[STORE]
    found = await time_slices.first(
        pasted_proofs.search(store.keyring, text, store.clock())
    )
    proved = found and (found.receipt or found.access)
    return proved.order_id if proved else ""


def _data(order: Order) -> dict[str, Any]:
    """Return an order for JSON."""
    return {**asdict(order), "url": f"/studio/orders/{order.order_id}"}


async def show_one(request: web.Request) -> web.Response:
    """Show an order. Raises DatabaseError, NotFound."""
    order_id = page.read_order_id(request)
    async with page.read_transaction(request) as connection:
        history = await order_queries.order_history(connection, order_id)
        acts = await act_queries.list_order_acts(connection, order_id)
        decision = await find_decision(connection, order_id)
        invoices = await list_order_documents(connection, order_id)
    if history is None:
        raise NotFound
    order = history.order
    titles = _titles(request, order, history.downloads)
    await activity.record(request, "view-order", order_id)
    # Both lead to what was bought.
    may_sell = request[ACCESS].may_sell
    receipt = _receipt_url(request, order) if may_sell else None
    expires_at, lines = _lines(request, order)
    payment_url = request.app[STORE].providers.payment_url(
        order.provider, order.reference
    )
    return page.render(
        request,
        "order.html",
        {
            **_data(order),
            "decision": decision_data(decision),
            "receipt": receipt,
            "payment_url": payment_url or None,
            "links_expire_at": expires_at,
            "links": {
                each.line.item_id: each.link
                for each in lines
                if each.link is not None
            },
            "downloads": [asdict(each) for each in history.downloads],
            "changes": [asdict(each) for each in history.changes],
            "payments": [asdict(each) for each in history.payments],
            "reversals": [asdict(each) for each in history.reversals],
        },
        order=order,
        tax_facts=tuple(tax_facts(order, decision)),
        decision=decision,
        is_undecided=is_undecided(
            order, request.app[STORE].catalog.current.shop.tax
        ),
        countries=country_choices,
        invoices=[
            (each.document.position, document_title(each))
            for each in invoices
            if isinstance(each, NumberedDocument)
        ],
        unreadable=[
            each.name
            for each in invoices
            if not isinstance(each, NumberedDocument)
        ],
        gets_invoice=request.app[STORE].invoices.covers(order),
        history=history,
        is_simulated=is_simulated(order.provider),
        lines=lines,
        receipt=receipt,
        payment_url=payment_url,
        expires_at=expires_at,
        titles=titles,
        timeline=order_timeline(history, acts, titles),
        can_refund=can_refund(request, history),
        sends_mail=request.app[STORE].receipt_mails.is_on,
        is_sent=bool(request.query.get("sent")),
        mail_failed=request.app[STORE].receipt_mails.has_failed(order_id),
    )


def can_refund(request: web.Request, history: OrderHistory) -> bool:
    """Return whether the store can refund what was paid for an order.

    By the money alone: that of an order whose downloads were ended, by hand
    or by a withdrawal, can still be refunded.
    """
    order, reversals = history.order, history.reversals
    gone = sum(each.amount_minor for each in reversals if each.is_effective)
    # With a tax that was added to the prices, which reversals contain.
    paid = max((each.paid_minor for each in reversals), default=0)
    handler = request.app[STORE].providers.refunds_of(order.provider)
    return handler is not None and gone < max(paid, order.total_minor)


def _receipt_url(request: web.Request, order: Order) -> str | None:
    """Return the address of an order's receipt: the one that its buyer has.

    Signing is deterministic, so the ledger's row leads to the same address;
    after a change of NONCE, to an equivalent one. None for an order that no
    receipt can represent, and for a simulated payment if this store doesn't
    accept those.
    """
    keyring = request.app[STORE].keyring
    if is_simulated(order.provider) and not keyring.accepts_simulated:
        return None
    receipt = receipt_of(order)
    if receipt is None:
        return None
    token = receipts.sign(keyring, receipt)
    return request[ORIGIN].base_url + receipt_path(token)


def _lines(request: web.Request, order: Order) -> tuple[int, list[ShownLine]]:
    """Return when new links expire, and the lines with their links."""
    store = request.app[STORE]
    by_id = store.catalog.current.by_id
    hours = store.settings.link_hours
    expires_at = store.clock() + hours * 3600
    shown = []
    for line in order.lines:
        is_here = line.item_id in by_id
        link = None
        if is_here and not line.refunded and request[ACCESS].may_sell:
            made = make_link(
                store.keyring,
                order.order_id,
                line.item_id,
                expires_at,
                simulated=is_simulated(order.provider),
            )
            link = request[ORIGIN].base_url + made.path
        shown.append(ShownLine(line, is_here, link))
    return expires_at, shown


def _titles(
    request: web.Request, order: Order, downloads: Iterable[Download]
) -> dict[str, str]:
    """Return the titles of downloads: lines, and tracks of releases."""
    catalog = request.app[STORE].catalog.current
    titles = {line.item_id: line.title for line in order.lines}
    for each in downloads:
        entry = catalog.by_id.get(each.item_id)
        if each.item_id in titles:
            continue
        titles[each.item_id] = catalog.title_of(each.item_id)
        if isinstance(entry, Item):
            release = catalog.by_id.get(entry.release_id)
            within = f" ({release.title})" if release else ""
            titles[each.item_id] = f"{entry.title}{within}"
    return titles

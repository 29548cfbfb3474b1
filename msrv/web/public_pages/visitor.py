# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Visitor of a request: what a page shows of them, and the slots for it.

Apart from `page_slots`, which `web.store` imports: this module imports
`web.store`.
"""

from aiohttp import web

from msrv.catalog.live_catalog import NotReady
from msrv.orders.cart import Cart
from msrv.proofs.orders import new_order_id
from msrv.web import cookies, formatting
from msrv.web.public_pages.page_slots import PageSlots, VisitorParts
from msrv.web.store import ATTEMPT, SLOTS, STORE


def page_slots(request: web.Request) -> PageSlots:
    """Return the slots of the page that is rendered for a request."""
    if SLOTS not in request:
        request[SLOTS] = PageSlots(request.app[STORE].random(8).hex())
    return request[SLOTS]


def visitor_parts(request: web.Request) -> VisitorParts:
    """Return what a page shows of the visitor who requests it."""
    store = request.app[STORE]
    try:
        cart = cookies.read_cart(request, store.catalog.current)
    except NotReady:
        cart = Cart(())
    if ATTEMPT not in request:
        request[ATTEMPT] = new_order_id(store.random)
    return VisitorParts(
        frozenset(cart.item_ids),
        formatting.cart_summary(cart),
        request[ATTEMPT],
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the mails about corrections: asked for on a receipt, and stopped.

A link in each mail stops them: opened in a browser it asks first, since mail
programs open links by themselves; a POST stops them at once (RFC 8058), and
its body isn't read.
"""

from typing import Final

from aiohttp import web

from msrv.proofs import receipts
from msrv.proofs.corrections import stop_links
from msrv.proofs.receipts import Receipt
from msrv.web.errors import NotFound
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, respond, wants_json
from msrv.web.shop.receipts import receipt_path
from msrv.web.store import STORE

_STOP: Final = "stop"


async def show(request: web.Request) -> web.Response:
    """Return whether the buyer is mailed, and the button that changes it.

    Raises Forged, RequestNotSaved, and NotFound for an order without it.
    """
    receipt = _receipt(request)
    requests = request.app[STORE].corrections.requests
    asked = await requests.is_asked(receipt.order_id)
    path = receipt_path(request.match_info["receipt"])
    return _page(request, receipt.order_id, asked=asked, path=path)


async def change(request: web.Request) -> web.StreamResponse:
    """Request the mails of an order, or with `stop`, stop them.

    Raises Forged, NotFound, RequestNotSaved, AddressUnknown, TooManyLookUps.
    """
    receipt = _receipt(request)
    requests = request.app[STORE].corrections.requests
    form = await read_form(request)
    asks = _STOP not in form
    if asks:
        await requests.add(receipt)
    else:
        await requests.remove(receipt.order_id)
    path = receipt_path(request.match_info["receipt"])
    if wants_json(request):
        return _page(request, receipt.order_id, asked=asks, path=path)
    raise web.HTTPSeeOther(f"{path}/corrections")


async def confirm(request: web.Request) -> web.Response:
    """Return the page that asks whether to stop the mails of a link.

    Raises Forged, RequestNotSaved.
    """
    order_id = _order(request)
    requests = request.app[STORE].corrections.requests
    return _page(request, order_id, asked=await requests.is_asked(order_id))


async def stop(request: web.Request) -> web.Response:
    """Stop the mails of a link. Raises Forged, RequestNotSaved."""
    order_id = _order(request)
    await request.app[STORE].corrections.requests.remove(order_id)
    return _page(request, order_id, asked=False)


def _receipt(request: web.Request) -> Receipt:
    """Return the receipt of a path. Raises Forged, NotFound."""
    store = request.app[STORE]
    receipt = receipts.read(store.keyring, request.match_info["receipt"])
    if not store.corrections.requests.is_offered(receipt):
        raise NotFound
    return receipt


def _order(request: web.Request) -> str:
    """Return the order of a path. Raises Forged."""
    token = request.match_info["token"]
    return stop_links.read(request.app[STORE].keyring, token)


def _page(
    request: web.Request, order_id: str, *, asked: bool, path: str = ""
) -> web.Response:
    """Return the page; `path` is that of the receipt, where it was shown."""
    return respond(
        request,
        "corrections.html",
        {"order_id": order_id, "asked": asked},
        cache_control=PRIVATE,
        order_id=order_id,
        asked=asked,
        receipt_path=path,
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of lost purchases: an address, to which all receipts are mailed.

The answer is the same for every address, and so is the time it takes: what the
address has bought is looked up afterwards.
"""

from typing import Final

from aiohttp import web

from msrv.orders.rate_limits import TooManyMails
from msrv.rate_limit import client_network
from msrv.web.errors import InvalidField, NotFound
from msrv.web.errors.fields import NO_ERRORS, FieldErrors
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, respond, wants_json
from msrv.web.shop.receipt_mails import read_required_address
from msrv.web.store import ORIGIN, STORE

_ASKED: Final = "asked"


async def show(request: web.Request) -> web.Response:
    """Return the form, or where there is none, what else can be done."""
    return _page(request)


async def submit(request: web.Request) -> web.StreamResponse:
    """Queue a mail with the purchases of the address `mail`.

    303 to a page that says so, or 202 for a program; 422 for a text that is
    no address, and 429 for too many requests of one client, whichever the
    addresses. Raises NotFound where the store can't do it.
    """
    lost = request.app[STORE].lost_purchases
    if not lost.is_on:
        raise NotFound
    form = await read_form(request)
    try:
        address = read_required_address(request, form)
    except InvalidField as error:
        errors = FieldErrors.of(error, form)
        if errors is None or wants_json(request):
            raise
        return _page(request, errors, status=422)
    try:
        lost.request(address, client_network(request[ORIGIN].client))
    except TooManyMails as error:
        if wants_json(request):
            raise
        wait = error.retry_after_seconds
        response = _page(request, status=429, wait=wait)
        response.headers["Retry-After"] = str(wait)
        return response
    if wants_json(request):
        return web.json_response(
            {"status": "queued"},
            status=202,
            headers={"Cache-Control": PRIVATE},
        )
    raise web.HTTPSeeOther(f"/lost?{_ASKED}=1")


def _page(
    request: web.Request,
    errors: FieldErrors = NO_ERRORS,
    *,
    status: int = 200,
    wait: int = 0,
) -> web.Response:
    store = request.app[STORE]
    lost = store.lost_purchases
    return respond(
        request,
        "lost.html",
        {"available": lost.is_on},
        status=status,
        cache_control=PRIVATE,
        is_on=lost.is_on,
        asks_providers=lost.search.asks_providers,
        has_index=lost.search.index is not None,
        is_asked=_ASKED in request.query and status == 200,
        errors=errors,
        wait=wait,
    )

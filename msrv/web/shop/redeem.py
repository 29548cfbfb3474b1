# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Route of the redeem page: a printed code becomes a receipt, once.

GET changes nothing, so that a mail scanner or a camera that opens the address
doesn't use the code up. POST redeems it.
"""

import logging
from typing import Any, Final

from aiohttp import web

from msrv import time_slices
from msrv.ledger.errors import DatabaseError
from msrv.orders.redemption import Claim
from msrv.proofs import codes, pasted_proofs
from msrv.rate_limit import client_network
from msrv.web import cookies
from msrv.web.errors import ErrorPage, InvalidField
from msrv.web.errors.fields import NO_ERRORS, FieldErrors
from msrv.web.errors.redemption import REDEMPTION
from msrv.web.errors.table import redemption_page
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, respond, wants_json
from msrv.web.shop.receipt_mails import read_address
from msrv.web.shop.receipts import receipt_response
from msrv.web.store import ORIGIN, STORE

log = logging.getLogger(__name__)

_SHOWN_CHARS: Final = 60


async def show(request: web.Request) -> web.Response:
    """Return the form, with the code in the address. No code is used up."""
    text = request.query.get("code", "")
    found = await time_slices.collect(pasted_proofs.search_codes(text))
    return _page(request, codes.format_groups(found[0]) if found else text)


async def redeem(request: web.Request) -> web.StreamResponse:
    """Redeem `code`: 303 to its receipt, or 201 for a program.

    The same browser that sends the same code gets the same receipt. Errors
    are on the form's page, with what was typed. Raises InvalidField for a
    program.
    """
    form = await read_form(request)
    text = form.get("code", "")
    claim = _claim(request)
    try:
        mail = read_address(request, form)
    except InvalidField as error:
        errors = FieldErrors.of(error, form)
        if errors is None or wants_json(request):
            raise
        return _page(request, text, errors=errors)
    network = client_network(request[ORIGIN].client)
    redemption = request.app[STORE].redemption
    try:
        order = await redemption.redeem(text, claim, network, mail)
    except (*REDEMPTION,) as error:
        if isinstance(error, DatabaseError):
            log.warning("a code could not be redeemed: %s", error)
        typed = FieldErrors.with_typed(form)
        return _page(request, text, redemption_page(error), typed)
    response = receipt_response(request, order)
    cookies.write_claim(request, response, claim)
    if isinstance(response, web.HTTPException):
        raise response
    return response


def _page(
    request: web.Request,
    text: str,
    error: ErrorPage | None = None,
    errors: FieldErrors = NO_ERRORS,
) -> web.Response:
    """Return the form; `error` is that of the code, `errors` of others."""
    data: dict[str, Any] = {"code": text[:_SHOWN_CHARS]}
    if error is not None:
        data = {"error": error.code, "message": error.message}
    response = respond(
        request,
        "redeem.html",
        data,
        status=error.status if error else 422 if errors.messages else 200,
        code=text[:_SHOWN_CHARS],
        error=error,
        errors=errors,
        mails=request.app[STORE].receipt_mails.is_on,
    )
    if error is not None:
        response.headers.update(error.response_headers)
    response.headers["Cache-Control"] = PRIVATE
    cookies.write_claim(request, response, _claim(request))
    return response


def _claim(request: web.Request) -> Claim:
    """Return the claim that came with a request, or a new one."""
    store = request.app[STORE]
    return cookies.read_claim(request) or Claim.new(
        store.random, store.clock()
    )

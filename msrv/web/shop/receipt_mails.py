# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mail addresses in forms, and the route that mails a receipt again.

Apart from `receipts`, which the checkout and this module both import.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from msrv.mail.addresses import BadAddress
from msrv.mail.receipt_mail import MailKind
from msrv.orders.errors import UnicodeAddress
from msrv.orders.rate_limits import TooManyMails
from msrv.orders.receipt_mails import MailContent
from msrv.proofs import receipts
from msrv.rate_limit import client_network
from msrv.translations import gettext, gettext_noop
from msrv.web.errors import InvalidField, NotFound
from msrv.web.errors.fields import MAIL, FieldErrors
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.shop.receipts import (
    has_gift_query,
    mailed_query,
    page_query,
    receipt_page,
    receipt_path,
)
from msrv.web.store import ORIGIN, STORE

INVALID_ADDRESS: Final = gettext_noop(
    "must be an email address like you@example.org"
)
_NOT_ASCII: Final = gettext_noop(
    "must be an address without accents or other letters outside ASCII before "
    "the @; this store's mail server can't send to such addresses"
)


def read_address(
    request: web.Request, form: Mapping[str, str], field: str = MAIL
) -> str:
    """Return where a receipt is to be sent, empty for nowhere.

    Raises InvalidField.
    """
    text = form.get(field, "").strip()
    try:
        return request.app[STORE].receipt_mails.parse_address(text)
    except BadAddress:
        raise InvalidField(field, gettext(INVALID_ADDRESS)) from None
    except UnicodeAddress:
        raise InvalidField(field, gettext(_NOT_ASCII)) from None


def read_required_address(
    request: web.Request, form: Mapping[str, str]
) -> str:
    """Return an address that a form can't do without. Raises InvalidField."""
    address = read_address(request, form)
    if not address:
        raise InvalidField(MAIL, gettext(INVALID_ADDRESS))
    return address


async def resend(request: web.Request) -> web.StreamResponse:
    """Mail a receipt once more, to the address in the form.

    From the page of a gift, the mail has no prices either. Where too many
    mails were requested the response is a 429 with `Retry-After`: a mail that
    is promised is sent. For a browser, a text that is no address is a 422
    with the receipt's page. Raises NotFound, Forged, InvalidField,
    TooManyMails.
    """
    mails = request.app[STORE].receipt_mails
    token = request.match_info["receipt"]
    receipt = receipts.read(request.app[STORE].keyring, token)
    if not mails.is_on:
        raise NotFound
    form = await read_form(request)
    try:
        to = read_required_address(request, form)
    except InvalidField as error:
        errors = FieldErrors.of(error, form)
        if errors is None or wants_json(request):
            raise
        return await receipt_page(request, status=422, errors=errors)
    is_gift = has_gift_query(request)
    kind = MailKind.GIFT if is_gift else MailKind.RECEIPT
    query = filter(None, (page_query(request), mailed_query(to)))
    return await send_again(
        request,
        MailContent(receipt, to, kind),
        path=f"{receipt_path(token)}?{'&'.join(query)}",
        refuse=lambda wait: receipt_page(request, status=429, mail_wait=wait),
    )


async def send_again(
    request: web.Request,
    content: MailContent,
    *,
    path: str,
    refuse: Callable[[int], Awaitable[web.Response]],
) -> web.StreamResponse:
    """Mail a receipt once more; redirect a browser to `path`.

    Where too many mails were requested, `refuse` returns the page that says
    in how many seconds it is possible again. Raises TooManyMails for a
    program.
    """
    mails = request.app[STORE].receipt_mails
    try:
        await mails.resend(content, client_network(request[ORIGIN].client))
    except TooManyMails as error:
        if wants_json(request):
            raise
        wait = error.retry_after_seconds
        response = await refuse(wait)
        response.headers["Retry-After"] = str(wait)
        return response
    if wants_json(request):
        return web.json_response(
            {"mail": "on its way"},
            status=202,
            headers={"Cache-Control": PRIVATE},
        )
    raise web.HTTPSeeOther(path)

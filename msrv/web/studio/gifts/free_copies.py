# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Free copies: a receipt that the seller gives to somebody.

It is recorded as `msrv grant` does, from the source `studio`: the same
address gets the same receipt again.
"""

import logging
import re
from dataclasses import replace
from typing import Any, Final

from aiohttp import web
from multidict import MultiDict

from msrv.mail.addresses import BadAddress
from msrv.mail.outbox import FOLDER_NAME, Outbox
from msrv.orders.errors import UnicodeAddress
from msrv.orders.grants.buyer_list import Buyer
from msrv.orders.grants.granted_orders import Granting
from msrv.translations import gettext
from msrv.web.errors import InvalidField
from msrv.web.forms import read_form
from msrv.web.rendering import wants_json
from msrv.web.shop.receipts import receipt_path
from msrv.web.store import ORIGIN, STORE
from msrv.web.studio import activity, page
from msrv.web.studio.gifts import entries
from msrv.web.studio.gifts.entries import GivenEntry

log = logging.getLogger(__name__)

_TOKEN_BYTES: Final = 12
_TOKEN: Final = re.compile("[0-9a-f]{24}")


async def show_form(request: web.Request) -> web.Response:
    """Show the form for what is given. Raises NotFound, NotReady."""
    entries.choose_release(request)
    given = entries.find(request, request.query["item"])
    return page.render(
        request,
        "give.html",
        {"item_id": given.item_id, "title": given.entry.title},
        typed={},
        errors={},
        **_context(request, given),
    )


async def give_copy(request: web.Request) -> web.Response:
    """Record a free order, and show its receipt's address, once.

    The same form leads to the same order, however often it is sent. Raises
    NotFound, TooManyGifts, DatabaseError.
    """
    store = request.app[STORE]
    # Errors in the request are raised before anything is recorded.
    wants_json(request)
    form = await read_form(request)
    given = entries.find(request, form.get("item", ""))
    try:
        address, reference = _recipient(request, form)
    except InvalidField as error:
        return entries.invalid(
            request, "give.html", error, form, **_context(request, given)
        )
    store.limits.gifts.acquire(entries.SOURCE, now=store.clock())
    granting = Granting(
        database=store.ledger.database(),
        keyring=store.keyring,
        entry=given.entry,
        item_id=given.item_id,
        source=entries.SOURCE,
        shop=store.catalog.current.shop,
        base_url=request[ORIGIN].base_url,
    )
    buyer = Buyer(0, address, "", reference)
    store.catalog.mark_sold({given.item_id: given.entry.title})
    (planned,) = await granting.find([buyer])
    if planned.is_new:
        await activity.record(
            request, "give-copy", f"{planned.order_id}.{given.item_id}"
        )
    (grant,) = await granting.grant([buyer], store.clock())
    order = grant.order
    is_mailed = order.is_mailed or (
        bool(address)
        and not order.is_revoked
        and await _queue_mail(request, granting, buyer)
    )
    receipt = request[ORIGIN].base_url + receipt_path(grant.token)
    return page.render(
        request,
        "given.html",
        {
            "order_id": order.order_id,
            "item_id": given.item_id,
            "receipt": receipt,
            "is_new": order.is_new,
            "revoked": order.is_revoked,
            "mailed": is_mailed,
        },
        status=201 if order.is_new else 200,
        given=given,
        order=order,
        receipt=receipt,
        is_mailed=is_mailed,
        address=address,
    )


async def _queue_mail(
    request: web.Request, granting: Granting, buyer: Buyer
) -> bool:
    """Queue the mail of a recorded order, once; return whether it is."""
    store = request.app[STORE]
    outbox = Outbox(store.settings.data / FOLDER_NAME)
    try:
        await replace(granting, outbox=outbox).grant([buyer], store.clock())
    except OSError as error:
        log.warning(
            "studio: the mail of a free copy can't be stored: %s", error
        )
        return False
    return True


def _context(request: web.Request, given: GivenEntry) -> dict[str, Any]:
    """Return what the form's template needs."""
    store = request.app[STORE]
    return {
        "given": given,
        "sends_mail": store.receipt_mails.is_on,
        "token": store.random(_TOKEN_BYTES).hex(),
    }


def _recipient(request: web.Request, form: MultiDict[str]) -> tuple[str, str]:
    """Return the address that it is given to, and the order's reference.

    Without an address, the reference is the form's token. Raises
    InvalidField.
    """
    stated = form.get("mail", "").strip()
    try:
        address = request.app[STORE].receipt_mails.parse_address(stated)
    except BadAddress:
        raise InvalidField(
            gettext("Email address"),
            gettext("must be an email address"),
            field="mail",
        ) from None
    except UnicodeAddress:
        raise InvalidField(
            gettext("Email address"),
            gettext("must have only ASCII letters before the @"),
            field="mail",
        ) from None
    if address:
        return address, ""
    token = form.get("token", "")
    if not _TOKEN.fullmatch(token):
        raise InvalidField(
            "token",
            gettext("must be the value from the form: please open it again"),
        )
    return "", token

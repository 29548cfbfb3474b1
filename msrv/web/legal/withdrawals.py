# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the withdrawal from a contract, in two steps.

The first takes the statement, the second confirms it. From a receipt's page
the receipt proves the order. With an order number alone, the answer is the
same whether the order exists or not, and nothing ends by itself.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from msrv.catalog.texts.legal_texts import LegalKind
from msrv.display_text import clean_line
from msrv.ledger.withdrawals.events import WithdrawalOutcome
from msrv.orders.legal.withdrawals import WithdrawalStatement
from msrv.orders.rate_limits import TooManyMails
from msrv.proofs import receipts
from msrv.proofs.orders import is_order_id, typed_order_id
from msrv.proofs.receipts import Receipt
from msrv.rate_limit import client_network
from msrv.translations import gettext
from msrv.web.errors import InvalidField, NotFound
from msrv.web.errors.fields import (
    MAIL,
    NAME,
    NO_ERRORS,
    ORDER,
    FieldErrors,
)
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, respond, wants_json
from msrv.web.shop.purchases.gift_form import LINK
from msrv.web.shop.receipt_mails import INVALID_ADDRESS, read_address
from msrv.web.store import ORIGIN, STORE

_MAX_NAME: Final = 100
_CONFIRM: Final = "confirm"


async def show(request: web.Request) -> web.Response:
    """Return the form. Raises Forged, and NotFound where there is none."""
    return _page(request, _receipt(request))


async def submit(request: web.Request) -> web.Response:
    """Process a statement: `name`, `mail`, and `order` without a receipt.

    Without `confirm`, the page asks for that; with it, the statement is
    recorded, and confirmed by mail. 422 with errors of its fields, 429 after
    too many statements, or for a full disk. Raises Forged, NotFound,
    SpoolFailed.
    """
    store = request.app[STORE]
    receipt = _receipt(request)
    form = await read_form(request)
    try:
        statement = _read(request, form, receipt)
    except InvalidField as error:
        errors = FieldErrors.of(error, form)
        if errors is None or wants_json(request):
            raise
        return _page(request, receipt, errors=errors, status=422)
    if not form.get(_CONFIRM):
        return _page(request, receipt, statement=statement)
    network = client_network(request[ORIGIN].client)
    try:
        outcome, at = await store.withdrawals.submit(statement, network)
    except TooManyMails as error:
        if wants_json(request):
            raise
        wait = error.retry_after_seconds
        response = _page(
            request, receipt, statement=statement, status=429, wait=wait
        )
        response.headers["Retry-After"] = str(wait)
        return response
    return _page(
        request, receipt, statement=statement, outcome=outcome, received_at=at
    )


def _receipt(request: web.Request) -> Receipt | None:
    """Return the receipt of a path. Raises Forged, NotFound."""
    store = request.app[STORE]
    legal = store.catalog.current.shop.legal
    if LegalKind.WITHDRAWAL not in legal.kinds:
        raise NotFound
    token = request.match_info.get("receipt")
    return None if token is None else receipts.read(store.keyring, token)


def _read(
    request: web.Request, form: Mapping[str, str], receipt: Receipt | None
) -> WithdrawalStatement:
    """Return the statement of a form. Raises InvalidField."""
    store = request.app[STORE]
    mails = store.receipt_mails.is_on
    if receipt is None and not store.withdrawals.reaches_seller:
        raise NotFound  # nobody would learn of it
    order_id = typed_order_id(form.get(ORDER, ""))
    if receipt is not None:
        order_id = receipt.order_id
    elif not is_order_id(order_id):
        raise InvalidField(
            ORDER, gettext("must be the number on the receipt: 24 characters")
        )
    name = clean_line(form.get(NAME, ""), _MAX_NAME + 1)
    if not name or len(name) > _MAX_NAME or LINK.search(name):
        raise InvalidField(
            NAME, gettext("must be a name, without web or email addresses")
        )
    to = read_address(request, form)
    if mails and not to:
        raise InvalidField(MAIL, gettext(INVALID_ADDRESS))
    return WithdrawalStatement(order_id, name, to, receipt)


def _page(
    request: web.Request,
    receipt: Receipt | None,
    *,
    statement: WithdrawalStatement | None = None,
    outcome: WithdrawalOutcome | None = None,
    received_at: int = 0,
    errors: FieldErrors = NO_ERRORS,
    status: int = 200,
    wait: int = 0,
) -> web.Response:
    store = request.app[STORE]
    data = {
        "order_id": statement.order_id if statement else None,
        "received_at": received_at or None,
        "outcome": outcome,
        "next": None if outcome else "confirm" if statement else "state",
    }
    return respond(
        request,
        "withdraw.html",
        data,
        status=status,
        cache_control=PRIVATE,
        receipt=receipt,
        expected=store.withdrawals.outcome(receipt),
        mails=store.receipt_mails.is_on,
        by_number=store.withdrawals.reaches_seller,
        statement=statement,
        outcome=outcome,
        received_at=received_at,
        errors=errors,
        wait=wait,
    )

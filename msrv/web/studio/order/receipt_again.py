# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sending an order's receipt again, to the buyer or to a typed address."""

import contextlib
import logging

from aiohttp import web

from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import OrderHistory
from msrv.orders.fulfilment import receipt_of
from msrv.orders.receipt_mails import MailContent
from msrv.orders.refunds.errors import RefundImpossible
from msrv.orders.refunds.service import OrderPayment
from msrv.payments.provider import PaymentError
from msrv.proofs import quotes
from msrv.proofs.errors import Forged
from msrv.proofs.receipts import is_simulated
from msrv.rate_limit import client_network
from msrv.translations import Language, gettext, language_set_to
from msrv.translations.negotiation import parse_language
from msrv.web.errors import InvalidField, NotFound, ScopeMissing
from msrv.web.errors.fields import MAIL
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.shop.receipt_mails import read_address
from msrv.web.store import ORIGIN, STORE
from msrv.web.studio import activity, page
from msrv.web.studio.access.rules import ACCESS

log = logging.getLogger(__name__)


async def send(request: web.Request) -> web.Response:
    """Mail an order's receipt to `mail`, or to the buyer if it is empty.

    It is in the language of the order, or else in the store's own. The
    buyer's address is asked of the payment provider, and isn't shown. A
    program states none: it would get a receipt itself. Raises DatabaseError,
    NotFound, InvalidField, ScopeMissing, TooManyMails.
    """
    as_json = wants_json(request)
    store = request.app[STORE]
    order_id = page.read_order_id(request)
    form = await read_form(request)
    if not store.receipt_mails.is_on:
        raise NotFound
    to = read_address(request, form)
    if to and request[ACCESS].role is None:
        raise ScopeMissing(None)
    async with page.read_transaction(request) as connection:
        history = await order_queries.order_history(connection, order_id)
    if history is None:
        raise NotFound
    receipt = receipt_of(history.order)
    if receipt is None or (
        is_simulated(receipt.provider) and not store.keyring.accepts_simulated
    ):
        raise NotFound
    payment = await _payment(request, history)
    if not to:
        to = _buyer(request, payment)
    network = client_network(request[ORIGIN].client)
    with language_set_to(_language(request, payment)):
        await store.receipt_mails.resend(MailContent(receipt, to), network)
    await activity.record(request, "send-receipt", order_id)
    await store.ledger.sync_now()
    response = (
        web.json_response({"mail": "on its way"}, status=202)
        if as_json
        else web.Response(
            status=303,
            headers={"Location": f"/studio/orders/{order_id}?sent=1"},
        )
    )
    response.headers["Cache-Control"] = PRIVATE
    return response


async def _payment(
    request: web.Request, history: OrderHistory
) -> OrderPayment | None:
    """Return the payment of an order, None where it is unknown."""
    try:
        return await request.app[STORE].refunds.look_up(history)
    except (RefundImpossible, PaymentError) as error:
        log.info("studio: an order's payment is unknown: %s", error)
        return None


def _language(request: web.Request, payment: OrderPayment | None) -> Language:
    """Return the language of an order, the store's own if it is unknown."""
    store = request.app[STORE]
    code = ""
    if payment is not None:
        with contextlib.suppress(Forged):
            quote = quotes.read_ignoring_expiry(
                store.keyring, payment.payment.token
            )
            code = quote.language
    return parse_language(code, default=store.catalog.current.shop.language)


def _buyer(request: web.Request, payment: OrderPayment | None) -> str:
    """Return the buyer's address. Raises InvalidField where it is unknown.

    Also for a gift: its payment has the address of the payer, and its receipt
    is the recipient's.
    """
    address, is_gift = "", False
    if payment is not None:
        is_gift = quotes.states_gift(payment.payment.token)
        address = request.app[STORE].refunds.mail_of(payment)
    if is_gift:
        raise InvalidField(
            MAIL,
            gettext(
                "must be stated: this order is a gift, and its receipt is for "
                "the person who got it"
            ),
        )
    if not address:
        raise InvalidField(
            MAIL,
            gettext(
                "must be stated: neither the store nor the payment provider "
                "knows the buyer's address"
            ),
        )
    # Any address that no mail can be sent to is an error as a typed one is.
    return read_address(request, {MAIL: address})

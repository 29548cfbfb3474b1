# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of payments: the store's own page, the return, and webhooks.

A provider's report is checked against the quote by `settlement`. The same
payment leads to the same receipt, by the return or by a webhook.
"""

import asyncio
import logging
import re
from collections.abc import Collection, Mapping
from typing import Final

from aiohttp import web
from yarl import URL

from msrv.money import Money
from msrv.orders.fulfilment import FulfilledOrder
from msrv.orders.pricing import title_of
from msrv.orders.rate_limits import TooManyLookUps
from msrv.orders.webhooks import log_amount_mismatch
from msrv.payments import return_addresses
from msrv.payments.provider import (
    AmountMismatch,
    NoSuchPayment,
    PaymentError,
    Provider,
    ProviderUnavailable,
    Refused,
)
from msrv.payments.settlement import PaidOrder, PendingPayment
from msrv.proofs import quotes
from msrv.proofs.errors import Forged
from msrv.proofs.quotes import Quote
from msrv.rate_limit import client_network
from msrv.web import cookies
from msrv.web.errors import NotFound, PaymentRefused, PaymentUnconfirmed
from msrv.web.errors.table import error_page
from msrv.web.forms import is_compressed, read_form
from msrv.web.rendering import PRIVATE, error_response, respond, wants_json
from msrv.web.shop.cart import is_in_cart, remove_from_cart
from msrv.web.shop.receipts import respond_with_receipt
from msrv.web.store import ORIGIN, STORE

log = logging.getLogger(__name__)

WEBHOOK_SECONDS: Final = 20
"""Time limit for receiving the whole of a webhook."""
_REFRESH_SECONDS: Final = 15
_RETURN_PATH: Final = re.compile(r"/payments/([a-z][a-z0-9-]{0,15})/return")


async def show(request: web.Request) -> web.Response:
    """Return the store's own page for paying a quote."""
    store = request.app[STORE]
    await store.ledger.reserve_space()
    provider, page = _on_site_provider(request)
    token = request.match_info["quote"]
    quote = quotes.read(store.keyring, token, store.clock())
    if not provider.accepts(quote):
        raise NotFound
    catalog = store.catalog.current
    return respond(
        request,
        page,
        {
            "quote_id": quote.order_id,
            "total_minor": quote.total_minor,
            "currency": quote.currency,
            "expires_at": quote.expires_at,
        },
        cache_control=PRIVATE,
        quote=quote,
        token=token,
        total=_total(quote),
        lines=[
            (
                title_of(catalog, line.item_id),
                Money(line.price_minor, quote.currency),
            )
            for line in quote.lines
        ],
    )


async def submit(request: web.Request) -> web.StreamResponse:
    """Settle a payment that was made on the store's own page.

    Raises SpoolFailed before anything is paid.
    """
    store = request.app[STORE]
    await store.ledger.reserve_space()
    provider, _ = _on_site_provider(request)
    form = await read_form(request)
    outcome = await store.settlement.settle_on_site(
        provider,
        request.match_info["quote"],
        form,
        store.clock(),
    )
    return await _respond(request, outcome)


async def return_from_provider(request: web.Request) -> web.StreamResponse:
    """Settle a payment that was made on the provider's page.

    The provider is asked only where the address is one that the store gave
    it. Raises NoSuchPayment, TooManyLookUps, and PaymentUnconfirmed where the
    provider doesn't answer.
    """
    store = request.app[STORE]
    provider = store.providers.get(request.match_info["provider"])
    if provider is None or provider.page is not None:
        raise NotFound
    try:
        outcome = await store.settlement.settle(
            provider, request.query, _acquire_look_up(request, request.query)
        )
    except ProviderUnavailable as error:
        raise PaymentUnconfirmed from error
    except Forged as error:
        # The right format, but another store's signature.
        raise NoSuchPayment from error
    except AmountMismatch as error:
        log_amount_mismatch(error, provider.name)
        raise
    return await _respond(request, outcome)


async def find_earlier_order(
    request: web.Request, item_ids: Collection[str]
) -> FulfilledOrder | None:
    """Return the order that the visitor has paid for, and never came back to.

    It is that of the started payment in the visitor's cookie, if it has been
    paid, has one of these items, and isn't a gift. None where that can't be
    found out.
    Redirects to the page of a payment that takes days.
    """
    store = request.app[STORE]
    path = cookies.read_payment(request)
    url = URL(path, encoded=True)
    match = _RETURN_PATH.fullmatch(url.path)
    provider = store.providers.get(match[1]) if match else None
    if provider is None or provider.page is not None:
        return None
    try:
        outcome = await store.settlement.settle(
            provider, url.query, _acquire_look_up(request, url.query)
        )
    except (PaymentError, Forged, TooManyLookUps):
        return None
    if isinstance(outcome, Refused):
        return None
    if isinstance(outcome, PaidOrder):
        lines, gift = outcome.receipt.lines, outcome.gift
    else:
        lines, gift = outcome.quote.lines, outcome.quote.gift
    if gift or not any(line.item_id in item_ids for line in lines):
        return None
    if not isinstance(outcome, PaidOrder):
        raise web.HTTPSeeOther(path)
    return await store.fulfilment.fulfil(
        outcome, client_network(request[ORIGIN].client)
    )


async def receive_webhook(request: web.Request) -> web.Response:
    """Store a provider's webhook; it is on the disk when this returns.

    Raises NotFound where none is expected, BadWebhookSignature,
    InboxUnavailable, and HTTPUnsupportedMediaType for a compressed body: the
    signature is over the bytes.
    """
    store = request.app[STORE]
    provider = store.providers.get(request.match_info["provider"])
    if provider is None or provider.webhooks is None:
        raise NotFound
    if is_compressed(request.headers):
        raise web.HTTPUnsupportedMediaType(
            headers={"Accept-Encoding": "identity"}
        )
    try:
        async with asyncio.timeout(WEBHOOK_SECONDS):
            body = await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    event = provider.webhooks.read(body, request.headers)
    if event is not None:
        await store.webhooks.store(provider.name, event)
    return web.json_response({"kept": event is not None})


def _acquire_look_up(
    request: web.Request, query: Mapping[str, str]
) -> str | None:
    """Return the id of the quote in a return address, and count the call.

    None for an address of before the update to tags, while such are accepted.
    Raises NoSuchPayment, TooManyLookUps.
    """
    store = request.app[STORE]
    now, limits = store.clock(), store.limits
    network = ("network", client_network(request[ORIGIN].client))
    text = query.get(return_addresses.PARAMETER, "")
    quote_id = return_addresses.parse_tag(store.keyring, text)
    if quote_id is not None:
        limits.look_ups.acquire(network, ("quote", quote_id), now=now)
    elif text or not store.return_addresses.are_accepted(now):
        raise NoSuchPayment
    else:
        limits.untagged_look_ups.acquire(network, now=now)
    return quote_id


async def _respond(
    request: web.Request, outcome: PaidOrder | PendingPayment | Refused
) -> web.StreamResponse:
    if isinstance(outcome, Refused):
        refused = error_response(request, error_page(PaymentRefused()))
        cookies.forget_payment(request, refused, request.path_qs)
        return refused
    if isinstance(outcome, PaidOrder):
        fulfilled = await request.app[STORE].fulfilment.fulfil(
            outcome, client_network(request[ORIGIN].client)
        )
        return await respond_with_receipt(request, fulfilled)
    quote = outcome.quote
    if not wants_json(request) and is_in_cart(request, quote.lines):
        # Else the buyer would pay for it a second time while the first is on
        # its way. The page is shown once the cart is right.
        again = web.HTTPSeeOther(request.path_qs)
        remove_from_cart(request, again, quote.lines)
        raise again
    response = respond(
        request,
        "pending.html",
        {
            "status": "pending",
            "total_minor": quote.total_minor,
            "currency": quote.currency,
        },
        status=202,
        cache_control=PRIVATE,
        total=_total(quote),
    )
    response.headers["Refresh"] = str(_REFRESH_SECONDS)
    if not wants_json(request):
        cookies.write_payment(
            request,
            response,
            request.path_qs,
            cookies.PENDING_PAYMENT_SECONDS,
        )
    return response


def _on_site_provider(request: web.Request) -> tuple[Provider, str]:
    """Return the provider of an own payment page, and its template."""
    provider = request.app[STORE].providers.get(request.match_info["provider"])
    if provider is None or provider.page is None:
        raise NotFound
    return provider, provider.page


def _total(quote: Quote) -> Money:
    return Money(quote.total_minor, quote.currency)

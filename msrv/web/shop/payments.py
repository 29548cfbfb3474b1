"""Payments under way: the store's own page, coming back, and messages.

What a provider says was paid is weighed by the till; the same payment leads
to the same receipt, however often and by whichever way it is told.
"""

import asyncio
import logging
from typing import Final

from aiohttp import web

from msrv.money import Money
from msrv.payments import return_addresses
from msrv.payments.provider import (
    AmountMismatch,
    NoSuchPayment,
    Provider,
    ProviderUnavailable,
    Refused,
)
from msrv.payments.settlement import PaidOrder, PendingPayment
from msrv.proofs import quotes
from msrv.proofs.errors import Forged
from msrv.proofs.quotes import Quote
from msrv.rate_limit import client_network
from msrv.web.errors import NotFound, PaymentRefused, PaymentUnconfirmed
from msrv.web.forms import is_compressed, read_form
from msrv.web.fulfilment import grant, in_cart, take_out, title_of
from msrv.web.rendering import PRIVATE, respond, wants_json
from msrv.web.store import ORIGIN, STORE

log = logging.getLogger(__name__)

MESSAGE_SECONDS: Final = 20
"""How long a provider's message may take to arrive, all of it."""
_LOOK_AGAIN_SECONDS: Final = 15


async def show(request: web.Request) -> web.Response:
    """Show a payment that is made here; the pretend one is."""
    store = request.app[STORE]
    await store.ledger.ready_to_sell()
    provider, page = _paid_here(request)
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
            (title_of(line, catalog), Money(line.price_minor, quote.currency))
            for line in quote.lines
        ],
    )


async def answer(request: web.Request) -> web.StreamResponse:
    """Take the answer to a payment that was made here.

    Raises SpoolFailed before anything is paid.
    """
    store = request.app[STORE]
    await store.ledger.ready_to_sell()
    provider, _ = _paid_here(request)
    form = await read_form(request)
    outcome = await store.settlement.settle_on_site(
        provider,
        request.match_info["quote"],
        form,
        store.clock(),
    )
    return await _end(request, outcome)


async def come_back(request: web.Request) -> web.StreamResponse:
    """Receive a buyer who comes back from a provider's own page.

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
            provider, request.query, _came_with(request)
        )
    except ProviderUnavailable as error:
        raise PaymentUnconfirmed from error
    except Forged as error:
        # Ours by its looks, and signed by nobody here: another store's.
        raise NoSuchPayment from error
    except AmountMismatch as error:
        log_paid_otherwise(error, provider.name)
        raise
    return await _end(request, outcome)


async def hear(request: web.Request) -> web.Response:
    """Take a provider's message; it is on the disk when this answers.

    Raises NotFound where none are awaited, BadWebhookSignature,
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
        async with asyncio.timeout(MESSAGE_SECONDS):
            body = await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    note = provider.webhooks.read(body, request.headers)
    if note is not None:
        await store.webhooks.keep(provider.name, note)
    return web.json_response({"kept": note is not None})


def _came_with(request: web.Request) -> str | None:
    """Return the number of the quote that a buyer comes back with.

    None for an address of before the update to tags, while such are taken.
    Raises NoSuchPayment, TooManyLookUps.
    """
    store = request.app[STORE]
    now, limits = store.clock(), store.limits
    network = ("network", client_network(request[ORIGIN].client))
    text = request.query.get(return_addresses.PARAMETER, "")
    quote_id = return_addresses.parse_tag(store.keyring, text)
    if quote_id is not None:
        limits.look_ups.take(network, ("quote", quote_id), now=now)
    elif text or not store.return_addresses.are_accepted(now):
        raise NoSuchPayment
    else:
        limits.untagged_look_ups.take(network, now=now)
    return quote_id


def log_paid_otherwise(error: AmountMismatch, provider: str) -> None:
    """Tell the operator of money that nothing was granted for."""
    log.error(
        "%s took %s %s where %s %s was quoted, and nothing was granted: give "
        "it back, the payment is %s",
        provider,
        error.paid.currency,
        error.paid.decimal,
        error.quoted.currency,
        error.quoted.decimal,
        error.reference,
    )


async def _end(
    request: web.Request, outcome: PaidOrder | PendingPayment | Refused
) -> web.StreamResponse:
    if isinstance(outcome, Refused):
        raise PaymentRefused
    if isinstance(outcome, PaidOrder):
        return await grant(request, outcome)
    quote = outcome.quote
    if not wants_json(request) and in_cart(request, quote.lines):
        # Else the buyer would pay for it a second time while the first is on
        # its way. The page is shown once the cart is right.
        again = web.HTTPSeeOther(request.path_qs)
        take_out(request, again, quote.lines)
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
    response.headers["Refresh"] = str(_LOOK_AGAIN_SECONDS)
    return response


def _paid_here(request: web.Request) -> tuple[Provider, str]:
    """Find the provider of a page of ours, and the page."""
    provider = request.app[STORE].providers.get(request.match_info["provider"])
    if provider is None or provider.page is None:
        raise NotFound
    return provider, provider.page


def _total(quote: Quote) -> Money:
    return Money(quote.total_minor, quote.currency)

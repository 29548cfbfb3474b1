"""From a cart to a payment: what would be paid, and beginning to.

What is to be paid becomes a signed quote before a payment provider sees it.
Nothing is kept here.
"""

import hashlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from msrv.catalog.model import Discount
from msrv.money import Money
from msrv.orders import pricing
from msrv.payments import return_addresses
from msrv.payments.provider import PayAt, PaymentRequest, Provider
from msrv.proofs import quotes
from msrv.proofs.encoding import to_json
from msrv.proofs.keyring import new_order_id
from msrv.proofs.orders import ORDER_ID_BYTES, is_order_id, lines_to_json
from msrv.proofs.quotes import Quote
from msrv.rate_limit import client_network
from msrv.web import cart, cookies, discounts, receipt_mails, security_headers
from msrv.web.errors import InvalidField, NoPaymentProvider
from msrv.web.forms import read_form, read_minor, read_prices
from msrv.web.fulfilment import grant, title_of
from msrv.web.rendering import PRIVATE, respond, respond_in_steps, wants_json
from msrv.web.shop import json_views
from msrv.web.store import ORIGIN, STORE

QUOTE_SECONDS: Final = 3600
"""How long a price holds once it was quoted, while someone pays."""
_SLICE_SECONDS: Final = 900
"""Two clicks within a step are one. What is left of a quote stays over the
half hour that Stripe wants for a page of its."""


async def show(request: web.Request) -> web.Response:
    """Show what would be paid, once for each currency in the cart.

    Raises SpoolFailed: where a sale can't be written down, none is begun.
    """
    store = request.app[STORE]
    await store.ledger.ready_to_sell()
    catalog = store.catalog.current
    content = cart.read(cookies.of(request), catalog)
    discount = await discounts.of_cart(request, content)
    groups = []
    for total, entries in content.by_currency():
        ids = [cart.id_of(entry) for entry in entries]
        reduced = discount.reduced.get(total.currency)
        quote = _quote(
            request,
            ids,
            content.chosen,
            discount=reduced.discount if reduced else None,
        )
        offers = store.providers.for_quote(quote)
        fixed_minor = sum(
            entry.price.minor for entry in entries if entry.minimum is None
        )
        # Off these alone is a discount taken.
        fixed_minor -= reduced.off.minor if reduced else 0
        groups.append((total, entries, offers, fixed_minor))
    response = await respond_in_steps(
        request,
        "checkout.html",
        {
            **json_views.cart(content),
            "orders": [
                {
                    "items": [cart.id_of(entry) for entry in entries],
                    "total_minor": discount.total(total).minor,
                    "currency": total.currency,
                    "providers": [offer.name for offer in offers],
                }
                for total, entries, offers, _ in groups
            ],
            **discount.as_data(),
        },
        content=content,
        groups=groups,
        discount=discount,
        mails=receipt_mails.is_on(request),
        attempt=new_order_id(store.random),
        tax_comes=store.settings.stripe_tax and not catalog.shop.tax_included,
    )
    # A browser asks this of where a form leads in the end, too.
    response.headers["Content-Security-Policy"] = security_headers.policy(
        origin
        for *_, offers, _ in groups
        for offer in offers
        for origin in offer.origins
    )
    discounts.keep(request, response, discount)
    return response


async def buy(request: web.Request) -> web.StreamResponse:
    """Take an order: `item` repeated, `total_minor` as shown, `provider`.

    `price.ITEM` is the buyer's own price where the seller takes one,
    `discount` is a code, `mail` where the receipt should go.
    `attempt` is the checkout page's own number: the same order from the same
    page is one order, however often the button was pressed.

    303 to the receipt (or to where it is paid) for a browser; 201 with the
    downloads (or 202 with `pay_at`) for a program. Raises SpoolFailed before
    anything is paid.
    """
    store = request.app[STORE]
    await store.ledger.ready_to_sell()
    form = await read_form(request)
    catalog = store.catalog.current
    chosen = read_prices(form, catalog)
    code = form.get("discount", "").strip()
    discount = discounts.find(request, code) if code else None
    quote = _quote(
        request,
        form.getall("item", []),
        chosen,
        shown_minor=read_minor(form, "total_minor"),
        attempt=form.get("attempt"),
        discount=discount,
        mail=receipt_mails.read_address(request, form),
    )
    provider = _choose(request, quote, form.get("provider"), chosen)
    if discount is not None and quote.total_minor:
        # A free order's use is taken below, where its own is known to it.
        await discounts.check_uses(request, discount)
    bill = PaymentRequest(
        quote=quote,
        token=quotes.sign(store.keyring, quote),
        titles=tuple(title_of(line, catalog) for line in quote.lines),
        base_url=request[ORIGIN].base_url,
        interactive=not wants_json(request),
        tax_included=catalog.shop.tax_included,
        return_tag=return_addresses.format_tag(store.keyring, quote.order_id),
    )
    if quote.total_minor and provider.page is None:
        # Beginning it asks somebody else, who counts.
        store.limits.payments.take(
            client_network(request[ORIGIN].client),
            now=store.clock(),
        )
    outcome = await store.settlement.start(provider, bill)
    if isinstance(outcome, PayAt):
        return _pay_at(request, provider, outcome)
    await discounts.take(request, outcome)
    return await grant(request, outcome)


def _quote(
    request: web.Request,
    item_ids: list[str],
    chosen: Mapping[str, Money],
    *,
    shown_minor: int | None = None,
    attempt: str | None = None,
    discount: Discount | None = None,
    mail: str = "",
) -> Quote:
    """Price an order by the catalog, within its bounds.

    Raises OrderError, NotForThis.
    """
    store = request.app[STORE]
    catalog = store.catalog.current
    lines, total = pricing.price(
        catalog,
        item_ids,
        shown_minor=shown_minor,
        chosen=chosen,
        discount=discount,
    )
    off = discount.name if discount else ""
    now = store.clock()
    random = store.random
    if attempt is not None:
        if not is_order_id(attempt):
            raise InvalidField(
                "attempt", "must be the value from the checkout page"
            )
        now -= now % _SLICE_SECONDS
        # A visitor may send any attempt: it names this order and no other.
        said = to_json(
            [attempt, now, total.currency, off, mail, *lines_to_json(lines)]
        )
        digest = hashlib.sha256(said).digest()[:ORDER_ID_BYTES]
        number = new_order_id(lambda _: digest)
    else:
        number = new_order_id(random)
    return Quote(
        order_id=number,
        currency=total.currency,
        lines=lines,
        catalog_version=catalog.version,
        issued_at=now,
        expires_at=now + QUOTE_SECONDS,
        discount=off,
        mail=mail,
    )


def _choose(
    request: web.Request,
    quote: Quote,
    name: str | None,
    chosen: Mapping[str, Money],
) -> Provider:
    """Find the provider that was asked for, or the first that will do."""
    store = request.app[STORE]
    offers = store.providers.for_quote(quote)
    for offer in offers:
        if name in {None, offer.name}:
            return offer
    # The buyer's own price made something of nothing, or the other way, after
    # the buttons had been drawn.
    if chosen and offers and store.providers.get(name or ""):
        return offers[0]
    raise NoPaymentProvider


def _pay_at(
    request: web.Request, provider: Provider, where: PayAt
) -> web.StreamResponse:
    """Send the buyer to where the money is taken."""
    is_ours = where.url.startswith("/")
    base = request[ORIGIN].base_url if is_ours else ""
    if wants_json(request):
        return web.json_response({"pay_at": f"{base}{where.url}"}, status=202)
    parts = urlsplit(where.url)
    if is_ours or f"{parts.scheme}://{parts.netloc}" in provider.origins:
        raise web.HTTPSeeOther(where.url)
    # A seller's own domain at the provider's: the checkout page's policy has
    # not named it, so that the browser would stop there without a word.
    return respond(
        request,
        "paying.html",
        {},
        cache_control=PRIVATE,
        url=where.url,
    )

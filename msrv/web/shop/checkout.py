# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the checkout: what would be paid, and the purchase."""

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web
from multidict import MultiDict

from msrv.catalog.model import Catalog, Item, Release
from msrv.money import Money
from msrv.orders import pricing
from msrv.orders.errors import FreeGift, PriceOutOfBounds
from msrv.orders.pricing import id_of
from msrv.payments.provider import PayAt, Provider
from msrv.proofs.orders import is_order_id, new_order_id
from msrv.proofs.quotes import QuoteTooLong
from msrv.rate_limit import client_network
from msrv.translations import gettext
from msrv.web import cookies, security_headers
from msrv.web.errors import InvalidField, NoPaymentProvider
from msrv.web.errors.fields import GIFT, NO_ERRORS, FieldErrors
from msrv.web.errors.shopping import discount_message
from msrv.web.forms import (
    PRICE_PREFIX,
    read_form,
    read_minor,
    read_prices,
)
from msrv.web.legal.consent_field import asked_json, read_consent
from msrv.web.rendering import PRIVATE, respond, respond_in_slices, wants_json
from msrv.web.shop import json_views, storefront
from msrv.web.shop.cart import (
    cart_discount,
    discount_visitor,
    forget_unknown_discount,
)
from msrv.web.shop.payments import find_earlier_order
from msrv.web.shop.purchases.gift_form import (
    free_gift_error,
    long_gift_error,
    read_gift,
)
from msrv.web.shop.purchases.newsletter_tick import (
    read_newsletter,
    request_newsletter,
)
from msrv.web.shop.receipt_mails import read_address
from msrv.web.shop.receipts import respond_with_receipt
from msrv.web.store import BACK, CHANGED_CART, ORIGIN, STORE

SUGGESTED: Final = "suggested_minor"
"""Field of the button that buys a single item at a suggested price."""


class _CurrencyForm(NamedTuple):
    """The form of one currency, with errors of its own fields alone.

    `fixed_minor` is the part of the total that the seller set.
    """

    total: Money
    entries: tuple[Item | Release, ...]
    offers: tuple[Provider, ...]
    fixed_minor: int
    errors: FieldErrors
    is_gift: bool


async def show(request: web.Request) -> web.Response:
    """Return what would be paid, once for each currency in the cart.

    Raises SpoolFailed: without a place to record sales, none is started.
    """
    return await checkout_page(request)


async def update(request: web.Request) -> web.Response:
    """Return the checkout with the buyer's own prices, and keep them.

    What was typed into the other fields stays there. 422 with errors of the
    prices.
    """
    catalog = request.app[STORE].catalog.current
    form = await read_form(request)
    try:
        prices = read_prices(form, catalog)
    except (InvalidField, PriceOutOfBounds) as error:
        errors = FieldErrors.of(error, form)
        if errors is None or wants_json(request):
            raise
        return await checkout_page(request, errors, form)
    cart = cookies.read_cart(request, catalog).set_prices(prices)
    typed = FieldErrors.with_typed(form)
    request[CHANGED_CART] = cart
    response = await checkout_page(request, typed, form)
    cookies.write_cart(request, response, cart)
    return response


async def checkout_page(
    request: web.Request,
    errors: FieldErrors = NO_ERRORS,
    posted: Mapping[str, str] | None = None,
) -> web.Response:
    """Return the checkout's page; 422 with errors of its fields.

    `errors` are those of the form `posted`: the forms of other currencies
    are other orders, in which nothing was ticked.
    """
    store = request.app[STORE]
    await store.ledger.reserve_space()
    catalog = store.catalog.current
    cart = cookies.read_cart(request, catalog)
    discount = await cart_discount(request, cart)
    currency = _currency_of(catalog, posted)
    groups = []
    for total, entries in cart.by_currency():
        discounted = discount.by_currency.get(total.currency)
        order = (
            discounted.order
            if discounted
            else pricing.price(
                catalog,
                [id_of(entry) for entry in entries],
                chosen=cart.chosen,
            )
        )
        offers = store.providers.for_quote(store.checkout.quote(order))
        fixed_minor = sum(
            entry.price.minor for entry in entries if entry.minimum is None
        )
        # A discount reduces only these.
        fixed_minor -= discounted.off.minor if discounted else 0
        own = errors if total.currency == currency else NO_ERRORS
        groups.append(
            _CurrencyForm(
                total,
                entries,
                tuple(offers),
                fixed_minor,
                own,
                is_gift=GIFT in own.typed
                if posted is not None
                else request.query.get(GIFT) in {"1", total.currency},
            )
        )
    response = await respond_in_slices(
        request,
        "checkout.html",
        {
            **json_views.cart(cart),
            "orders": [
                {
                    "items": [id_of(entry) for entry in group.entries],
                    "total_minor": discount.total(group.total).minor,
                    "currency": group.total.currency,
                    "providers": [offer.name for offer in group.offers],
                }
                for group in groups
            ],
            **json_views.discount(discount),
            **asked_json(catalog.shop),
        },
        status=422 if errors.messages else 200,
        content=cart,
        groups=groups,
        discount=discount,
        discount_message=discount_message(discount.error),
        mails=store.receipt_mails.is_on,
        has_newsletter=store.newsletter is not None,
        attempt=new_order_id(store.random),
        tax_comes=any(
            offer.adds_tax for group in groups for offer in group.offers
        )
        and not catalog.shop.tax_included,
    )
    security_headers.allow_payment(response, store.providers)
    forget_unknown_discount(request, response, discount)
    return response


def _currency_of(catalog: Catalog, form: Mapping[str, str] | None) -> str:
    """Return the currency of the first item in a form, empty without one."""
    item = pricing.find_offered(catalog, (form or {}).get("item", ""))
    return item.price.currency if item else ""


async def buy(request: web.Request) -> web.StreamResponse:
    """Place an order: `item` repeated, `total_minor` as shown, `provider`.

    `price.ITEM` is the buyer's own price where the seller accepts one; of a
    single item, `suggested_minor` is such a price in minor units instead.
    `discount` a code, `mail` the address that the receipt is sent to.
    `newsletter` passes that address on to the seller's newsletter.
    `consent` is the digest of the wording that the buyer has agreed to.
    With `start`, the receipt of a single item starts its download.
    With `gift`, the receipt is for `gift_to`, with `gift_note`, from
    `gift_from`, and the payer gets a bill.
    `attempt` is the id that the checkout page was given: the same order from
    the same page is one order, however often its button is pressed.

    303 to the receipt (or to where it is paid) for a browser; 201 with the
    downloads (or 202 with `pay_at`) for a program. Raises SpoolFailed before
    anything is paid.
    """
    request[BACK] = "/checkout"
    await request.app[STORE].ledger.reserve_space()
    form = await read_form(request)
    release = storefront.posting_release(request, form)
    if release is not None:
        request[BACK] = json_views.release_path(release)
    try:
        return await _place_order(request, form)
    except (InvalidField, PriceOutOfBounds) as error:
        errors = FieldErrors.of(error, form)
        if errors is None or wants_json(request):
            raise
        if release is not None:
            return await storefront.show_release(request, release, errors)
        return await checkout_page(request, errors, form)


async def _place_order(
    request: web.Request, form: MultiDict[str]
) -> web.StreamResponse:
    store = request.app[STORE]
    catalog = store.catalog.current
    _use_suggested_price(form, catalog)
    chosen = read_prices(form, catalog)
    mail = read_address(request, form)
    wants_newsletter = read_newsletter(request, form, mail)
    gift = read_gift(request, form)
    code = form.get("discount", "").strip()
    discount = (
        store.discounts.find(code, discount_visitor(request)) if code else None
    )
    order = pricing.price(
        catalog,
        form.getall("item", []),
        shown_minor=read_minor(form, "total_minor"),
        chosen=chosen,
        discount=discount,
    )
    attempt = form.get("attempt")
    if attempt is not None and not is_order_id(attempt):
        raise InvalidField(
            "attempt", gettext("must be the value from the checkout page")
        )
    try:
        quote = store.checkout.quote(
            order,
            attempt=attempt,
            mail=mail,
            gift=gift,
            # A contract that costs nothing has no right of withdrawal.
            wording=read_consent(form, catalog.shop)
            if order.total.minor
            else None,
        )
    except FreeGift as error:
        raise free_gift_error() from error
    except QuoteTooLong as error:
        raise long_gift_error() from error
    provider = store.checkout.choose_provider(
        quote, form.get("provider"), has_own_prices=bool(chosen)
    )
    if provider is None and store.providers.for_quote(quote):
        raise InvalidField(
            "provider", gettext("must be the value from the checkout page")
        )
    if provider is None:
        raise NoPaymentProvider
    network = client_network(request[ORIGIN].client)
    if gift is None and not wants_json(request):
        earlier = await find_earlier_order(
            request, {line.item_id for line in quote.lines}
        )
        if earlier is not None:
            return await respond_with_receipt(
                request, earlier, payment_path=cookies.read_payment(request)
            )
    outcome = await store.checkout.start_payment(
        order,
        quote,
        provider,
        base_url=request[ORIGIN].base_url,
        interactive=not wants_json(request),
        network=network,
    )
    if wants_newsletter:
        request_newsletter(request, mail)
    if isinstance(outcome, PayAt):
        return _pay_at(request, provider, outcome)
    fulfilled = await store.fulfilment.fulfil(outcome, network)
    return await respond_with_receipt(
        request, fulfilled, starts_download="start" in form
    )


def _use_suggested_price(form: MultiDict[str], catalog: Catalog) -> None:
    """Set the price field to the suggested price that a button stands for.

    What was typed into the field is replaced. Raises InvalidField.
    """
    minor = read_minor(form, SUGGESTED)
    item_id = form.get("item", "")
    offered = pricing.find_offered(catalog, item_id)
    if minor is not None and offered is not None:
        own = Money(minor, offered.price.currency)
        form[f"{PRICE_PREFIX}{item_id}"] = own.decimal


def _pay_at(
    request: web.Request, provider: Provider, where: PayAt
) -> web.StreamResponse:
    """Send the buyer to the payment page.

    A cookie keeps the way back: the window may be closed after paying.
    """
    is_own = where.url.startswith("/")
    base = request[ORIGIN].base_url if is_own else ""
    if wants_json(request):
        return web.json_response({"pay_at": f"{base}{where.url}"}, status=202)
    parts = urlsplit(where.url)
    if is_own or f"{parts.scheme}://{parts.netloc}" in provider.origins:
        there = web.HTTPSeeOther(where.url)
        cookies.write_payment(request, there, where.return_path)
        raise there
    # A seller's own domain at the provider's. The checkout page's policy
    # doesn't have it, so that a redirect would be blocked without a message.
    response = respond(
        request,
        "paying.html",
        {},
        cache_control=PRIVATE,
        url=where.url,
    )
    cookies.write_payment(request, response, where.return_path)
    return response

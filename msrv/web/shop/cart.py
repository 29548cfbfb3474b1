# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the cart, and the discount code in it."""

from collections.abc import Iterable

from aiohttp import web

from msrv.catalog.model import Catalog
from msrv.orders import pricing
from msrv.orders.cart import Cart
from msrv.orders.discounts import CODE, CartDiscount, DiscountVisitor
from msrv.orders.pricing import PricedOrder
from msrv.proofs.orders import Line, new_order_id
from msrv.rate_limit import client_network
from msrv.web import cookies, security_headers
from msrv.web.errors.fields import GIFT, NO_ERRORS, FieldErrors
from msrv.web.errors.shopping import discount_message
from msrv.web.forms import read_back, read_each_price, read_form
from msrv.web.rendering import respond_in_slices, wants_json
from msrv.web.shop import json_views
from msrv.web.store import CHANGED_CART, ORIGIN, STORE


async def show(request: web.Request) -> web.Response:
    """Return the cart, its totals and its discount."""
    return await cart_page(request)


async def cart_page(
    request: web.Request,
    errors: FieldErrors = NO_ERRORS,
    code: str | None = None,
) -> web.Response:
    """Return the cart's page; 422 with errors of its fields.

    A cart of one currency, without a price to choose, is paid from there.
    `code` is the visitor's, if it isn't that of the cookie any more.
    """
    store = request.app[STORE]
    cart = cookies.read_cart(request, store.catalog.current)
    discount = await cart_discount(request, cart, code)
    order = _fixed_order(cart, discount, store.catalog.current)
    offers = (
        store.providers.for_quote(store.checkout.quote(order)) if order else ()
    )
    response = await respond_in_slices(
        request,
        "cart.html",
        {**json_views.cart(cart), **json_views.discount(discount)},
        status=422 if errors.messages else 200,
        content=cart,
        errors=errors,
        releases=store.catalog.current.releases_by_id,
        cheaper=cart.cheaper_releases(store.catalog.current),
        groups=cart.by_currency(),
        discount=discount,
        discount_message=discount_message(discount.error),
        order=order,
        offers=offers,
        attempt=new_order_id(store.random),
        mails=store.receipt_mails.is_on,
        tax_comes=any(offer.adds_tax for offer in offers)
        and not store.catalog.current.shop.tax_included,
    )
    security_headers.allow_payment(response, store.providers)
    forget_unknown_discount(request, response, discount)
    return response


def _fixed_order(
    cart: Cart, discount: CartDiscount, catalog: Catalog
) -> PricedOrder | None:
    """Return the order of a cart without choices, None for any other cart."""
    groups = cart.by_currency()
    if len(groups) != 1 or any(
        entry.minimum is not None for entry in cart.entries
    ):
        return None
    ((total, _),) = groups
    discounted = discount.by_currency.get(total.currency)
    if discounted:
        return discounted.order
    return pricing.price(catalog, cart.item_ids)


async def change(request: web.Request) -> web.StreamResponse:
    """Add (`add`) and remove (`remove`) items; both fields can be repeated.

    `price.ITEM` is the buyer's own price, where the seller lets buyers set
    one. `discount` is a code; an empty one removes it. `give` adds an item
    that is to be a gift.

    Returns the cart as JSON, or redirects a browser to the page that it came
    from (`back`, a path of the store), to the checkout of a gift, or to the
    cart. The errors of mistyped prices are on the cart's page, with a 422;
    everything else that the form has is kept.
    """
    catalog = request.app[STORE].catalog.current
    form = await read_form(request)
    prices, wrong = read_each_price(form, catalog)
    removed = [
        catalog.moved.get(each, each) for each in form.getall("remove", [])
    ]
    errors = None
    if wrong and not removed:  # or an item couldn't be removed beside it
        errors = FieldErrors.of(wrong[0], form)
        if errors is None or wants_json(request):
            raise wrong[0]
    given = form.getall("give", [])
    cart = cookies.read_cart(request, catalog)
    cart = cart.add([*form.getall("add", []), *given], catalog)
    cart = cart.remove(removed).set_prices(prices)
    typed = form.get("discount")
    code = None
    if typed is not None:
        discounts = request.app[STORE].discounts
        code = discounts.resolve(typed, discount_visitor(request))
    response: web.StreamResponse
    if wants_json(request):
        discount = await cart_discount(request, cart, code)
        response = web.json_response(
            {**json_views.cart(cart), **json_views.discount(discount)}
        )
    elif errors is not None:
        request[CHANGED_CART] = cart
        response = await cart_page(request, errors, code)
    else:
        back = _gift_checkout(given, catalog) or read_back(form, "/cart")
        response = web.HTTPSeeOther(back)
    cookies.write_cart(request, response, cart)
    if code is not None:
        _write_discount(request, response, code)
    if isinstance(response, web.HTTPException):
        raise response
    return response


def _gift_checkout(given: Iterable[str], catalog: Catalog) -> str:
    """Return the path of the checkout of a gift, empty if nothing is given."""
    found = [pricing.find_offered(catalog, each) for each in given]
    currencies = [each.price.currency for each in found if each]
    return f"/checkout?{GIFT}={currencies[0]}" if currencies else ""


def discount_visitor(request: web.Request) -> DiscountVisitor:
    """Return the client, and the code that it has in a valid cookie."""
    code, is_verified = cookies.read_discount(request)
    return DiscountVisitor(
        client_network(request[ORIGIN].client), code if is_verified else ""
    )


async def cart_discount(
    request: web.Request, cart: Cart, code: str | None = None
) -> CartDiscount:
    """Return the effect of a code, or of the cookie's, on a cart."""
    group = "typed"
    if code is None:
        # Without a tag it is a guess that any page can make a browser send:
        # such guesses have a total of their own, or other sites could use
        # up that of typed codes.
        code, _ = cookies.read_discount(request)
        group = "cookie"
    return await request.app[STORE].discounts.apply(
        cart, code, discount_visitor(request), group=group
    )


def forget_unknown_discount(
    request: web.Request, response: web.StreamResponse, discount: CartDiscount
) -> None:
    """Delete a cookie whose code the store doesn't have."""
    if discount.is_unknown:
        cookies.write_discount(request, response, "")


def is_in_cart(request: web.Request, lines: Iterable[Line]) -> bool:
    """Return whether the visitor's cart has any of these items."""
    catalog = request.app[STORE].catalog.current
    held = cookies.read_cart(request, catalog).item_ids
    return any(line.item_id in held for line in lines)


def remove_from_cart(
    request: web.Request, response: web.StreamResponse, lines: Iterable[Line]
) -> None:
    """Remove items from the visitor's cart that are paid, or being paid."""
    cart = cookies.read_cart(request, request.app[STORE].catalog.current)
    cart = cart.remove_bought(line.item_id for line in lines)
    cookies.write_cart(request, response, cart)


def _write_discount(
    request: web.Request, response: web.StreamResponse, code: str
) -> None:
    """Set the cookie of a code, tagged where the store has that code."""
    discounts = request.app[STORE].discounts
    is_verified = bool(CODE.fullmatch(code)) and discounts.is_known(
        code, discount_visitor(request)
    )
    cookies.write_discount(request, response, code, is_verified=is_verified)

"""The cart's page, and putting things in and out of it."""

from aiohttp import web

from msrv.web import cart, cookies, discounts
from msrv.web.forms import read_form, read_prices
from msrv.web.rendering import respond_in_steps, wants_json
from msrv.web.shop import json_views
from msrv.web.store import ORIGIN, STORE


async def show(request: web.Request) -> web.Response:
    """Show what is in the cart and what it costs."""
    catalog = request.app[STORE].catalog.current
    content = cart.read(cookies.of(request), catalog)
    discount = await discounts.of_cart(request, content)
    response = await respond_in_steps(
        request,
        "cart.html",
        {**json_views.cart(content), **discount.as_data()},
        content=content,
        groups=content.by_currency(),
        discount=discount,
    )
    discounts.keep(request, response, discount)
    return response


async def change(request: web.Request) -> web.StreamResponse:
    """Put in (`add`) and take out (`remove`) items, by repeated fields.

    `price.ITEM` keeps the buyer's own price of what has one. `discount` is a
    code; an empty one takes it out.

    Answers with the cart as JSON, or sends a browser back to the page it
    came from (`back`, a path of ours) or to the cart.
    """
    catalog = request.app[STORE].catalog.current
    form = await read_form(request)
    content = cart.read(cookies.of(request), catalog)
    content = cart.add(content, form.getall("add", []), catalog)
    gone = form.getall("remove", [])
    content = cart.remove(content, gone)
    if not gone:  # who takes something out need not have typed well
        content = cart.choose(content, read_prices(form, catalog))
    typed = form.get("discount")
    name = None if typed is None else discounts.read(request, typed)
    response: web.StreamResponse
    if wants_json(request):
        discount = await discounts.of_cart(request, content, name)
        data = {**json_views.cart(content), **discount.as_data()}
        response = web.json_response(data)
    else:
        back = str(form.get("back", "/cart"))
        response = web.HTTPSeeOther(back if _is_ours(back) else "/cart")
    secure = request[ORIGIN].scheme == "https"
    cart.write(response, content, secure=secure)
    if name is not None:
        discounts.write(request, response, name)
    if isinstance(response, web.HTTPException):
        raise response
    return response


def _is_ours(path: str) -> bool:
    """Whether a browser sent there stays with us, and not on `//host`."""
    return (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and path.isascii()
        and path.isprintable()
    )

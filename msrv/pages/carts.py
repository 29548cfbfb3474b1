"""The cart's page, and putting things in and out of it."""

from aiohttp import web

from msrv.pages import cart, views
from msrv.pages.asking import read_prices
from msrv.pages.forms import read_form
from msrv.pages.keys import CATALOG, ORIGIN
from msrv.pages.rendering import respond, wants_json
from msrv.payments.ordering import NotForSale, find_offered


async def show(request: web.Request) -> web.Response:
    """Show what is in the cart and what it costs."""
    catalog = request.config_dict[CATALOG].current
    content = cart.read(request.cookies, catalog)
    return respond(
        request,
        "cart.html",
        views.cart(content),
        content=content,
        groups=content.by_currency(),
    )


async def change(request: web.Request) -> web.StreamResponse:
    """Put in (`add`) and take out (`remove`) items, by repeated fields.

    `price.ITEM` keeps the buyer's own price of what has one.

    Answers with the cart as JSON, or sends a browser back to the page it
    came from (`back`, a path of ours) or to the cart.
    """
    catalog = request.config_dict[CATALOG].current
    form = await read_form(request)
    content = cart.read(request.cookies, catalog)
    for item_id in form.getall("add", []):
        if find_offered(catalog, item_id) is None:
            raise NotForSale(item_id)
        content = cart.add(content, item_id, catalog)
    gone = form.getall("remove", [])
    content = cart.remove(content, gone)
    if not gone:  # who takes something out need not have typed well
        content = cart.choose(content, read_prices(form, catalog))
    response: web.StreamResponse
    if wants_json(request):
        response = web.json_response(views.cart(content))
    else:
        back = str(form.get("back", "/cart"))
        response = web.HTTPSeeOther(back if _is_ours(back) else "/cart")
    secure = request[ORIGIN].scheme == "https"
    cart.write(response, content, secure=secure)
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

"""From a cart to a receipt: the checkout, the order, the payment.

What is to be paid becomes a signed quote before a payment provider sees it;
what was paid becomes a receipt. Neither is kept here.
"""

from typing import Final

from aiohttp import web

from msrv.catalog.model import Catalog
from msrv.ledger.events import Sale, SoldLine, plain
from msrv.money import Money
from msrv.pages import cart, views
from msrv.pages.errors import (
    CannotBePaid,
    NothingHere,
    PaymentRefused,
)
from msrv.pages.forms import read_form, read_minor
from msrv.pages.keys import (
    CATALOG,
    CLOCK,
    KEYRING,
    LEDGER,
    ORIGIN,
    PROVIDERS,
    RANDOM,
)
from msrv.pages.purchases import downloads_of, receipt_path
from msrv.pages.rendering import PRIVATE, respond, wants_json
from msrv.payments import ordering
from msrv.payments.model import PayAt, Provider, Refused
from msrv.proofs import quotes, receipts
from msrv.proofs.keyring import new_order_id
from msrv.proofs.quotes import Quote

QUOTE_SECONDS: Final = 3600
"""How long a price holds once it was quoted, while someone pays."""


async def show(request: web.Request) -> web.Response:
    """Show what would be paid, once for each currency in the cart.

    Raises SpoolFailed: where a sale can't be written down, none is begun.
    """
    await request.config_dict[LEDGER].ready_to_sell()
    catalog = request.config_dict[CATALOG].current
    content = cart.read(request.cookies, catalog)
    groups = []
    for total, entries in content.by_currency():
        ids = [cart.id_of(entry) for entry in entries]
        quote = _quote(request, ids)
        offers = request.config_dict[PROVIDERS].for_quote(quote)
        groups.append((total, entries, offers))
    return respond(
        request,
        "checkout.html",
        {
            **views.cart(content),
            "orders": [
                {
                    "items": [cart.id_of(entry) for entry in entries],
                    "total_minor": total.minor,
                    "currency": total.currency,
                    "providers": [offer.name for offer in offers],
                }
                for total, entries, offers in groups
            ],
        },
        groups=groups,
    )


async def buy(request: web.Request) -> web.StreamResponse:
    """Take an order: `item` repeated, `total_minor` as shown, `provider`.

    303 to the receipt (or to where it is paid) for a browser; 201 with the
    downloads (or 202 with `pay_at`) for a program. Raises SpoolFailed before
    anything is paid.
    """
    await request.config_dict[LEDGER].ready_to_sell()
    form = await read_form(request)
    quote = _quote(
        request, form.getall("item", []), read_minor(form, "total_minor")
    )
    provider = _choose(request, quote, form.get("provider"))
    token = quotes.sign(request.config_dict[KEYRING], quote)
    outcome = await provider.begin(
        quote, token, at_a_page=not wants_json(request)
    )
    if isinstance(outcome, PayAt):
        return _pay_at(request, outcome)
    return await _grant(request, quote, provider.name)


async def payment_page(request: web.Request) -> web.Response:
    """Show a payment that is made here; the pretend one is."""
    await request.config_dict[LEDGER].ready_to_sell()
    provider, quote, token = _payment(request)
    catalog = request.config_dict[CATALOG].current
    lines = [(catalog.by_id.get(line.item_id), line) for line in quote.lines]
    return respond(
        request,
        f"pay_{provider.name}.html",
        {
            "order_id": quote.order_id,
            "total_minor": quote.total_minor,
            "currency": quote.currency,
            "expires_at": quote.expires_at,
        },
        cache_control=PRIVATE,
        quote=quote,
        token=token,
        total=Money(quote.total_minor, quote.currency),
        lines=[
            (
                found.title if found else line.item_id,
                Money(line.price_minor, quote.currency),
            )
            for found, line in lines
        ],
    )


async def payment_answer(request: web.Request) -> web.StreamResponse:
    """Take the answer to a payment that was made here.

    The same quote leads to the same receipt, however often it is sent.
    Raises SpoolFailed before anything is paid.
    """
    await request.config_dict[LEDGER].ready_to_sell()
    provider, quote, _ = _payment(request)
    form = await read_form(request)
    outcome = await provider.settle(quote, form)
    if isinstance(outcome, Refused):
        raise PaymentRefused
    return await _grant(request, quote, provider.name)


def _quote(
    request: web.Request,
    item_ids: list[str],
    shown_minor: int | None = None,
) -> Quote:
    """Price an order by the catalog alone. Raises OrderError."""
    catalog = request.config_dict[CATALOG].current
    lines, total = ordering.price(catalog, item_ids, shown_minor=shown_minor)
    now = request.config_dict[CLOCK]()
    return Quote(
        order_id=new_order_id(request.config_dict[RANDOM]),
        currency=total.currency,
        lines=lines,
        catalog_version=catalog.version,
        issued_at=now,
        expires_at=now + QUOTE_SECONDS,
    )


def _choose(request: web.Request, quote: Quote, name: str | None) -> Provider:
    """Find the provider that was asked for, or the first that will do."""
    offers = request.config_dict[PROVIDERS].for_quote(quote)
    for offer in offers:
        if name in {None, offer.name}:
            return offer
    raise CannotBePaid


def _payment(request: web.Request) -> tuple[Provider, Quote, str]:
    """Read a payment's address. Raises NothingHere, Forged, Expired."""
    provider = request.config_dict[PROVIDERS].get(
        request.match_info["provider"]
    )
    token = request.match_info["quote"]
    quote = quotes.read(
        request.config_dict[KEYRING], token, request.config_dict[CLOCK]()
    )
    if provider is None or not provider.takes(quote):
        raise NothingHere
    return provider, quote, token


def _pay_at(request: web.Request, where: PayAt) -> web.StreamResponse:
    """Send the buyer to where the money is taken."""
    if not wants_json(request):
        raise web.HTTPSeeOther(where.url)
    base = request[ORIGIN].base_url if where.url.startswith("/") else ""
    return web.json_response({"pay_at": f"{base}{where.url}"}, status=202)


async def _grant(
    request: web.Request, quote: Quote, provider: str
) -> web.StreamResponse:
    """Write the receipt of a paid quote and hand it over.

    The sale is on the disk before the receipt is shown: who holds a receipt
    is known to the ledger.
    """
    receipt = receipts.Receipt(
        order_id=quote.order_id,
        issued_at=quote.issued_at,
        provider=provider,
        currency=quote.currency,
        lines=quote.lines,
    )
    await request.config_dict[LEDGER].sold(_sale(request, receipt))
    token = receipts.sign(request.config_dict[KEYRING], receipt)
    path = receipt_path(token)
    base = request[ORIGIN].base_url
    response: web.StreamResponse
    if wants_json(request):
        response = web.json_response(
            {
                "receipt": base + path,
                "order_id": receipt.order_id,
                "downloads": downloads_of(request, receipt),
            },
            status=201,
            headers={"Location": path, "Cache-Control": PRIVATE},
        )
    else:
        response = web.HTTPSeeOther(path)
        response.headers["Cache-Control"] = PRIVATE
    catalog = request.config_dict[CATALOG].current
    rest = cart.remove(
        cart.read(request.cookies, catalog),
        [line.item_id for line in quote.lines],
    )
    cart.write(response, rest, secure=request[ORIGIN].scheme == "https")
    if isinstance(response, web.HTTPException):
        raise response
    return response


def _sale(request: web.Request, receipt: receipts.Receipt) -> Sale:
    """Say what was sold, with the titles that it has today."""
    catalog = request.config_dict[CATALOG].current
    return Sale(
        order_id=receipt.order_id,
        sold_at=receipt.issued_at,
        provider=receipt.provider,
        currency=receipt.currency,
        lines=tuple(_sold(line, catalog) for line in receipt.lines),
    )


def _sold(line: receipts.Line, catalog: Catalog) -> SoldLine:
    found = catalog.by_id.get(line.item_id)
    title = plain(found.title if found else line.item_id)
    return SoldLine(line.item_id, line.price_minor, title)

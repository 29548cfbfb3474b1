"""Handing over what was bought: the sale written down, the receipt shown.

The same payment leads to the same receipt, whoever tells of it first.
"""

from aiohttp import web

from msrv.catalog.model import Catalog
from msrv.ledger.events import Sale, SoldLine, plain
from msrv.payments.settlement import PaidOrder
from msrv.proofs import receipts
from msrv.proofs.receipts import Line
from msrv.web import cart, cookies, discounts, free_orders, receipt_mails
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.shop.receipts import downloads_of, mail_wait_path, receipt_path
from msrv.web.store import ORIGIN, STORE


async def grant(request: web.Request, bought: PaidOrder) -> web.StreamResponse:
    """Write the receipt of a paid quote and hand it over.

    The sale is on the disk before the receipt is shown: who holds a receipt
    is known to the ledger, but for free orders beyond their limit.
    """
    store = request.app[STORE]
    receipt = bought.receipt
    catalog = store.catalog.current
    ledger = store.ledger
    # The mail first: were this process killed in between, nobody would ask
    # for it again, and whoever gets it has paid.
    wait = await receipt_mails.post(request, receipt, bought.quote.mail)
    if free_orders.is_written_down(request, bought):
        await ledger.sold(sale_of(bought, catalog))
        store.catalog.mark_sold(
            {line.item_id: title_of(line, catalog) for line in receipt.lines}
        )
        await discounts.count(ledger, bought)
    path = receipt_path(receipts.sign(store.keyring, receipt))
    response: web.StreamResponse
    if wants_json(request):
        response = web.json_response(
            {
                "receipt": request[ORIGIN].base_url + path,
                "order_id": receipt.order_id,
                "downloads": downloads_of(request, receipt),
                **receipt_mails.outcome(bought.quote.mail, wait),
            },
            status=201,
            headers={"Location": path, "Cache-Control": PRIVATE},
        )
    else:
        response = web.HTTPSeeOther(mail_wait_path(path, wait))
        response.headers["Cache-Control"] = PRIVATE
    take_out(request, response, receipt.lines)
    if bought.quote.discount:
        discounts.write(request, response, "")
    if isinstance(response, web.HTTPException):
        raise response
    return response


def in_cart(request: web.Request, lines: tuple[Line, ...]) -> bool:
    """Whether the visitor's cart holds any of these."""
    catalog = request.app[STORE].catalog.current
    held = cart.read(cookies.of(request), catalog).item_ids
    return any(line.item_id in held for line in lines)


def take_out(
    request: web.Request,
    response: web.StreamResponse,
    lines: tuple[Line, ...],
) -> None:
    """Take what is paid, or being paid, out of the visitor's cart."""
    catalog = request.app[STORE].catalog.current
    held = cart.read(cookies.of(request), catalog)
    rest = cart.remove(held, [line.item_id for line in lines])
    cart.write(response, rest, secure=request[ORIGIN].scheme == "https")


def sale_of(bought: PaidOrder, catalog: Catalog) -> Sale:
    """Say what was sold, with the titles that it has today."""
    receipt = bought.receipt
    return Sale(
        order_id=receipt.order_id,
        sold_at=receipt.issued_at,
        provider=receipt.provider,
        currency=receipt.currency,
        lines=tuple(_sold(line, catalog) for line in receipt.lines),
        reference=bought.reference,
    )


def title_of(line: Line, catalog: Catalog) -> str:
    """Give a line's title of today, or its id where there is none."""
    return plain(catalog.title_of(line.item_id))


def _sold(line: Line, catalog: Catalog) -> SoldLine:
    return SoldLine(line.item_id, line.price_minor, title_of(line, catalog))

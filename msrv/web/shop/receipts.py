"""Routes of receipts: the items bought, each with a fresh link."""

import re
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from msrv.catalog.model import Item, Release
from msrv.money import Money
from msrv.orders import redemption
from msrv.orders.fulfilment import FulfilledOrder
from msrv.proofs import pasted, receipts
from msrv.proofs.errors import Forged
from msrv.proofs.links import make_link
from msrv.proofs.receipts import Receipt
from msrv.time_slices import TimeSlices
from msrv.web import cookies
from msrv.web.errors import NotFound
from msrv.web.rendering import PRIVATE, respond_in_steps, wants_json
from msrv.web.shop.cart import remove_from_cart
from msrv.web.store import ORIGIN, STORE

_PATH: Final = "/purchases/"
_MAIL_WAIT: Final = "mail_wait"
_SECONDS: Final = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One line of a receipt, as it is shown.

    `title` is the item's current one, or its last. `entry` is None where the
    library doesn't have the item any more. `parts` are a release's files, each
    with its own link. A refunded item has no link and no parts.
    """

    item_id: str
    title: str
    price: Money
    entry: Item | Release | None
    link: str | None
    parts: tuple[tuple[Item, str], ...] = ()


async def show(request: web.Request) -> web.Response:
    """Return a receipt with fresh links. Raises Forged."""
    wait = request.query.get(_MAIL_WAIT, "")
    return await receipt_page(
        request, mail_wait=int(wait) if _SECONDS.fullmatch(wait) else 0
    )


async def receipt_page(
    request: web.Request, *, status: int = 200, mail_wait: int = 0
) -> web.Response:
    """Return the receipt of a request's path. Raises Forged.

    `mail_wait` is in how many seconds a mail that wasn't sent can be
    requested again.
    """
    store = request.app[STORE]
    token = request.match_info["receipt"]
    receipt = receipts.read(store.keyring, token)
    base = request[ORIGIN].base_url
    address = base + receipt_path(token)
    expires_at = _expires_at(request)
    deliveries = await _deliveries(request, receipt, expires_at)
    as_json = wants_json(request)
    slices = TimeSlices()
    return await respond_in_steps(
        request,
        "purchase.html",
        {
            "receipt": address,
            "order_id": receipt.order_id,
            "issued_at": receipt.issued_at,
            "provider": receipt.provider,
            "total_minor": receipt.total_minor,
            "currency": receipt.currency,
            "links_expire_at": expires_at,
            "items": [await _line(each, base, slices) for each in deliveries]
            if as_json
            else [],
            "downloads": {
                each.item_id: base + each.link
                for each in deliveries
                if each.link is not None
            },
        },
        status=status,
        cache_control=PRIVATE,
        receipt=receipt,
        total=Money(receipt.total_minor, receipt.currency),
        deliveries=deliveries,
        address=address,
        expires_at=expires_at,
        paid_note=paid_note(request, receipt),
        code=None if as_json else await store.qr_codes.of(address),
        mail_path=f"{receipt_path(token)}/mail"
        if store.receipt_mails.is_on
        else None,
        mailed="mailed" in request.query,
        mail_wait=mail_wait,
    )


async def find(request: web.Request) -> web.Response:
    """Redirect from a text with a receipt in it (`?receipt=`) to its page.

    Raises NotFound for no text, Forged for one without a receipt.
    """
    text = request.query.get("receipt", "")
    if not text.strip():
        raise NotFound
    store = request.app[STORE]
    found = pasted.find(store.keyring, text, store.clock())
    if found is None or found.receipt is None:
        raise Forged
    raise web.HTTPSeeOther(found.path)


def receipt_path(token: str) -> str:
    """Return the path of a receipt's page."""
    return _PATH + token


def respond_with_receipt(
    request: web.Request, order: FulfilledOrder
) -> web.StreamResponse:
    """Return, or raise as a redirect, the receipt of a purchase.

    The items, and the discount code, are removed from the visitor's cookies.
    """
    response = receipt_response(request, order)
    remove_from_cart(request, response, order.receipt.lines)
    if order.discount:
        cookies.write_discount(request, response, "")
    if isinstance(response, web.HTTPException):
        raise response
    return response


def receipt_response(
    request: web.Request, order: FulfilledOrder
) -> web.StreamResponse:
    """Return 201 with the downloads, or for a browser 303 to the receipt."""
    path = receipt_path(order.token)
    response: web.StreamResponse
    if wants_json(request):
        mail: dict[str, Any] = {}
        if order.mail:
            mail["mail"] = "not sent" if order.mail_wait else "on its way"
        if order.mail and order.mail_wait:
            mail["mail_retry_after"] = order.mail_wait
        response = web.json_response(
            {
                "receipt": request[ORIGIN].base_url + path,
                "order_id": order.receipt.order_id,
                "downloads": _downloads(request, order.receipt),
                **mail,
            },
            status=201,
            headers={"Location": path},
        )
    else:
        wait = order.mail_wait
        query = f"?{_MAIL_WAIT}={wait}" if wait else ""
        response = web.HTTPSeeOther(path + query)
    response.headers["Cache-Control"] = PRIVATE
    return response


def paid_note(request: web.Request, receipt: Receipt) -> str:
    """Return how an order was paid, where a receipt says so; else empty."""
    if receipt.provider == redemption.PROVIDER:
        return "with a redeem code"
    return request.app[STORE].providers.paid_note(receipt)


def _downloads(request: web.Request, receipt: Receipt) -> dict[str, str]:
    """Return a fresh absolute link for each item of a receipt."""
    base, expires_at = request[ORIGIN].base_url, _expires_at(request)
    return {
        line.item_id: base + _link(request, receipt, line.item_id, expires_at)
        for line in receipt.lines
    }


def _expires_at(request: web.Request) -> int:
    store = request.app[STORE]
    hours = store.settings.link_hours
    return store.clock() + hours * 3600


def _link(
    request: web.Request, receipt: Receipt, item_id: str, expires_at: int
) -> str:
    keyring = request.app[STORE].keyring
    link = make_link(
        keyring,
        receipt.order_id,
        item_id,
        expires_at,
        pretend=receipt.is_pretend,
    )
    return link.path


async def _deliveries(
    request: web.Request, receipt: Receipt, expires_at: int
) -> list[Delivery]:
    store = request.app[STORE]
    slices = TimeSlices()
    catalog = store.catalog.current
    revocations = store.ledger.revocations
    deliveries = []
    async for line in slices.iterate(receipt.lines):
        entry = catalog.by_id.get(line.item_id)
        parts: tuple[tuple[Item, str], ...] = ()
        refunded = revocations.is_line_revoked(receipt.order_id, line.item_id)
        if isinstance(entry, Release) and not refunded:
            parts = tuple(
                [
                    (each, _link(request, receipt, each.item_id, expires_at))
                    async for each in slices.iterate(entry.items)
                ]
            )
        deliveries.append(
            Delivery(
                line.item_id,
                catalog.title_of(line.item_id),
                Money(line.price_minor, receipt.currency),
                entry,
                None
                if refunded
                else _link(request, receipt, line.item_id, expires_at),
                parts,
            )
        )
    return deliveries


async def _line(
    delivery: Delivery, base: str, slices: TimeSlices
) -> dict[str, Any]:
    entry = delivery.entry
    line: dict[str, Any] = {
        "item_id": delivery.item_id,
        "title": delivery.title,
        "price_minor": delivery.price.minor,
        "available": entry is not None,
        "refunded": delivery.link is None,
        "download": base + delivery.link if delivery.link else None,
    }
    if isinstance(entry, Item):
        line["size_bytes"] = entry.content.size_bytes
        line["sha256"] = entry.content.sha256.hex()
    if delivery.parts:
        line["parts"] = [
            {
                "item_id": part.item_id,
                "title": part.title,
                "size_bytes": part.content.size_bytes,
                "sha256": part.content.sha256.hex(),
                "download": base + link,
            }
            async for part, link in slices.iterate(delivery.parts)
        ]
    await slices.yield_if_due()
    return line

"""The receipt: what was bought, and a fresh link to each of it."""

import re
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from msrv.catalog.model import Item, Release
from msrv.money import Money
from msrv.proofs import pasted, receipts
from msrv.proofs.errors import Forged
from msrv.proofs.links import make_link
from msrv.proofs.receipts import Receipt
from msrv.time_slices import TimeSlices
from msrv.web.errors import NotFound
from msrv.web.rendering import PRIVATE, respond_in_steps, wants_json
from msrv.web.store import ORIGIN, STORE

_PATH: Final = "/purchases/"
_MAIL_WAIT: Final = "mail_wait"
_SECONDS: Final = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One line of a receipt as it is shown.

    `title` is the item's of today, or the last it had. `entry` is None where
    the library holds the item no more. `parts` are a release's files one by
    one, each with its own link. What was refunded has no link, and no parts.
    """

    item_id: str
    title: str
    price: Money
    entry: Item | Release | None
    link: str | None
    parts: tuple[tuple[Item, str], ...] = ()


async def show(request: web.Request) -> web.Response:
    """Show a receipt with fresh links. Raises Forged."""
    wait = request.query.get(_MAIL_WAIT, "")
    return await page(
        request, mail_wait=int(wait) if _SECONDS.fullmatch(wait) else 0
    )


def mail_wait_path(path: str, wait_seconds: int) -> str:
    """Return where to see a receipt that can be mailed in so many seconds.

    The path itself for 0: it was mailed, or was not to be.
    """
    return f"{path}?{_MAIL_WAIT}={wait_seconds}" if wait_seconds else path


async def page(
    request: web.Request, *, status: int = 200, mail_wait: int = 0
) -> web.Response:
    """Render the receipt of a request's path. Raises Forged.

    `mail_wait` is in how many seconds a mail that wasn't sent can be.
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
        code=None if as_json else await store.qr_codes.of(address),
        mail_path=f"{receipt_path(token)}/mail" if store.mail else None,
        mailed="mailed" in request.query,
        mail_wait=mail_wait,
    )


async def find(request: web.Request) -> web.Response:
    """Lead from a text with a receipt in it to the receipt (`?receipt=`).

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
    """Give the address of a receipt's page."""
    return _PATH + token


def downloads_of(request: web.Request, receipt: Receipt) -> dict[str, str]:
    """Give a fresh absolute link for each line of a receipt."""
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
        refunded = revocations.ends_line(receipt.order_id, line.item_id)
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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of receipts: the items bought, each with a fresh link."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web
from markupsafe import Markup

from msrv import time_slices
from msrv.catalog.encodings.recipes import ORIGINAL
from msrv.catalog.model import Release
from msrv.catalog.texts.thanks import thanks_for
from msrv.mail.addresses import masked
from msrv.money import Money
from msrv.orders.download_links import ReceiptItem
from msrv.orders.fulfilment import FulfilledOrder
from msrv.orders.refunds.ended_lines import end_reasons
from msrv.proofs import pasted_proofs, receipts
from msrv.proofs.errors import Forged
from msrv.proofs.receipts import Receipt
from msrv.time_slices import TimeSlices
from msrv.translations import gettext
from msrv.web import cookies, security_headers
from msrv.web.errors.fields import NO_ERRORS, FieldErrors
from msrv.web.formatting import given_note
from msrv.web.legal.consent_field import given_json
from msrv.web.rendering import PRIVATE, respond_in_slices, wants_json
from msrv.web.shop.cart import remove_from_cart
from msrv.web.shop.purchases.device_library import (
    UNKEPT_QUERY,
    device_entry,
    is_kept,
)
from msrv.web.shop.purchases.download_hints import hints_for
from msrv.web.shop.purchases.format_choice import (
    PARAMETER,
    FormatChoice,
)
from msrv.web.shop.purchases.playlists import count_tracks
from msrv.web.shop.purchases.receipt_json import line_json
from msrv.web.store import ORIGIN, STORE

_PATH: Final = "/purchases/"
_MAIL_WAIT: Final = "mail_wait"
_MAILED: Final = "mailed"
_START: Final = "start"
_GIFT: Final = "gift"
GIFT_QUERY: Final = f"{_GIFT}=1"
"""Query of a gift's receipt: its page shows no prices."""
_MASKED: Final = re.compile(r"[^\s@]…@[^\s@]{1,253}")
_SECONDS: Final = re.compile(r"[0-9]{1,6}")


async def show(request: web.Request) -> web.Response:
    """Return a receipt with fresh links. Raises Forged."""
    return await receipt_page(request, mail_wait=read_mail_wait(request))


def read_mail_wait(request: web.Request) -> int:
    """Return in how many seconds a mail can be requested again, or 0."""
    wait = request.query.get(_MAIL_WAIT, "")
    return int(wait) if _SECONDS.fullmatch(wait) else 0


async def receipt_page(
    request: web.Request,
    *,
    status: int = 200,
    mail_wait: int = 0,
    errors: FieldErrors = NO_ERRORS,
) -> web.Response:
    """Return the receipt of a request's path. Raises Forged.

    `mail_wait` is in how many seconds a mail that wasn't sent can be
    requested again. `errors` are those of the form that requests one. All
    addresses on the page of a gift lead to the page of a gift.
    """
    store = request.app[STORE]
    token = request.match_info["receipt"]
    receipt = receipts.read(store.keyring, token)
    base = request[ORIGIN].base_url
    path = receipt_path(token)
    is_gift = has_gift_query(request)
    query = f"?{GIFT_QUERY}" if is_gift else ""
    address = base + path + query
    jws = receipts.sign_jws(store.keyring, receipt)
    links = store.download_links
    expires_at = links.expires_at()
    items = await links.items(receipt, expires_at)
    ended = await end_reasons(store.ledger, receipt, items)
    catalog = store.catalog.current
    formats = await FormatChoice.of(
        store.formats, catalog, items, request.query.get(PARAMETER, ORIGINAL)
    )
    thanks = thanks_for(
        catalog, [each.item_id for each in items if each.link is not None]
    )
    texts = store.catalog_cache.texts
    as_json = wants_json(request)
    slices = await TimeSlices.start()
    response = await respond_in_slices(
        request,
        "purchase.html",
        {
            "receipt": base + path,
            "jws": jws,
            "order_id": receipt.order_id,
            "issued_at": receipt.issued_at,
            "provider": receipt.provider,
            "total_minor": receipt.total_minor,
            "currency": receipt.currency,
            "links_expire_at": expires_at,
            "consent": given_json(receipt.consent, catalog.shop),
            "thanks": thanks,
            "items": [
                {
                    **await line_json(each, base, formats, slices),
                    "ended": ended.get(each.item_id),
                }
                for each in items
            ]
            if as_json
            else [],
            "downloads": {
                each.item_id: base + each.link
                for each in items
                if each.link is not None
            },
        },
        status=status,
        cache_control=PRIVATE,
        receipt=receipt,
        total=Money(receipt.total_minor, receipt.currency),
        adds_tax=store.receipt_mails.adds_tax(receipt),
        items=items,
        ended=ended,
        formats=formats,
        address=address,
        device_entry=None
        if as_json or not is_kept(request)
        else device_entry(receipt, path + query, items),
        jws=jws,
        plays=count_tracks(items),
        expires_at=expires_at,
        paid_note=paid_note(request, receipt),
        thanks=[
            Markup((await texts.render(note)).html)  # noqa: S704 - no raw HTML
            for note in thanks
        ],
        code=None if as_json else await store.qr_codes.of(address),
        receipt_path=path,
        mail_path=f"{path}/mail?{page_query(request)}".rstrip("?")
        if store.receipt_mails.is_on
        else None,
        errors=errors,
        corrections_path=f"{path}/corrections"
        if store.corrections.requests.is_offered(receipt)
        else None,
        lacks_address=store.corrections.requests.lacks_address(receipt),
        mailed_to=mailed_to(request),
        mail_wait=mail_wait,
        releases=releases_of(request, items),
        hints=hints_for(request.headers.get("User-Agent", ""), items),
        start=_link_to_start(request, items, formats),
        is_gift=is_gift,
        is_kept=is_kept(request),
        has_invoice=store.invoices.has_invoice(receipt),
    )
    security_headers.allow_payment(response, store.providers)
    return response


def has_gift_query(request: web.Request) -> bool:
    """Return whether a request is for a gift's receipt, without prices."""
    return _GIFT in request.query


def page_query(request: web.Request) -> str:
    """Return what the query of a receipt's page keeps, without a `?`."""
    stated = [GIFT_QUERY] if has_gift_query(request) else []
    return "&".join(stated if is_kept(request) else [*stated, UNKEPT_QUERY])


def mailed_to(request: web.Request) -> str:
    """Return where the receipt was just mailed to, masked; else empty."""
    text = request.query.get(_MAILED, "")
    return text if _MASKED.fullmatch(text) else ""


def mailed_query(address: str) -> str:
    """Return the query of a page that says where its receipt was mailed.

    The address is masked: it stays in the browser's history.
    """
    return f"{_MAILED}={quote(masked(address), safe='@')}"


def releases_of(
    request: web.Request, items: Sequence[ReceiptItem]
) -> dict[str, Release]:
    """Return the release of each line that the catalog has, by line's id."""
    catalog = request.app[STORE].catalog.current
    found = {}
    for each in items:
        if each.entry is None:
            continue
        release = catalog.release_of(each.entry)
        if release is not None:
            found[each.item_id] = release
    return found


def _link_to_start(
    request: web.Request, items: Sequence[ReceiptItem], formats: FormatChoice
) -> str | None:
    """Return the link that the page opens by itself: of a single item."""
    if _START not in request.query or len(items) != 1:
        return None
    (item,) = items
    download = formats.of_line(item)
    return None if download is None else download.link


async def find(request: web.Request) -> web.Response:
    """Redirect from a text with a receipt in it (`?receipt=`) to its page.

    Without a text, to the purchases of this device. Raises Forged for a text
    without a receipt.
    """
    text = request.query.get("receipt", "")
    if not text.strip():
        raise web.HTTPSeeOther("/library")
    store = request.app[STORE]
    found = await time_slices.first(
        pasted_proofs.search(store.keyring, text, store.clock())
    )
    if found is None or found.receipt is None:
        raise Forged
    raise web.HTTPSeeOther(found.path + pasted_query(text))


def pasted_query(text: str) -> str:
    """Return the query of a receipt in a text: that of a gift, or empty."""
    query = f"?{GIFT_QUERY}"
    return query if query in text else ""


def gift_path(bill: str) -> str:
    """Return the path of the bill of a gift."""
    return f"/gifts/{bill}"


def receipt_path(token: str) -> str:
    """Return the path of a receipt's page."""
    return _PATH + token


async def respond_with_receipt(
    request: web.Request,
    order: FulfilledOrder,
    *,
    starts_download: bool = False,
    payment_path: str = "",
) -> web.StreamResponse:
    """Return, or raise as a redirect, the receipt of a purchase.

    The items, the discount code and the started payment are removed from the
    visitor's cookies; `payment_path` is its path where it isn't the request's.
    With `starts_download`, the page of a single item starts its download.
    """
    # Others are served before the links are made: there may be hundreds.
    await asyncio.sleep(0)
    response = receipt_response(
        request, order, starts_download=starts_download
    )
    remove_from_cart(request, response, order.receipt.lines)
    cookies.forget_payment(request, response, payment_path or request.path_qs)
    if order.discount:
        cookies.write_discount(request, response, "")
    if isinstance(response, web.HTTPException):
        raise response
    return response


def receipt_response(
    request: web.Request,
    order: FulfilledOrder,
    *,
    starts_download: bool = False,
) -> web.StreamResponse:
    """Return 201 with the downloads, or for a browser 303 to the receipt.

    For a gift it is the bill instead: its receipt isn't the payer's.
    """
    path = gift_path(order.bill) if order.bill else receipt_path(order.token)
    response: web.StreamResponse
    if wants_json(request):
        mail: dict[str, Any] = {}
        if order.mail:
            mail["mail"] = "not sent" if order.mail_wait else "on its way"
        if order.mail and order.mail_wait:
            mail["mail_retry_after"] = order.mail_wait
        address = request[ORIGIN].base_url + path
        links: dict[str, Any] = {
            "receipt": address,
            "downloads": _downloads(request, order.receipt),
        }
        response = web.json_response(
            {
                **({"bill": address} if order.bill else links),
                "order_id": order.receipt.order_id,
                **mail,
            },
            status=201,
            headers={"Location": path},
        )
    else:
        stated = []
        if order.mail_wait:
            stated.append(f"{_MAIL_WAIT}={order.mail_wait}")
        elif order.mail and not order.bill:
            stated.append(mailed_query(order.mail))
        if starts_download and not order.mail_wait and not order.bill:
            stated.append(f"{_START}=1")
        query = "&".join(stated)
        response = web.HTTPSeeOther(f"{path}?{query}" if query else path)
    response.headers["Cache-Control"] = PRIVATE
    return response


def paid_note(request: web.Request, receipt: Receipt) -> str:
    """Return how an order was paid, where a receipt says so; else empty."""
    providers = request.app[STORE].providers
    return given_note(receipt.provider) or gettext(
        providers.paid_note(receipt)
    )


def _downloads(request: web.Request, receipt: Receipt) -> dict[str, str]:
    """Return a fresh absolute link for each item of a receipt."""
    links, base = request.app[STORE].download_links, request[ORIGIN].base_url
    expires_at = links.expires_at()
    return {
        line.item_id: base + links.path(receipt, line.item_id, expires_at)
        for line in receipt.lines
    }

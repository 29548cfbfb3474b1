"""A code on paper becomes a receipt, once.

Looking at the page does nothing: what a mail scanner or a camera opens uses
no code up. Sending the form does, in the database itself, so that two
replicas can't both say yes; while it is away, the page asks to come back.
"""

import logging
from collections.abc import Hashable
from typing import Any, Final

from aiohttp import web

from msrv.catalog.model import Item, Release
from msrv.ledger.errors import DatabaseError
from msrv.ledger.events import Redeemed, Sale, SoldLine, plain
from msrv.orders.code_index import CampaignEnded
from msrv.proofs import codes, pasted, receipts
from msrv.proofs.codes import Code
from msrv.proofs.errors import Forged
from msrv.rate_limit import client_network
from msrv.web import claim_cookie, cookies, receipt_mails
from msrv.web.claim_cookie import Claim
from msrv.web.errors import ErrorPage
from msrv.web.errors.shopping import REDEMPTION
from msrv.web.errors.table import redemption_page
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, respond, wants_json
from msrv.web.shop.receipts import downloads_of, mail_wait_path, receipt_path
from msrv.web.store import ORIGIN, STORE

log = logging.getLogger(__name__)

PROVIDER: Final = "code"
_SHOWN_CHARS: Final = 60


async def show(request: web.Request) -> web.Response:
    """Show the form, with the code of the address in it. Uses nothing up."""
    text = request.query.get("code", "")
    found = pasted.find_codes(text)
    return _page(request, codes.in_groups(found[0]) if found else text)


async def redeem(request: web.Request) -> web.StreamResponse:
    """Turn `code` into a receipt: 303 to it, or 201 for a program.

    The same browser that sends the same code gets the same receipt.
    """
    form = await read_form(request)
    text = form.get("code", "")
    claim = _claim(request)
    mail = receipt_mails.read_address(request, form)
    try:
        code = await _verify(request, text, claim)
        receipt = await _turn(request, code, claim.value)
    except (*REDEMPTION,) as error:
        if isinstance(error, DatabaseError):
            log.warning("a code can't be redeemed: %s", error)
        return _page(request, text, redemption_page(error))
    wait = await receipt_mails.post(request, receipt, mail)
    return _hand_over(
        request, receipt, claim, wait, receipt_mails.outcome(mail, wait)
    )


async def _verify(request: web.Request, text: str, claim: Claim) -> Code:
    """Find a code in what was typed or pasted.

    Raises Mistyped, TooManyGuesses, Forged, CampaignEnded.
    """
    candidates = pasted.find_codes(text) or [codes.tidy(text)]
    store = request.app[STORE]
    catalog = store.catalog.current
    items = [
        await store.code_index.items(catalog, codes.tag_of_item(signs))
        for signs in candidates
    ]
    now = store.clock()
    keys: tuple[Hashable, ...] = (client_network(request[ORIGIN].client),)
    group = "new"
    if claim.is_settled(now):
        # Strangers who use up what all may guess don't keep out who opened
        # the page before; the claim is counted, or one would serve them all.
        keys, group = (*keys, claim.value), "known"
    # Nothing is awaited from here on: what is sent at once is counted singly.
    for signs, item_ids in zip(candidates, items, strict=True):
        store.limits.codes.check(*keys, group=group, now=now)
        try:
            code = codes.verify(store.keyring, signs, item_ids)
        except Forged:
            store.limits.codes.spend(*keys, group=group, now=now)
            continue
        if store.code_index.has_ended(code.campaign_tag):
            raise CampaignEnded
        return code
    raise Forged


async def _turn(
    request: web.Request, code: Code, claim: bytes
) -> receipts.Receipt:
    """Use a code up. Raises AlreadyRedeemed, DatabaseError."""
    store = request.app[STORE]
    entry = store.catalog.current.by_id[code.item_id]
    order_id, now = code.order_id(claim), store.clock()
    found = await store.ledger.redeem(
        Redeemed(code.code_id, order_id, now),
        _sale(code, order_id, now, entry),
    )
    store.catalog.mark_sold({code.item_id: plain(entry.title)})
    return receipts.Receipt(
        order_id=order_id,
        issued_at=found.redeemed_at,
        provider=PROVIDER,
        currency=found.currency,
        lines=(receipts.Line(code.item_id, 0),),
    )


def _sale(code: Code, order_id: str, now: int, entry: Item | Release) -> Sale:
    return Sale(
        order_id=order_id,
        sold_at=now,
        provider=PROVIDER,
        currency=entry.price.currency,
        lines=(SoldLine(code.item_id, 0, plain(entry.title)),),
        reference=code.code_id,
    )


def _hand_over(
    request: web.Request,
    receipt: receipts.Receipt,
    claim: Claim,
    mail_wait: int,
    mailed: dict[str, Any],
) -> web.StreamResponse:
    token = receipts.sign(request.app[STORE].keyring, receipt)
    path = receipt_path(token)
    response: web.StreamResponse
    if wants_json(request):
        response = web.json_response(
            {
                "receipt": request[ORIGIN].base_url + path,
                "order_id": receipt.order_id,
                "downloads": downloads_of(request, receipt),
                **mailed,
            },
            status=201,
            headers={"Location": path},
        )
    else:
        response = web.HTTPSeeOther(mail_wait_path(path, mail_wait))
    _finish(request, response, claim)
    if isinstance(response, web.HTTPException):
        raise response
    return response


def _page(
    request: web.Request, text: str, error: ErrorPage | None = None
) -> web.Response:
    data: dict[str, Any] = {"code": text[:_SHOWN_CHARS]}
    if error is not None:
        data = {"error": error.code, "message": error.message}
    response = respond(
        request,
        "redeem.html",
        data,
        status=error.status if error else 200,
        code=text[:_SHOWN_CHARS],
        error=error,
        mails=receipt_mails.is_on(request),
    )
    if error is not None:
        response.headers.update(error.headers)
    _finish(request, response, _claim(request))
    return response


def _finish(
    request: web.Request, response: web.StreamResponse, claim: Claim
) -> None:
    response.headers["Cache-Control"] = PRIVATE
    store = request.app[STORE]
    claim_cookie.write(
        response,
        claim,
        store.keyring,
        store.clock(),
        secure=request[ORIGIN].scheme == "https",
    )


def _claim(request: web.Request) -> Claim:
    """Return the claim that came with a request, or a new one."""
    store = request.app[STORE]
    return claim_cookie.read(cookies.of(request), store.keyring) or Claim.new(
        store.random, store.clock()
    )

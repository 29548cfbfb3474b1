"""A receipt by e-mail, where the store sends any: asked for, never awaited.

An address is asked for where it is needed, goes along in the signed quote,
and lies in the outbox until the mail has gone. Nothing else keeps it.
"""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from msrv.catalog.model import Catalog
from msrv.ledger.events import plain
from msrv.mail import addresses
from msrv.mail.errors import BadAddress
from msrv.mail.receipt_mail import Letter
from msrv.mail.worker import Postman
from msrv.orders.rate_limits import TooManyMails
from msrv.proofs import receipts
from msrv.proofs.receipts import Receipt
from msrv.rate_limit import client_network
from msrv.web.errors import InvalidField, NotFound
from msrv.web.forms import read_form
from msrv.web.rendering import PRIVATE, wants_json
from msrv.web.shop import receipts as purchases
from msrv.web.shop.receipts import receipt_path
from msrv.web.store import ORIGIN, STORE, Store

FIELD: Final = "mail"
_DISK_SECONDS: Final = 300
"""Delay before asking again for a mail that the disk refused."""
_WANTED: Final = "must be an email address like you@example.org"
_ASCII_WANTED: Final = (
    "must be an address without accents or other letters outside ASCII before "
    "the @; this store's mail server can't send to such addresses"
)


def is_on(request: web.Request) -> bool:
    """Whether this store sends mail."""
    return request.app[STORE].mail is not None


def read_address(request: web.Request, form: Mapping[str, str]) -> str:
    """Return the address for a receipt, or "". Raises InvalidField."""
    text = form.get(FIELD, "").strip()
    mail = request.app[STORE].mail
    if not text or mail is None:
        return ""
    try:
        address = addresses.read(text)
    except BadAddress:
        raise InvalidField(FIELD, _WANTED) from None
    if addresses.needs_smtputf8(address) and mail.refuses_unicode:
        raise InvalidField(FIELD, _ASCII_WANTED)
    return address


async def post(request: web.Request, receipt: Receipt, to: str) -> int:
    """Have a receipt sent that somebody waits for, as `send` does.

    Returns 0, or in how many seconds to ask again where it isn't sent. What
    was paid for, or had with a code, is sent however many mails were asked
    for at no cost.
    """
    store = request.app[STORE]
    if store.mail is None or not to:
        return 0
    recent, now = store.limits.mailed, store.clock()
    if recent.has((receipt.order_id, to), now):
        return 0  # the second click
    try:
        if _costs_nothing(receipt):
            _count(request, receipt, to)
    except TooManyMails as error:
        store.mail.drop()
        return error.retry_after_seconds
    if not await send(store, receipt, to):
        store.mail.drop()
        return _DISK_SECONDS
    recent.add((receipt.order_id, to), now)
    return 0


async def send(store: Store, receipt: Receipt, to: str) -> bool:
    """Have a receipt sent, once for each order, whoever tells of it.

    It is on the disk when this returns True, and on its way some time later.
    A disk that refuses is logged. Raises NotReady.
    """
    postman: Postman | None = store.mail
    if postman is None or not to:
        return True
    return await postman.post(_letter(store, receipt, to, receipt.order_id))


async def again(request: web.Request) -> web.StreamResponse:
    """Send a receipt once more, to the address in the form.

    The answer tells nobody who bought what. Where too many were asked for it
    says so, with 429 and `Retry-After`: what is promised is sent. Raises
    NotFound, Forged, InvalidField, TooManyMails.
    """
    store = request.app[STORE]
    token = request.match_info["receipt"]
    receipt = receipts.read(store.keyring, token)
    postman = store.mail
    if postman is None:
        raise NotFound
    to = read_address(request, await read_form(request))
    if not to:
        raise InvalidField(FIELD, _WANTED)
    try:
        _count(request, receipt, to)
        letter_id = f"{receipt.order_id}-{store.clock()}"
        if not await postman.post(_letter(store, receipt, to, letter_id)):
            raise TooManyMails(_DISK_SECONDS)
    except TooManyMails as error:
        postman.drop()
        if wants_json(request):
            raise
        wait = error.retry_after_seconds
        response = await purchases.page(request, status=429, mail_wait=wait)
        response.headers["Retry-After"] = str(wait)
        return response
    if wants_json(request):
        return web.json_response(
            {"mail": "on its way"},
            status=202,
            headers={"Cache-Control": PRIVATE},
        )
    raise web.HTTPSeeOther(f"{receipt_path(token)}?mailed=1")


def outcome(to: str, wait_seconds: int) -> dict[str, Any]:
    """Return the outcome of `post` as JSON; empty where `to` is."""
    if not to:
        return {}
    if wait_seconds:
        return {"mail": "not sent", "mail_retry_after": wait_seconds}
    return {"mail": "on its way"}


def _costs_nothing(receipt: Receipt) -> bool:
    """Whether anyone can have such an order, as often as they like."""
    return receipt.provider == "demo" or (
        receipt.provider == "free" and receipt.total_minor == 0
    )


def _count(request: web.Request, receipt: Receipt, to: str) -> None:
    """Count a mail, once in all: by who asks for it, and by who gets it.

    What was paid for has an allowance of its own, of no total: however many
    mails strangers ask for at no cost, it is there. Raises TooManyMails.
    """
    store = request.app[STORE]
    limits = store.limits
    is_free = receipt.provider == "free" and receipt.total_minor == 0
    limiter = limits.mails if is_free else limits.paid_mails
    limiter.take(
        ("network", client_network(request[ORIGIN].client)),
        ("mailbox", addresses.mailbox_key(to)),
        now=store.clock(),
    )


def _letter(store: Store, receipt: Receipt, to: str, letter_id: str) -> Letter:
    catalog = store.catalog.current
    settings = store.settings
    return Letter(
        letter_id=letter_id,
        to=to,
        receipt=receipt,
        titles=tuple(_title(catalog, line.item_id) for line in receipt.lines),
        # Not what the visitor asked for: mail goes to somebody, perhaps
        # somebody else, and has to lead here.
        base_url=settings.public_url or "",
        store=catalog.shop.name,
        contact=catalog.shop.contact,
        written_at=store.clock(),
    )


def _title(catalog: Catalog, item_id: str) -> str:
    return plain(catalog.title_of(item_id))

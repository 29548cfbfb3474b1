"""What a visitor is told when something is not as they wished.

One table from error types to a status and a sentence. What an error knew
beyond that sentence stays here: a page says what happened and what to do.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from msrv.catalog.live import NotReady
from msrv.catalog.pictures import ArtworkError
from msrv.catalog.previews import NoPreview
from msrv.downloads.places import NoPlaceForAll, NoPlaceForClient
from msrv.ledger.errors import CannotRemember, LinkUsed, SpoolFailed
from msrv.pages import discounts, language
from msrv.pages.errors import (
    BadField,
    CannotBePaid,
    CannotCheck,
    NoSuchShape,
    NothingHere,
    PaymentRefused,
    Refunded,
)
from msrv.pages.guesses import TooMany
from msrv.pages.origin import ForeignHost, ForeignOrigin
from msrv.payments import errors as payments
from msrv.payments import ordering
from msrv.payments.discounts import DiscountError, UsesUnknown
from msrv.proofs.errors import (
    Forged,
    LinkExpired,
    QuoteExpired,
    TicketExpired,
)
from msrv.storage.model import StorageError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """What is shown: in words, and as members of a JSON answer."""

    status: int
    code: str
    title: str
    sentence: str
    way: tuple[str, str] = ("/catalog", "To the catalog")
    data: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


CART: Final = ("/cart", "To your cart")
_FRONT: Final = ("/", "To the front")

_NO_DOWNLOAD: Final = Notice(
    404,
    "no_such_download",
    "No such download",
    "This address opens nothing. Links break when a line wraps in a mail: "
    "open your receipt and take a fresh one.",
    ("/verify", "Check an address"),
)
_NOT_HERE: Final = Notice(
    404,
    "not_found",
    "Nothing here",
    "There is no page at this address.",
)
_STOCKING: Final = Notice(
    503,
    "stocking",
    "The shelves are being stocked",
    "The store is reading its library. Try again in a moment.",
    ("/", "Try again"),
    headers={"Retry-After": "2"},
)
_AWAY: Final = Notice(
    503,
    "file_away",
    "Not on the shelf right now",
    "Your link is good, but the file behind it can't be read at the moment. "
    "Nothing is lost: try again in a few minutes.",
    ("/verify", "Check your link"),
    headers={"Retry-After": "60"},
)


def _expired(error: LinkExpired) -> Notice:
    return Notice(
        410,
        "expired",
        "This link has expired",
        "Your receipt still works. Open it, and it gives you a fresh link.",
        ("/verify", "I have my receipt"),
        data={"expired_at": error.since},
    )


def _bad_field(error: BadField) -> Notice:
    return Notice(
        400,
        "bad_field",
        "That can't be read",
        f"The field “{error.name}” {error.wanted}.",
        data={"field": error.name},
    )


def _total_changed(error: ordering.TotalChanged) -> Notice:
    return Notice(
        409,
        "total_changed",
        "The price has changed",
        f"It is {language.price(error.total)} now. Nothing was paid: have "
        "another look.",
        CART,
        data={
            "total_minor": error.total.minor,
            "currency": error.total.currency,
        },
    )


def _too_many(error: ordering.TooManyItems) -> Notice:
    return Notice(
        422,
        "too_many_items",
        "That is too much at once",
        f"One order holds up to {ordering.MAX_ITEMS} items; this one has "
        f"{error.count:,}. Whole releases count as one.",
        CART,
        data={"limit": ordering.MAX_ITEMS},
    )


def _twice(error: ordering.ItemTwice) -> Notice:
    return Notice(
        422,
        "item_twice",
        "Once is enough",
        f"“{_short(error.item_id)}” is in the order twice. "
        "A download needs buying only once.",
        CART,
        data={"item_id": _short(error.item_id)},
    )


def _not_for_sale(error: ordering.NotForSale) -> Notice:
    return Notice(
        422,
        "not_for_sale",
        "Not for sale",
        f"This store doesn't offer “{_short(error.item_id)}”. "
        "Nothing was paid.",
        data={"item_id": _short(error.item_id)},
    )


def _mixed(error: ordering.MixedCurrencies) -> Notice:
    return Notice(
        422,
        "mixed_currencies",
        "Two currencies, two payments",
        f"{' and '.join(error.currencies)} can't be paid in one sum. "
        "Pay for them one after the other.",
        CART,
    )


def _out_of_bounds(error: ordering.OutOfBounds) -> Notice:
    least, most = language.price(error.least), language.price(error.most)
    return Notice(
        422,
        "out_of_bounds",
        "Your price, within reason",
        f"For “{_short(error.item_id)}” it is anything from {least} to "
        f"{most}. Nothing was paid.",
        CART,
        data={
            "item_id": _short(error.item_id),
            "minimum_minor": error.least.minor,
            "maximum_minor": error.most.minor,
            "currency": error.least.currency,
        },
    )


def _amount_not_taken(error: payments.AmountNotTaken) -> Notice:
    return Notice(
        422,
        "amount_not_taken",
        "Not that amount",
        f"{language.price(error.total)} is more, or less, than the payment "
        "service takes. Nothing was paid, and your cart is kept.",
        CART,
        data={
            "total_minor": error.total.minor,
            "currency": error.total.currency,
        },
    )


def _no_discount(error: DiscountError) -> Notice:
    resting = isinstance(error, UsesUnknown)
    return Notice(
        503 if resting else 422,
        "ledger_resting" if resting else "no_discount",
        "No discount",
        f"{discounts.sentence(error)} Nothing was paid.",
        CART,
        headers={"Retry-After": "60"} if resting else {},
    )


def _guesses(error: TooMany) -> Notice:
    return Notice(
        429,
        "too_many_guesses",
        "That was a few too many",
        "Too many codes were wrong. Try again in a minute.",
        CART,
        headers={"Retry-After": str(error.wait_seconds)},
    )


def _short(item_id: str) -> str:
    """Keep what a stranger sent from filling the page."""
    return item_id if len(item_id) <= 64 else item_id[:64] + "…"


# The order matters only where one type derives from another.
_TABLE: Final[dict[type[Exception], Notice | Callable[[Any], Notice]]] = {
    Forged: _NO_DOWNLOAD,
    LinkExpired: _expired,
    QuoteExpired: Notice(
        410,
        "quote_expired",
        "That price has lapsed",
        "It held for an hour. Nothing was paid, and your cart is kept.",
        CART,
    ),
    NotReady: _STOCKING,
    StorageError: _AWAY,
    Refunded: Notice(
        410,
        "refunded",
        "This was taken back",
        "It was refunded, and its links ended with that. If you think it "
        "wasn't, tell the store the order number on your receipt.",
    ),
    SpoolFailed: Notice(
        503,
        "till_closed",
        "The till is out of paper",
        "This store can't write down a sale right now, so it takes no money. "
        "Nothing was paid, and your cart is kept: try again in a few minutes.",
        CART,
        headers={"Retry-After": "120"},
    ),
    TicketExpired: Notice(
        410,
        "sign_in_expired",
        "This sign-in link has expired",
        "It was good for ten minutes, or until everyone was signed out. "
        "python -m msrv studio prints another.",
        _FRONT,
    ),
    LinkUsed: Notice(
        410,
        "sign_in_used",
        "This sign-in link was used",
        "It is good once. python -m msrv studio prints another. If it wasn't "
        "you who used it, python -m msrv studio --sign-out ends that.",
        _FRONT,
    ),
    CannotRemember: Notice(
        503,
        "sign_in_closed",
        "The door is stuck",
        "This store can't write down that the link is used, so it lets nobody "
        "in. The link is good still: make room on the disk, and try again.",
        _FRONT,
        headers={"Retry-After": "60"},
    ),
    NoPreview: Notice(
        503,
        "no_preview",
        "No preview right now",
        "This preview can't be made at the moment.",
        headers={"Retry-After": "60"},
    ),
    NoPlaceForAll: Notice(
        503,
        "store_is_full",
        "The store is full",
        "As many downloads are running as this store can serve at once. "
        "Your link is good: try again in a minute.",
        headers={"Retry-After": "60"},
    ),
    NoPlaceForClient: Notice(
        503,
        "enough_at_once",
        "Enough at once",
        "As many downloads are running from your address as one may have. "
        "Your link is good: try again when one of them is done.",
        headers={"Retry-After": "30"},
    ),
    NothingHere: _NOT_HERE,
    ArtworkError: _NOT_HERE,
    BadField: _bad_field,
    ForeignHost: Notice(
        421,
        "foreign_host",
        "Wrong address",
        "This store doesn't answer under that name. If you run it, set "
        "MSRV_PUBLIC_URL to the address your visitors use.",
    ),
    ForeignOrigin: Notice(
        403,
        "foreign_origin",
        "That came from another site",
        "Orders are taken from this store's own pages only.",
        CART,
    ),
    NoSuchShape: Notice(
        406,
        "not_acceptable",
        "Not in that shape",
        "This address answers text/html and application/json.",
    ),
    ordering.EmptyOrder: Notice(
        422,
        "empty_order",
        "Nothing in it",
        "An order needs at least one item.",
    ),
    ordering.TooManyItems: _too_many,
    ordering.ItemTwice: _twice,
    ordering.NotForSale: _not_for_sale,
    ordering.MixedCurrencies: _mixed,
    ordering.TotalChanged: _total_changed,
    ordering.OutOfBounds: _out_of_bounds,
    DiscountError: _no_discount,
    TooMany: _guesses,
    CannotBePaid: Notice(
        503,
        "cannot_be_paid",
        "No till yet",
        "This store has no way to take a payment yet. Your cart is kept.",
        CART,
    ),
    CannotCheck: Notice(
        503,
        "cannot_check",
        "Paid, perhaps",
        "The payment service doesn't answer, so the store can't see yet "
        "whether you have paid. Don't pay again: open this page again in a "
        "minute.",
        ("", "Look again"),
        headers={"Retry-After": "60"},
    ),
    payments.ProviderAway: Notice(
        503,
        "payment_away",
        "The till doesn't answer",
        "The payment service can't be reached right now. Nothing was paid, "
        "and your cart is kept: try again in a few minutes.",
        CART,
        headers={"Retry-After": "120"},
    ),
    payments.AmountNotTaken: _amount_not_taken,
    payments.NoSuchPayment: Notice(
        404,
        "no_such_payment",
        "No such payment",
        "This address is of no payment to this store. If you have just paid, "
        "go back to the page that you paid at, and take its way back.",
        CART,
    ),
    payments.PaidOtherwise: Notice(
        409,
        "paid_otherwise",
        "That is not the price",
        "What was paid is not what was asked, so nothing could be handed "
        "over. The store knows of it, and owes you your money.",
    ),
    payments.NotSigned: Notice(
        400,
        "not_signed",
        "Not signed",
        "Messages about payments are taken from the payment service alone.",
    ),
    payments.InboxFailed: Notice(
        503,
        "not_kept",
        "Say that again later",
        "This message can't be written down right now.",
        headers={"Retry-After": "60"},
    ),
    PaymentRefused: Notice(
        402,
        "payment_refused",
        "Not paid",
        "The payment was not made, and nothing was taken. Your cart is kept.",
        CART,
    ),
}
# What aiohttp raises by itself: code, title, sentence.
_STATUSES: Final = {
    404: (_NOT_HERE.code, _NOT_HERE.title, _NOT_HERE.sentence),
    405: (
        "method_not_allowed",
        "Not like that",
        "This address doesn't do that.",
    ),
    408: (
        "too_slow",
        "That took too long",
        "The rest of this request didn't come. Please try again.",
    ),
    413: (
        "too_large",
        "Too much at once",
        "That was more than this store reads in one go.",
    ),
    415: (
        "not_a_form",
        "Not a form",
        "Send a form: application/x-www-form-urlencoded.",
    ),
}


def notice_of(error: Exception) -> Notice:
    """Say what a visitor is told of an error; any error at all."""
    if isinstance(error, web.HTTPException):
        return _of_status(error)
    for kind, entry in _TABLE.items():
        if isinstance(error, kind):
            return entry if isinstance(entry, Notice) else entry(error)
    return _unforeseen(error)


def _of_status(error: web.HTTPException) -> Notice:
    code, title, sentence = _STATUSES.get(
        error.status,
        ("refused", "Refused", "This request can't be answered."),
    )
    headers = {}
    if isinstance(error, web.HTTPMethodNotAllowed):
        headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    return Notice(error.status, code, title, sentence, headers=headers)


def _unforeseen(error: Exception) -> Notice:
    """Log what nobody thought of, under a number that the visitor sees."""
    incident = secrets.token_hex(4)
    log.error(
        "incident %s: %s",
        incident,
        type(error).__name__,
        exc_info=error,
        extra={"fields": {"incident": incident}},
    )
    return Notice(
        500,
        "incident",
        "Our fault",
        "Something in this store went wrong. If it stays "
        f"so, tell the store this number: {incident}.",
        ("/", "To the front"),
        data={"incident": incident},
    )

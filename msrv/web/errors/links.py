"""Of links and receipts, and the bytes that they lead to."""

from typing import Final

from msrv.catalog.previews import NoPreview
from msrv.downloads.concurrency_limit import (
    ClientLimitReached,
    StoreLimitReached,
)
from msrv.proofs.errors import Forged, LinkExpired
from msrv.storage.model import StorageError
from msrv.web.errors.exceptions import Refunded
from msrv.web.errors.notice import Notice, Table


def _expired(error: LinkExpired) -> Notice:
    return Notice(
        410,
        "expired",
        "This link has expired",
        "Your receipt still works. Open it, and it gives you a fresh link.",
        ("/verify", "I have my receipt"),
        data={"expired_at": error.since},
    )


TABLE: Final[Table] = {
    Forged: Notice(
        404,
        "no_such_download",
        "No such download",
        "This address opens nothing. Links break when a line wraps in a mail: "
        "open your receipt and take a fresh one.",
        ("/verify", "Check an address"),
    ),
    LinkExpired: _expired,
    Refunded: Notice(
        410,
        "refunded",
        "This was taken back",
        "It was refunded, and its links ended with that. If you think it "
        "wasn't, tell the store the order number on your receipt.",
    ),
    StorageError: Notice(
        503,
        "file_away",
        "Not on the shelf right now",
        "Your link is good, but the file behind it can't be read at the "
        "moment. Nothing is lost: try again in a few minutes.",
        ("/verify", "Check your link"),
        headers={"Retry-After": "60"},
    ),
    NoPreview: Notice(
        503,
        "no_preview",
        "No preview right now",
        "This preview can't be made at the moment.",
        headers={"Retry-After": "60"},
    ),
    StoreLimitReached: Notice(
        503,
        "store_is_full",
        "The store is full",
        "As many downloads are running as this store can serve at once. "
        "Your link is good: try again in a minute.",
        headers={"Retry-After": "60"},
    ),
    ClientLimitReached: Notice(
        503,
        "enough_at_once",
        "Enough at once",
        "As many downloads are running from your address as one may have. "
        "Your link is good: try again when one of them is done.",
        headers={"Retry-After": "30"},
    ),
}

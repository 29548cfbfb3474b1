# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages for addresses, requests and download links."""

from dataclasses import replace
from typing import Final

from aiohttp import web

from msrv.catalog.encodings.item_formats import FormatNotReady, UnknownFormat
from msrv.catalog.live_catalog import NotReady
from msrv.catalog.metadata.cover_images import CoverError
from msrv.catalog.previews import NoPreview
from msrv.downloads.concurrency_limit import (
    ClientLimitReached,
    StoreLimitReached,
)
from msrv.orders.errors import DownloadsEnded
from msrv.proofs.errors import Forged
from msrv.proofs.links import LinkExpired
from msrv.storage.model import StorageError
from msrv.translations import gettext, gettext_noop
from msrv.web.errors import (
    CART,
    ErrorPage,
    FormTooLarge,
    InvalidField,
    NotAcceptable,
    NotFound,
    Table,
    UnsupportedForm,
)
from msrv.web.forms import MAX_BYTES, MAX_FIELDS, MEDIA_TYPE
from msrv.web.origin import ForeignHost, ForeignOrigin

_MAX_NAME: Final = 32
_NOT_FOUND: Final = ErrorPage(
    404,
    "not_found",
    gettext_noop("Page not found"),
    gettext_noop("There is no page at this address."),
)
_TOO_LARGE: Final = ErrorPage(
    413,
    "too_large",
    gettext_noop("Request too large"),
    gettext_noop(
        "A form can have up to %(size)s KiB and %(fields)s fields. "
        "Please send less at once."
    ),
    values={"size": MAX_BYTES // 1024, "fields": MAX_FIELDS},
)
_NOT_A_FORM: Final = ErrorPage(
    415,
    "not_a_form",
    gettext_noop("Unsupported request format"),
    gettext_noop(
        "Please send a form as %(format)s, in UTF-8 and uncompressed."
    ),
    values={"format": MEDIA_TYPE},
    # RFC 9110, section 15.5.16: the accepted format.
    headers={
        "Accept": MEDIA_TYPE,
        "Accept-Post": MEDIA_TYPE,
        "Accept-Encoding": "identity",
    },
)


def _invalid_field(error: InvalidField) -> ErrorPage:
    return ErrorPage(
        400,
        "bad_field",
        gettext("Please check your entry"),
        # Translators: the requirement is like “must be a number”.
        gettext(
            "“%(field)s” %(requirement)s.",
            field=error.name,
            requirement=error.requirement,
        ),
        data={"field": error.name},
    )


def _link_expired(error: LinkExpired) -> ErrorPage:
    return ErrorPage(
        410,
        "expired",
        gettext("This link has expired"),
        gettext(
            "Your receipt still works. Open it to get a new download link."
        ),
        ("/verify", gettext_noop("Open your receipt")),
        data={"expired_at": error.since},
    )


def _unknown_format(error: UnknownFormat) -> ErrorPage:
    return ErrorPage(
        404,
        "unknown_format",
        gettext("No such format"),
        gettext(
            "This download doesn't exist in that format. Open your receipt "
            "to choose another."
        ),
        ("/verify", gettext_noop("Open your receipt")),
        data={"format": error.name[:_MAX_NAME]},
    )


def _format_not_ready(error: FormatNotReady) -> ErrorPage:
    return ErrorPage(
        409,
        "format_not_ready",
        gettext("This format isn't ready yet"),
        gettext(
            "It is still being made from the original. Please try again "
            "later, or download the original."
        ),
        ("/verify", gettext_noop("Open your receipt")),
        retry_after_seconds=60,
        data={"format": error.name},
    )


TABLE: Final[Table] = {
    # Requests that any page may refuse.
    NotReady: ErrorPage(
        503,
        "stocking",
        gettext_noop("The store is starting up"),
        gettext_noop(
            "The store is reading its library. Please try again in a moment."
        ),
        ("/", gettext_noop("Try again")),
        retry_after_seconds=2,
    ),
    NotFound: _NOT_FOUND,
    CoverError: _NOT_FOUND,
    InvalidField: _invalid_field,
    FormTooLarge: _TOO_LARGE,
    UnsupportedForm: _NOT_A_FORM,
    ForeignHost: ErrorPage(
        421,
        "foreign_host",
        gettext_noop("Unknown host name"),
        gettext_noop(
            "This store isn't available under this host name. If you run it, "
            "set MSRV_PUBLIC_URL to the address that your visitors use."
        ),
    ),
    ForeignOrigin: ErrorPage(
        403,
        "foreign_origin",
        gettext_noop("Request from another site"),
        gettext_noop(
            "This request came from another website, so nothing was changed. "
            "Please open your cart in this store and try again."
        ),
        CART,
    ),
    NotAcceptable: ErrorPage(
        406,
        "not_acceptable",
        gettext_noop("Format not available"),
        gettext_noop(
            "This address is available as text/html and application/json."
        ),
    ),
    # Download links, receipts, and the files behind them.
    UnknownFormat: _unknown_format,
    FormatNotReady: _format_not_ready,
    Forged: ErrorPage(
        404,
        "no_such_download",
        gettext_noop("No such download"),
        gettext_noop(
            "This link isn't valid. Links can break when a line wraps in an "
            "email; please open your receipt to get a new one."
        ),
        ("/verify", gettext_noop("Check a link")),
    ),
    LinkExpired: _link_expired,
    DownloadsEnded: ErrorPage(
        410,
        "refunded",
        gettext_noop("The downloads of this purchase have ended"),
        gettext_noop(
            "This purchase was refunded or withdrawn, so its download links "
            "no longer work. If you think this is a mistake, please send the "
            "store the order number on your receipt."
        ),
    ),
    StorageError: ErrorPage(
        503,
        "file_away",
        gettext_noop("This file is temporarily unavailable"),
        gettext_noop(
            "Your link is valid, but the store can't read the file at the "
            "moment. Please try again in a few minutes."
        ),
        ("/verify", gettext_noop("Check your link")),
        retry_after_seconds=60,
    ),
    NoPreview: ErrorPage(
        503,
        "no_preview",
        gettext_noop("Preview unavailable"),
        gettext_noop(
            "This preview is temporarily unavailable. Please try again later."
        ),
        retry_after_seconds=60,
    ),
    StoreLimitReached: ErrorPage(
        503,
        "store_is_full",
        gettext_noop("The store is busy"),
        gettext_noop(
            "The store is serving as many downloads as it can. Your link is "
            "valid; please try again in a minute."
        ),
        ("", gettext_noop("Try again")),
        retry_after_seconds=60,
    ),
    ClientLimitReached: ErrorPage(
        503,
        "enough_at_once",
        gettext_noop("Too many downloads at once"),
        gettext_noop(
            "Your network has reached the limit of simultaneous downloads. "
            "Your link is valid; please try again when one of them has "
            "finished."
        ),
        ("", gettext_noop("Try again")),
        retry_after_seconds=30,
    ),
}
STATUSES: Final = {
    each.status: each
    for each in (
        _NOT_FOUND,
        ErrorPage(
            405,
            "method_not_allowed",
            gettext_noop("Method not allowed"),
            gettext_noop("This address doesn't support this request method."),
        ),
        ErrorPage(
            408,
            "too_slow",
            gettext_noop("Request timed out"),
            gettext_noop(
                "The rest of this request didn't arrive in time. Please try "
                "again."
            ),
        ),
        _TOO_LARGE,
        _NOT_A_FORM,
    )
}
"""The pages for the statuses that aiohttp raises."""


def page_of_status(error: web.HTTPException) -> ErrorPage:
    """Return the page for a status that aiohttp raised."""
    known = STATUSES.get(error.status) or ErrorPage(
        error.status,
        "refused",
        gettext_noop("Request refused"),
        gettext_noop("The store can't process this request."),
    )
    known = known.translated()
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return replace(known, headers={"Allow": allowed})
    return known

"""Of requests that any page may refuse, whatever they ask for."""

from dataclasses import replace
from typing import Final

from aiohttp import web

from msrv.catalog.live import NotReady
from msrv.catalog.metadata.cover_images import ArtworkError
from msrv.web.errors.exceptions import (
    BadField,
    FormTooLarge,
    NoSuchShape,
    NothingHere,
    UnsupportedForm,
)
from msrv.web.errors.notice import CART, Notice, Table
from msrv.web.forms import MAX_BYTES, MAX_FIELDS, MEDIA_TYPE
from msrv.web.origin import ForeignHost, ForeignOrigin

_NOT_HERE: Final = Notice(
    404,
    "not_found",
    "Nothing here",
    "There is no page at this address.",
)


_TOO_LARGE: Final = Notice(
    413,
    "too_large",
    "This request is too large",
    f"A form may have {MAX_BYTES // 1024} KiB and {MAX_FIELDS} fields at "
    "most. Send less at once.",
)
_NOT_A_FORM: Final = Notice(
    415,
    "not_a_form",
    "Not a form",
    f"Send a form: {MEDIA_TYPE}, in UTF-8 and not compressed.",
    # RFC 9110, section 15.5.16: what would be read.
    headers={
        "Accept": MEDIA_TYPE,
        "Accept-Post": MEDIA_TYPE,
        "Accept-Encoding": "identity",
    },
)


def _bad_field(error: BadField) -> Notice:
    return Notice(
        400,
        "bad_field",
        "That can't be read",
        f"The field “{error.name}” {error.wanted}.",
        data={"field": error.name},
    )


TABLE: Final[Table] = {
    NotReady: Notice(
        503,
        "stocking",
        "The shelves are being stocked",
        "The store is reading its library. Try again in a moment.",
        ("/", "Try again"),
        headers={"Retry-After": "2"},
    ),
    NothingHere: _NOT_HERE,
    ArtworkError: _NOT_HERE,
    BadField: _bad_field,
    FormTooLarge: _TOO_LARGE,
    UnsupportedForm: _NOT_A_FORM,
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
        "Orders are taken from this store's own pages only. Nothing was "
        "changed: open your cart here, and try again.",
        CART,
    ),
    NoSuchShape: Notice(
        406,
        "not_acceptable",
        "Not in that shape",
        "This address answers text/html and application/json.",
    ),
}
STATUSES: Final = {
    each.status: each
    for each in (
        _NOT_HERE,
        Notice(
            405,
            "method_not_allowed",
            "Method not allowed",
            "This address doesn't take requests of that kind.",
        ),
        Notice(
            408,
            "too_slow",
            "That took too long",
            "The rest of this request didn't come. Please try again.",
        ),
        _TOO_LARGE,
        _NOT_A_FORM,
    )
}
"""What aiohttp raises by itself."""


def of_status(error: web.HTTPException) -> Notice:
    """Say what is told of a status that comes without any words of ours."""
    known = STATUSES.get(error.status) or Notice(
        error.status, "refused", "Refused", "This request can't be answered."
    )
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return replace(known, headers={"Allow": allowed})
    return known

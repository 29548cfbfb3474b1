# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of invoices: the page of an order's documents, and their PDFs.

Whoever has the receipt, or the bill of a gift, can open them. What a buyer
types there is in the PDF alone, and stored nowhere.
"""

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from msrv.display_text import clean_line
from msrv.ledger.errors import DatabaseError
from msrv.ledger.invoices.documents import NumberedDocument
from msrv.orders.invoices.errors import (
    InvoicesOff,
    InvoiceUnreadable,
    InvoiceWaits,
)
from msrv.proofs import receipts
from msrv.proofs.gifts import bills
from msrv.proofs.receipts import Receipt
from msrv.rate_limit import client_network
from msrv.translations import gettext
from msrv.web.errors import InvalidField, InvoiceUnavailable, NotFound
from msrv.web.errors.fields import (
    ADDRESS,
    NAME,
    NO_ERRORS,
    VAT_ID,
    FieldErrors,
)
from msrv.web.forms import read_form
from msrv.web.invoices.factur_x import NOBODY, BuyerDetails
from msrv.web.invoices.printed_invoice import document_title
from msrv.web.invoices.responses import (
    document_json,
    is_in_english,
    pdf_response,
)
from msrv.web.rendering import PRIVATE, respond, wants_json
from msrv.web.store import ORIGIN, STORE

_DOCUMENT: Final = "document"
_MAX_NAME: Final = 100
_MAX_LINES: Final = 5
_VAT_ID: Final = re.compile(r"[A-Z]{2}[A-Z0-9+*]{2,13}")


async def show(request: web.Request) -> web.Response:
    """Return the page of an order's invoice and credit notes.

    Raises Forged, InvoiceUnavailable, and NotFound for an order without one.
    """
    return _page(request, await _documents(request))


async def submit(request: web.Request) -> web.Response:
    """Return the PDF of a `document`, with `name`, `address` and `vat_id`.

    422 with errors of these fields. Raises Forged, InvoiceUnavailable,
    NotFound, PackageMissing, TooManyInvoices.
    """
    documents = await _documents(request)
    form = await read_form(request)
    document = _at(documents, form.get(_DOCUMENT, "0"))
    try:
        buyer = _read_buyer(form)
    except InvalidField as error:
        errors = FieldErrors.of(error, form)
        if errors is None or wants_json(request):
            raise
        return _page(request, documents, errors=errors, status=422)
    return await _pdf(request, document, buyer)


async def download(request: web.Request) -> web.Response:
    """Return the PDF of the document at a position, as it is for everyone.

    Raises as `submit` does.
    """
    documents = await _documents(request)
    document = _at(documents, request.match_info["position"])
    return await _pdf(request, document, NOBODY)


async def _pdf(
    request: web.Request, document: NumberedDocument, buyer: BuyerDetails
) -> web.Response:
    store = request.app[STORE]
    store.limits.invoices.acquire(
        client_network(request[ORIGIN].client), now=store.clock()
    )
    return await pdf_response(document, buyer)


def _receipt(request: web.Request) -> Receipt:
    """Return the receipt of a path, or that of its bill. Raises Forged."""
    keyring, info = request.app[STORE].keyring, request.match_info
    if "bill" in info:
        return bills.read(keyring, info["bill"]).receipt
    return receipts.read(keyring, info["receipt"])


async def _documents(request: web.Request) -> tuple[NumberedDocument, ...]:
    """Return the documents of the path's order.

    Raises Forged, InvoiceUnavailable, NotFound.
    """
    invoices, receipt = request.app[STORE].invoices, _receipt(request)
    if not invoices.may_have_documents(receipt):
        raise NotFound
    try:
        return await invoices.documents(receipt.order_id)
    except InvoicesOff as error:
        raise NotFound from error
    except InvoiceWaits as error:
        if not invoices.has_invoice(receipt):
            raise NotFound from error
        raise InvoiceUnavailable from error
    except (DatabaseError, InvoiceUnreadable) as error:
        raise InvoiceUnavailable from error


def _at(
    documents: tuple[NumberedDocument, ...], position: str
) -> NumberedDocument:
    """Return the document at a position. Raises NotFound."""
    for each in documents:
        if str(each.document.position) == position:
            return each
    raise NotFound


def _read_buyer(form: Mapping[str, str]) -> BuyerDetails:
    """Return what a buyer typed about themselves. Raises InvalidField."""
    name = clean_line(form.get(NAME, ""), _MAX_NAME + 1)
    if len(name) > _MAX_NAME:
        raise InvalidField(
            NAME,
            gettext("must have at most %(most)s characters", most=_MAX_NAME),
        )
    typed = form.get(ADDRESS, "").splitlines()
    lines = [clean_line(line, _MAX_NAME + 1) for line in typed[:100]]
    address = tuple(line for line in lines if line)
    if len(address) > _MAX_LINES or any(
        len(line) > _MAX_NAME for line in address
    ):
        raise InvalidField(
            ADDRESS,
            gettext(
                "must have at most %(lines)s lines of %(most)s characters",
                lines=_MAX_LINES,
                most=_MAX_NAME,
            ),
        )
    vat_id = "".join(form.get(VAT_ID, "").split()).upper()
    if vat_id and not _VAT_ID.fullmatch(vat_id):
        raise InvalidField(
            VAT_ID, gettext("must be a VAT number like DE123456789")
        )
    return BuyerDetails(name, address, vat_id)


def _page(
    request: web.Request,
    documents: tuple[NumberedDocument, ...],
    *,
    errors: FieldErrors = NO_ERRORS,
    status: int = 200,
) -> web.Response:
    path = request.rel_url.raw_path
    base = request[ORIGIN].base_url
    return respond(
        request,
        "invoice.html",
        {
            "order_id": documents[0].document.order_id,
            "documents": [
                document_json(each, f"{base}{path}s/{each.document.position}")
                for each in documents
            ],
        },
        status=status,
        cache_control=PRIVATE,
        documents=[
            (each.document, document_title(each)) for each in documents
        ],
        order_id=documents[0].document.order_id,
        is_in_english=is_in_english(),
        back=path.rpartition("/")[0],
        errors=errors,
    )

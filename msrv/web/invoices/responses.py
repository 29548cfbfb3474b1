# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Responses with invoices, for buyers and for the studio alike."""

import asyncio
from typing import Any, Final

from aiohttp import web

from msrv.ledger.invoices.documents import NumberedDocument, TaxBasis
from msrv.settings.optional_packages import require_packages
from msrv.translations import Language, current_language, language_set_to
from msrv.translations.catalogs import SOURCE
from msrv.web.invoices.factur_x import BuyerDetails, factur_x
from msrv.web.invoices.invoice_pdf import invoice_pdf
from msrv.web.invoices.printed_invoice import printed_invoice
from msrv.web.rendering import PRIVATE

_NOT_IN_FONT: Final = frozenset({"ja"})
"""Languages whose letters the font of PDFs lacks: these are in English."""


async def pdf_response(
    document: NumberedDocument, buyer: BuyerDetails
) -> web.Response:
    """Return the response with a document's PDF. Raises PackageMissing."""
    require_packages("pdf", "Writing a PDF")
    body = await asyncio.to_thread(document_pdf, document, buyer)
    return web.Response(
        body=body,
        content_type="application/pdf",
        headers={
            "Content-Disposition": (
                f'attachment; filename="{file_name(document)}"'
            ),
            "Cache-Control": PRIVATE,
        },
    )


def document_pdf(document: NumberedDocument, buyer: BuyerDetails) -> bytes:
    """Return a document's PDF in the current language.

    Blocks for a fraction of a second. Raises PackageMissing.
    """
    language = current_language()
    if is_in_english():
        language = Language(SOURCE, SOURCE)
    with language_set_to(language):
        printed = printed_invoice(document, buyer)
    return invoice_pdf(printed, factur_x(document, buyer))


def is_in_english() -> bool:
    """Return whether PDFs are in English, for want of letters in their font.

    In the current language.
    """
    return current_language().texts in _NOT_IN_FONT


def file_name(document: NumberedDocument) -> str:
    """Return the name of a document's file, like `INV-2026-00017.pdf`."""
    return f"{document.name}.pdf"


def document_json(document: NumberedDocument, address: str) -> dict[str, Any]:
    """Return a document for JSON, with the address of its PDF."""
    content = document.document
    is_known = content.basis is not TaxBasis.UNKNOWN
    return {
        "number": document.name,
        "kind": content.kind,
        "order_id": content.order_id,
        "issued_at": content.issued_at,
        "sold_at": content.sold_at,
        "currency": content.currency,
        "gross_minor": content.gross_minor,
        "net_minor": content.net_minor if is_known else None,
        "tax_minor": content.tax_minor if is_known else None,
        "rate_basis_points": content.rate_bp,
        "country": content.country or None,
        "corrects": content.corrects or None,
        "pdf": address,
    }

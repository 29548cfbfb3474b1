# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Evidence for a dispute as a PDF, in English: banks everywhere read it.

Apart from `evidence`: the package that writes PDFs is optional.
"""

import asyncio

from aiohttp import web

from msrv.settings.optional_packages import require_packages
from msrv.translations import language_set_to
from msrv.translations.negotiation import parse_language
from msrv.web.pdf.document import PdfSection, pdf_document
from msrv.web.rendering import PRIVATE
from msrv.web.studio import page
from msrv.web.studio.order.evidence import read_evidence


async def show(request: web.Request) -> web.Response:
    """Send the evidence of an order as a PDF.

    The same facts lead to the same bytes. Raises DatabaseError, NotFound,
    and PackageMissing where the extra `pdf` isn't installed.
    """
    require_packages("pdf", "Writing a PDF")
    with language_set_to(parse_language("en")):
        evidence = await read_evidence(request)
    body = await asyncio.to_thread(
        pdf_document,
        evidence.title,
        evidence.store,
        [
            PdfSection(each.title, each.facts, "" if each.facts else each.none)
            for each in evidence.sections
        ],
        evidence.at,
    )
    order_id = page.read_order_id(request)
    return web.Response(
        body=body,
        content_type="application/pdf",
        headers={
            "Content-Disposition": (
                f'attachment; filename="evidence-{order_id}.pdf"'
            ),
            "Cache-Control": PRIVATE,
        },
    )

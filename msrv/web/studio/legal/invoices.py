# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Invoices in the studio: of an order, and of a month for the accountant.

A month's PDFs are one ZIP, streamed: one of them is in memory at a time.
"""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from aiohttp import web

from msrv.ledger.invoices.documents import NumberedDocument
from msrv.ledger.invoices.queries import (
    PAGE,
    DocumentKey,
    document_key,
    list_documents,
)
from msrv.orders.invoices.errors import InvoicesOff, InvoiceWaits
from msrv.settings.optional_packages import require_packages
from msrv.translations import gettext
from msrv.web.errors import InvalidField, InvoiceUnavailable, NotFound
from msrv.web.formatting import month
from msrv.web.invoices.factur_x import NOBODY
from msrv.web.invoices.printed_invoice import document_title
from msrv.web.invoices.responses import (
    document_json,
    document_pdf,
    file_name,
    pdf_response,
)
from msrv.web.rendering import PRIVATE
from msrv.web.store import ORIGIN, STORE
from msrv.web.studio import activity, csv_export, page

COLUMNS = (
    "number",
    "kind",
    "date_utc",
    "supply_date_utc",
    "order",
    "corrects",
    "country",
    "currency",
    "net_minor",
    "tax_minor",
    "rate_basis_points",
    "gross_minor",
    "gross",
)
_MONTHS = 24


async def show_pdf(request: web.Request) -> web.Response:
    """Send the PDF of an order's document; its invoice is made if need be.

    Raises DatabaseError, InvoiceUnavailable, NotFound, PackageMissing.
    """
    order_id = page.read_order_id(request)
    try:
        documents = await request.app[STORE].invoices.documents(order_id)
    except InvoicesOff as error:
        raise NotFound from error
    except InvoiceWaits as error:
        raise InvoiceUnavailable from error
    position = request.match_info["position"]
    for each in documents:
        if str(each.document.position) == position:
            return await pdf_response(each, NOBODY)
    raise NotFound


async def show_month(request: web.Request) -> web.Response:
    """Show the documents of a month, oldest first, a page at a time.

    Raises DatabaseError, InvalidField.
    """
    name, since, before = _read_month(request)
    after = _read_after(request)
    async with page.read_transaction(request) as connection:
        found = await list_documents(
            connection, since=since, before=before, after=after, most=PAGE + 1
        )
    base = request[ORIGIN].base_url
    shown = found[:PAGE]
    following = None
    if len(found) > PAGE:
        key = ".".join(map(str, document_key(shown[-1])))
        following = f"/studio/invoices?period={name}&after={key}"
    return page.render(
        request,
        "invoices.html",
        {
            "period": name,
            "documents": [
                document_json(each, base + _pdf_path(each)) for each in shown
            ],
            "next": following,
        },
        period=name,
        months=[(each, month(each)) for each in _months(request)],
        title=month(name),
        documents=[
            (each.document, document_title(each), _pdf_path(each))
            for each in shown
        ],
        following=following,
    )


async def send_csv(request: web.Request) -> web.StreamResponse:
    """Send the documents of a month as CSV. Raises as `show_month` does."""
    name, since, before = _read_month(request)
    rows = _batches(request, since, before)
    first = await _first_batch(rows)
    response = await csv_export.start(request, f"invoices-{name}.csv")
    if request.method == "HEAD":
        return response
    await activity.record(request, "export-invoices", name)
    await response.write(csv_export.lines([COLUMNS]))
    await response.write(csv_export.lines(map(_row, first)))
    async for batch in rows:
        await response.write(csv_export.lines(map(_row, batch)))
    await response.write_eof()
    return response


async def send_zip(request: web.Request) -> web.StreamResponse:
    """Send the PDFs of a month as a ZIP.

    If the database fails on the way, the connection is closed early, so that
    the client sees an incomplete file. Raises DatabaseError, InvalidField,
    PackageMissing.
    """
    require_packages("pdf", "Writing a PDF")
    name, since, before = _read_month(request)
    batches = _batches(request, since, before)
    first = await _first_batch(batches)
    response = web.StreamResponse(
        headers={
            "Content-Type": "application/zip",
            "Content-Disposition": (
                f'attachment; filename="invoices-{name}.zip"'
            ),
            "Cache-Control": PRIVATE,
        }
    )
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    await activity.record(request, "export-invoices", name)
    out = _Output()
    with zipfile.ZipFile(out, "w") as archive:
        async for document in _flattened(first, batches):
            pdf = await asyncio.to_thread(document_pdf, document, NOBODY)
            archive.writestr(_member(document), pdf)
            await response.write(out.drain())
    await response.write(out.drain())
    await response.write_eof()
    return response


class _Output(io.RawIOBase):
    """Output of a ZIP that can't be sought, and is taken as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        content = bytes(memoryview(data))  # type: ignore[arg-type]
        self._held += content
        return len(content)

    def drain(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held


def _member(document: NumberedDocument) -> zipfile.ZipInfo:
    """Return the name of a PDF in the ZIP, with the document's date."""
    at = datetime.fromtimestamp(document.document.issued_at, UTC)
    return zipfile.ZipInfo(
        file_name(document), (max(at.year, 1980), *at.timetuple()[1:6])
    )


async def _flattened(
    first: tuple[NumberedDocument, ...],
    batches: AsyncIterator[tuple[NumberedDocument, ...]],
) -> AsyncIterator[NumberedDocument]:
    for each in first:
        yield each
    async for batch in batches:
        for each in batch:
            yield each


async def _batches(
    request: web.Request, since: int, before: int
) -> AsyncIterator[tuple[NumberedDocument, ...]]:
    """Yield the documents of a span, a transaction for each batch."""
    after: DocumentKey | None = None
    while True:
        async with page.read_transaction(request) as connection:
            found = await list_documents(
                connection, since=since, before=before, after=after
            )
        if found:
            yield found
        if len(found) < PAGE:
            return
        after = document_key(found[-1])


async def _first_batch(
    batches: AsyncIterator[tuple[NumberedDocument, ...]],
) -> tuple[NumberedDocument, ...]:
    """Return the first batch, empty if there is none.

    Before a response starts, so that a database that is away is a 503.
    """
    try:
        return await anext(batches)
    except StopAsyncIteration:
        return ()


def _pdf_path(document: NumberedDocument) -> str:
    content = document.document
    return f"/studio/orders/{content.order_id}/invoices/{content.position}"


def _row(document: NumberedDocument) -> tuple[str | int, ...]:
    data = document_json(document, "")
    sign = document.document.sign

    def amount(name: str) -> int | str:
        return "" if data[name] is None else sign * data[name]

    gross = csv_export.decimal(data["gross_minor"], data["currency"])
    return (
        data["number"],
        data["kind"],
        _day(data["issued_at"]),
        _day(data["sold_at"]),
        data["order_id"],
        data["corrects"] or "",
        data["country"] or "",
        data["currency"],
        amount("net_minor"),
        amount("tax_minor"),
        "" if data["rate_basis_points"] is None else data["rate_basis_points"],
        amount("gross_minor"),
        f"-{gross}" if sign < 0 else gross,
    )


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _read_month(request: web.Request) -> tuple[str, int, int]:
    """Return `period`, by default this month, and the span that it is.

    Raises InvalidField.
    """
    text = request.query.get("period", "").strip() or _months(request)[0]
    if not page.is_month(text):
        raise InvalidField("period", gettext("must be a month like 2026-03"))
    year, number = int(text[:4]), int(text[5:])
    first = datetime(year, number, 1, tzinfo=UTC)
    last = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return text, int(first.timestamp()), int(last.timestamp())


def _months(request: web.Request) -> list[str]:
    """Return the last two years' months, this one first."""
    now = datetime.fromtimestamp(request.app[STORE].clock(), UTC)
    count = now.year * 12 + now.month - 1
    return [
        f"{each // 12:04d}-{each % 12 + 1:02d}"
        for each in range(count, count - _MONTHS, -1)
    ]


def _read_after(request: web.Request) -> DocumentKey | None:
    """Return the key after which a page begins. Raises InvalidField."""
    text = request.query.get("after", "")
    if not text:
        return None
    at, _, rest = text.partition(".")
    series, _, number = rest.rpartition(".")
    if not (page.is_number(at) and page.is_number(number)):
        raise InvalidField("after", gettext("must be from a link"))
    return int(at), series, int(number)

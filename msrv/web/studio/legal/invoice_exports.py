# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Invoices of a month as files for the accountant: CSV, and PDFs as a ZIP.

The ZIP is streamed: one PDF is in memory at a time.
"""

import asyncio
import io
import logging
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from aiohttp import web

from msrv.ledger.invoices.documents import (
    ListedDocument,
    NumberedDocument,
    UnreadableDocument,
)
from msrv.ledger.invoices.queries import (
    PAGE,
    DocumentKey,
    document_key,
    list_documents,
)
from msrv.settings.optional_packages import require_packages
from msrv.web.invoices.factur_x import NOBODY
from msrv.web.invoices.responses import (
    document_json,
    document_pdf,
    file_name,
)
from msrv.web.rendering import PRIVATE
from msrv.web.studio import activity, csv_export, page
from msrv.web.studio.legal.invoices import read_month

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
_UNREADABLE = (
    b"This document can't be read or printed by this version of the store. "
    b"The store's log and its database have more.\n"
)

log = logging.getLogger(__name__)


async def send_csv(request: web.Request) -> web.StreamResponse:
    """Send the documents of a month as CSV. Raises as `send_zip` does."""
    name, since, before = read_month(request)
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

    In the place of a document that can't be read or printed is a text that
    says so. If the database fails on the way, the connection is closed early,
    so that the client sees an incomplete file. Raises DatabaseError,
    InvalidField, PackageMissing.
    """
    require_packages("pdf", "Writing a PDF")
    name, since, before = read_month(request)
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
            archive.writestr(*await asyncio.to_thread(_member, document))
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


def _member(document: ListedDocument) -> tuple[zipfile.ZipInfo, bytes]:
    """Return a document's entry in the ZIP, with its date, and its content.

    Blocks for a fraction of a second.
    """
    name, content = f"{document.name}.txt", _UNREADABLE
    if isinstance(document, NumberedDocument):
        try:
            content = document_pdf(document, NOBODY)
            name = file_name(document)
        except Exception:
            # One that can't be printed must not end a month's file.
            log.exception("%s can't be printed", document.name)
    at = datetime.fromtimestamp(document.issued_at, UTC)
    entry = zipfile.ZipInfo(name, (max(at.year, 1980), *at.timetuple()[1:6]))
    return entry, content


async def _flattened(
    first: tuple[ListedDocument, ...],
    batches: AsyncIterator[tuple[ListedDocument, ...]],
) -> AsyncIterator[ListedDocument]:
    for each in first:
        yield each
    async for batch in batches:
        for each in batch:
            yield each


async def _batches(
    request: web.Request, since: int, before: int
) -> AsyncIterator[tuple[ListedDocument, ...]]:
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
    batches: AsyncIterator[tuple[ListedDocument, ...]],
) -> tuple[ListedDocument, ...]:
    """Return the first batch, empty if there is none.

    Before a response starts, so that a database that is away is a 503.
    """
    try:
        return await anext(batches)
    except StopAsyncIteration:
        return ()


def _row(document: ListedDocument) -> tuple[str | int, ...]:
    if isinstance(document, UnreadableDocument):
        known = (document.name, "unreadable", _day(document.issued_at), "")
        row = (*known, document.order_id)
        return (*row, *[""] * (len(COLUMNS) - len(row)))
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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Invoices in the studio: of an order, and of a month."""

from datetime import UTC, datetime

from aiohttp import web

from msrv.ledger.invoices.documents import (
    NumberedDocument,
    UnreadableDocument,
)
from msrv.ledger.invoices.queries import (
    PAGE,
    DocumentKey,
    document_key,
    list_documents,
)
from msrv.orders.invoices.errors import (
    InvoicesOff,
    InvoiceUnreadable,
    InvoiceWaits,
)
from msrv.translations import gettext
from msrv.web.errors import InvalidField, InvoiceUnavailable, NotFound
from msrv.web.formatting import month
from msrv.web.invoices.factur_x import NOBODY
from msrv.web.invoices.printed_invoice import document_title
from msrv.web.invoices.responses import (
    document_json,
    pdf_response,
)
from msrv.web.store import ORIGIN, STORE
from msrv.web.studio import page

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
    except (InvoiceUnreadable, InvoiceWaits) as error:
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
    name, since, before = read_month(request)
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
                document_json(each, base + _pdf_path(each))
                for each in shown
                if isinstance(each, NumberedDocument)
            ],
            "unreadable": [
                _unreadable_json(each)
                for each in shown
                if isinstance(each, UnreadableDocument)
            ],
            "next": following,
        },
        period=name,
        months=[(each, month(each)) for each in _months(request)],
        title=month(name),
        documents=[
            (each.document, document_title(each), _pdf_path(each))
            for each in shown
            if isinstance(each, NumberedDocument)
        ],
        unreadable=[
            each for each in shown if isinstance(each, UnreadableDocument)
        ],
        failed=list(request.app[STORE].invoices.failures.reasons)[:PAGE],
        following=following,
    )


def _unreadable_json(document: UnreadableDocument) -> dict[str, str | int]:
    return {
        "number": document.name,
        "order_id": document.order_id,
        "issued_at": document.issued_at,
    }


def _pdf_path(document: NumberedDocument) -> str:
    content = document.document
    return f"/studio/orders/{content.order_id}/invoices/{content.position}"


def read_month(request: web.Request) -> tuple[str, int, int]:
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

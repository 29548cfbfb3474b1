# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""CSV export of orders (RFC 4180), streamed.

One batch of orders is in memory at a time, and a transaction lasts for one
batch.
"""

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from msrv.catalog.model import Catalog
from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import Order, OrderPage
from msrv.money import Money, NotMoney
from msrv.notifications.statements import artist_of
from msrv.taxes.report_data import rate_text
from msrv.taxes.sale_tax import SaleTax, format_evidence
from msrv.web.rendering import PRIVATE
from msrv.web.store import STORE
from msrv.web.studio import activity, page

COLUMNS: Final = (
    "order",
    "date_utc",
    "time_utc",
    "provider",
    "reference",
    "currency",
    "total_minor",
    "total",
    "refunded_minor",
    "refunded",
    "kept_minor",
    "kept",
    "items",
    "item_ids",
    "titles",
    "country",
    "evidence",
    "tax_minor",
    "tax",
    "tax_rate",
    "tax_included",
    "artists",
    "releases",
)
_BATCH: Final = 500
_JOIN: Final = " / "
"""Between the ids and titles of an order; no spreadsheet splits at it."""
# Characters at which a spreadsheet might start a cell, because it expects
# another separator or strips quotes; and those that start a formula, which
# full-width signs do in East Asian versions.
_SEPARATORS: Final = re.compile(
    "[;|\\s\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff]+"
)
_FORMULA: Final = re.compile(
    "(^|[,\"'])([ \"',]*)([=+\\-@\uff1d\uff0b\uff0d\uff20])"
)


async def show(request: web.Request) -> web.StreamResponse:
    """Send the orders of a period, newest first.

    Raises InvalidField, DatabaseError. If the database fails on the way, the
    connection is closed early, so that the client sees an incomplete file.
    """
    since, before = (
        page.read_since(request),
        page.read_before(request),
    )
    currency = page.read_currency(request)
    selection = page.read_order_selection(request)

    async def read_batch(after: order_queries.OrderKey | None) -> OrderPage:
        async with page.read_transaction(
            request, for_report=True
        ) as connection:
            return await order_queries.list_orders(
                connection,
                since=since,
                before=before,
                currency=currency,
                item_ids=selection.item_ids,
                refunded=page.reads_refunded(request),
                after=after,
                most=_BATCH,
            )

    catalog = request.app[STORE].catalog.current
    batch = await read_batch(None)
    response = await start(request, _file_name(request))
    if request.method == "HEAD":
        return response
    days = (request.query.get(name, "").strip() for name in ("from", "to"))
    await activity.record(request, "export-orders", "..".join(days).strip("."))
    await response.write(lines([COLUMNS]))
    while True:
        await response.write(
            lines(_row(each, catalog) for each in batch.orders)
        )
        if batch.after is None:
            break
        batch = await read_batch(batch.after)
    await response.write_eof()
    return response


async def start(request: web.Request, name: str) -> web.StreamResponse:
    """Start the response of a CSV file with a name; its rows follow."""
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8; header=present",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": PRIVATE,
        }
    )
    await response.prepare(request)
    return response


def _file_name(request: web.Request) -> str:
    """Return the file name, with the days that were requested."""
    days = [
        f"-{name}-{request.query[name].strip()}"
        for name in ("from", "to")
        if request.query.get(name, "").strip()
    ]
    return f"orders{''.join(days)}.csv"


def _row(order: Order, catalog: Catalog) -> tuple[str | int, ...]:
    ids = [line.item_id for line in order.lines]
    at = datetime.fromtimestamp(order.sold_at, UTC)
    kept_minor = order.total_minor - order.refunded_minor
    return (
        order.order_id,
        f"{at:%Y-%m-%d}",
        f"{at:%H:%M:%S}",
        text(order.provider),
        text(order.reference),
        order.currency,
        order.total_minor,
        decimal(order.total_minor, order.currency),
        order.refunded_minor,
        decimal(order.refunded_minor, order.currency),
        kept_minor,
        decimal(kept_minor, order.currency),
        len(order.lines),
        _JOIN.join(map(text, ids)),
        _JOIN.join(text(line.title) for line in order.lines),
        *_tax_cells(order),
        _JOIN.join(text(artist_of(catalog, each)) for each in ids),
        _JOIN.join(text(release_title(catalog, each)) for each in ids),
    )


def _tax_cells(order: Order) -> tuple[str | int, ...]:
    """Return the country and the tax; each is empty where it isn't known."""
    tax = order.tax or SaleTax()
    known = tax.tax_minor is not None
    return (
        tax.country,
        text(format_evidence(tax.evidence)),
        tax.tax_minor if tax.tax_minor is not None else "",
        decimal(tax.tax_minor, order.currency)
        if tax.tax_minor is not None
        else "",
        "" if tax.rate_bp is None else rate_text(tax.rate_bp),
        ("yes" if tax.is_included else "no") if known else "",
    )


def release_title(catalog: Catalog, item_id: str) -> str:
    """Return the title of an item's release; empty if it isn't there."""
    entry = catalog.by_id.get(item_id)
    release = catalog.release_of(entry) if entry else None
    return release.title if release else ""


def text(value: str) -> str:
    """Return a text that no spreadsheet evaluates as a formula.

    Titles come from files that other people tagged. An apostrophe marks a
    cell as text; characters that may end a cell (`;`, `|`, tabs, line ends)
    become spaces.
    """
    line = _SEPARATORS.sub(" ", value).strip()
    return _FORMULA.sub(r"\1\2'\3", line)


def decimal(minor: int, currency: str) -> str:
    """Return an amount in major units; empty for an unknown currency."""
    try:
        found = Money(abs(minor), currency).decimal
    except NotMoney:
        return ""
    return f"-{found}" if minor < 0 else found


def lines(rows: Iterable[Iterable[str | int]]) -> bytes:
    """Return rows as CSV. `text` makes a cell safe for a spreadsheet."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(
        rows
    )
    return out.getvalue().encode("utf-8")

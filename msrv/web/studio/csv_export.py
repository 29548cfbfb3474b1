"""Orders as a file for a bookkeeper: CSV (RFC 4180), as it is read.

A page of orders is in memory at a time, and a transaction lasts for a page.
"""

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import Order, OrderPage
from msrv.money import Money, NotMoney
from msrv.web.rendering import PRIVATE
from msrv.web.studio import activity, query_parameters
from msrv.web.studio import page as desk

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
)
_MOST: Final = 500
_JOIN: Final = " / "
"""Between the ids and titles of an order: no separator of any spreadsheet."""
# Where a spreadsheet that takes another separator for the file's, or strips
# quotes, would begin a cell; and what it would run there. Full-width signs
# are formulas in East Asian versions.
_SEPARATORS: Final = re.compile(
    "[;|\\s\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff]+"
)
_FORMULA: Final = re.compile(
    "(^|[,\"'])([ \"',]*)([=+\\-@\uff1d\uff0b\uff0d\uff20])"
)


async def show(request: web.Request) -> web.StreamResponse:
    """Send the orders of a time, newest first.

    Raises InvalidField; DatabaseError. Should the ledger rest on the way, the
    connection ends before the file does: half a file is never taken for one.
    """
    since, before = (
        query_parameters.since(request),
        query_parameters.before(request),
    )
    page = await _page(request, since, before, None)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8; header=present",
            "Content-Disposition": f'attachment; filename="{_name(request)}"',
            "Cache-Control": PRIVATE,
        }
    )
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    days = (request.query.get(name, "").strip() for name in ("from", "to"))
    await activity.record(request, "export-orders", "..".join(days).strip("."))
    await response.write(_lines([COLUMNS]))
    while True:
        await response.write(_lines(_row(each) for each in page.orders))
        if page.after is None:
            break
        page = await _page(request, since, before, page.after)
    await response.write_eof()
    return response


async def _page(
    request: web.Request,
    since: int | None,
    before: int | None,
    after: order_queries.OrderKey | None,
) -> OrderPage:
    async with desk.reading(request) as connection:
        return await order_queries.list_orders(
            connection, since=since, before=before, after=after, most=_MOST
        )


def _name(request: web.Request) -> str:
    """Name the file by its days; they were read as days before this."""
    days = [
        f"-{name}-{request.query[name].strip()}"
        for name in ("from", "to")
        if request.query.get(name, "").strip()
    ]
    return f"orders{''.join(days)}.csv"


def _row(order: Order) -> tuple[str | int, ...]:
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
        _decimal(order.total_minor, order.currency),
        order.refunded_minor,
        _decimal(order.refunded_minor, order.currency),
        kept_minor,
        _decimal(kept_minor, order.currency),
        len(order.lines),
        _JOIN.join(text(line.item_id) for line in order.lines),
        _JOIN.join(text(line.title) for line in order.lines),
    )


def text(value: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    Titles come from files that other people tagged. An apostrophe tells
    spreadsheets that a cell is text; characters that one of them may take
    for the end of a cell (`;`, `|`, tabs, line ends) become spaces.
    """
    line = _SEPARATORS.sub(" ", value).strip()
    return _FORMULA.sub(r"\1\2'\3", line)


def _decimal(minor: int, currency: str) -> str:
    """Write an amount in major units; nothing for an unknown currency."""
    try:
        return Money(minor, currency).decimal
    except NotMoney:
        return ""


def _lines(rows: Iterable[Iterable[str | int]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(
        rows
    )
    return out.getvalue().encode("utf-8")

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""CSV of what each artist sold, by item, currency, and month or quarter.

The artist and the release are those that the library states now: the ledger
has the titles of what was sold, and no artists.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aiohttp import web

from msrv.catalog.model import Catalog
from msrv.ledger.db.reports import item_sales
from msrv.ledger.db.reports.item_sales import ItemSales
from msrv.notifications.statements import artist_of
from msrv.translations import gettext
from msrv.web.errors import InvalidField
from msrv.web.store import STORE
from msrv.web.studio import activity, csv_export, page

COLUMNS: Final = (
    "period",
    "artist",
    "release",
    "item_id",
    "title",
    "currency",
    "sold",
    "sold_minor",
    "revenue",
    "refunded",
    "refunded_minor",
    "refunds",
    "kept_minor",
    "kept",
)
MAX_ROWS: Final = 200_000
"""Rows that are held, and sorted by artist; some 100 bytes each."""
_BATCH: Final = 2000
_MONTHS_OF_QUARTER: Final = 3


class Grouping(StrEnum):
    """Period of a row: a month or a quarter."""

    MONTH = "month"
    QUARTER = "quarter"


@dataclass(slots=True)
class ArtistRow:
    """Sales of an item of an artist in a period, in one currency."""

    period: str
    artist: str
    release: str
    title: str
    sales: ItemSales

    def add(self, more: ItemSales) -> None:
        """Add another month of the same quarter."""
        was = self.sales
        self.sales = ItemSales(
            self.period,
            was.item_id,
            was.currency,
            was.sold + more.sold,
            was.sold_minor + more.sold_minor,
            was.refunded + more.refunded,
            was.refunded_minor + more.refunded_minor,
        )

    @property
    def cells(self) -> tuple[str | int, ...]:
        """The row in the columns of the file."""
        sales, text = self.sales, csv_export.text
        currency = sales.currency
        return (
            self.period,
            text(self.artist),
            text(self.release),
            text(sales.item_id),
            text(self.title),
            currency,
            sales.sold,
            sales.sold_minor,
            csv_export.decimal(sales.sold_minor, currency),
            sales.refunded,
            sales.refunded_minor,
            csv_export.decimal(sales.refunded_minor, currency),
            sales.kept_minor,
            csv_export.decimal(sales.kept_minor, currency),
        )


async def show(request: web.Request) -> web.StreamResponse:
    """Send the sales by artist, from a month to a month, both included.

    Raises InvalidField, DatabaseError. If the database fails on the way, no
    part of the file was sent.
    """
    first, last = _read_month(request, "from"), _read_month(request, "to")
    by = _read_grouping(request)
    catalog = request.app[STORE].catalog.current
    rows: dict[tuple[str, str, str], ArtistRow] = {}
    after = None
    while True:
        async with page.read_transaction(
            request, for_report=True
        ) as connection:
            found = await item_sales.monthly_sales(
                connection,
                first or "0000-00",
                last or "9999-12",
                after=after,
                most=_BATCH,
            )
        for sales, title in found:
            _add(rows, catalog, by, sales, title)
        if len(rows) > MAX_ROWS:
            raise InvalidField(
                "from", gettext("must be later: the period has too many rows")
            )
        if len(found) < _BATCH:
            break
        newest = found[-1][0]
        after = (newest.period, newest.item_id, newest.currency)
    days = "".join(
        f"-{name}-{month}"
        for name, month in (("from", first), ("to", last))
        if month
    )
    response = await csv_export.start(request, f"artists-by-{by}{days}.csv")
    if request.method == "HEAD":
        return response
    await activity.record(request, "export-artists", f"{first}..{last}")
    await response.write(csv_export.lines([COLUMNS]))
    for batch in _batches(rows):
        await response.write(csv_export.lines(each.cells for each in batch))
    await response.write_eof()
    return response


def _add(
    rows: dict[tuple[str, str, str], ArtistRow],
    catalog: Catalog,
    by: Grouping,
    sales: ItemSales,
    title: str,
) -> None:
    period = sales.period
    if by is Grouping.QUARTER:
        number = (int(period[5:]) - 1) // _MONTHS_OF_QUARTER + 1
        period = f"{period[:4]}-Q{number}"
    key = (period, sales.item_id, sales.currency)
    if key in rows:
        rows[key].add(sales)
        return
    entry = catalog.by_id.get(sales.item_id)
    rows[key] = ArtistRow(
        period,
        artist_of(catalog, sales.item_id),
        csv_export.release_title(catalog, sales.item_id),
        entry.title if entry else title,
        sales,
    )


def _batches(
    rows: dict[tuple[str, str, str], ArtistRow],
) -> Iterator[list[ArtistRow]]:
    """Yield the rows by artist, period and title, some at a time."""
    ordered = sorted(
        rows.values(),
        key=lambda each: (
            each.artist.casefold(),
            each.artist,
            each.period,
            each.release.casefold(),
            each.title.casefold(),
            each.sales.item_id,
            each.sales.currency,
        ),
    )
    for at in range(0, len(ordered), _BATCH):
        yield ordered[at : at + _BATCH]


def _read_month(request: web.Request, name: str) -> str:
    """Return a month like `2026-03`, empty for none. Raises InvalidField."""
    text = request.query.get(name, "").strip()
    if text and not page.is_month(text):
        raise InvalidField(name, gettext("must be a month like 2026-03"))
    return text


def _read_grouping(request: web.Request) -> Grouping:
    """Return `by`, by default a month. Raises InvalidField."""
    try:
        return Grouping(request.query.get("by", Grouping.MONTH))
    except ValueError:
        raise InvalidField(
            "by", gettext("must be one of %(names)s", names="month, quarter")
        ) from None

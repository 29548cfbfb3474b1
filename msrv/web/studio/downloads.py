# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads: their numbers over time, and those of some days."""

from dataclasses import asdict, dataclass
from typing import Final

from aiohttp import web

from msrv.ledger.db import report_queries
from msrv.ledger.db.aggregates import day_of
from msrv.ledger.db.reports import download_list
from msrv.ledger.db.reports.download_list import DownloadKey, StartedDownload
from msrv.proofs.orders import is_item_id, is_order_id
from msrv.translations import ngettext
from msrv.translations.dates import format_interval
from msrv.web.formatting import day
from msrv.web.store import STORE
from msrv.web.studio import chart, page

_PAGE: Final = 100
_MAX_VERSION_CHARS: Final = 16
_KEY_DOTS: Final = 3


@dataclass(slots=True)
class DownloadsRow:
    """Downloads of one interval, or their total; both days are included."""

    label: str = ""
    first_day: int = 0
    last_day: int = 0
    begun: int = 0
    completed: int = 0
    delivered_bytes: int = 0

    @property
    def started_url(self) -> str:
        """Address of those that were started."""
        return list_url(self.first_day, self.last_day)

    @property
    def completed_url(self) -> str:
        """Address of those that were completed."""
        return list_url(self.first_day, self.last_day, completed=True)


def list_url(first_day: int, last_day: int, *, completed: bool = False) -> str:
    """Return the address of the downloads of some days, both included."""
    return "/studio/downloads/list" + page.query(
        {
            "from": day(first_day),
            "to": day(last_day),
            "completed": int(completed),
        }
    )


async def show_figures(request: web.Request) -> web.Response:
    """Show downloads over a span. Raises DatabaseError, InvalidField."""
    span = page.read_span(request)
    today = day_of(request.app[STORE].clock())
    async with page.read_transaction(request, for_report=True) as connection:
        days = await report_queries.downloads_by_day(
            connection, chart.first_day(span, today), today
        )
    intervals = chart.intervals(span, today, days[0].day if days else today)
    rows = [
        DownloadsRow(each.label, each.first_day, each.last_day)
        for each in intervals
    ]
    total = DownloadsRow("", intervals[0].first_day, today)
    for one in days:
        at = chart.index_of(intervals, one.day)
        for row in (total, *([] if at is None else [rows[at]])):
            row.begun += one.begun
            row.completed += one.completed
            row.delivered_bytes += one.delivered_bytes
    return page.render(
        request,
        "downloads.html",
        {
            "span": span,
            "first_day": day(intervals[0].first_day),
            "last_day": day(today),
            "total": chart.interval_data(asdict(total)),
            "rows": [chart.interval_data(asdict(row)) for row in rows],
        },
        span=span,
        spans=chart.span_names(),
        rows=rows,
        total=total,
        chart=chart.draw(
            [format_interval(row.label) for row in rows],
            [row.begun for row in rows],
            [row.completed for row in rows],
            lambda count: ngettext(
                "%(num)s download", "%(num)s downloads", count
            ),
            first_addresses=[row.started_url for row in rows],
            second_addresses=[row.completed_url for row in rows],
        ),
    )


async def show_list(request: web.Request) -> web.Response:
    """Show the downloads that were started, or completed, on some days.

    The latest first. Raises DatabaseError, InvalidField.
    """
    completed = bool(request.query.get("completed"))
    today = day_of(request.app[STORE].clock())
    since = page.read_since(request)
    before = page.read_before(request)
    if since is None:
        since = today * page.DAY_SECONDS
    if before is None:
        before = (today + 1) * page.DAY_SECONDS
    after = _read_position(request)
    async with page.read_transaction(request, for_report=True) as connection:
        found = await download_list.list_downloads(
            connection,
            since=since,
            before=before,
            completed=completed,
            after=after,
            most=_PAGE + 1,
        )
    shown, older = found[:_PAGE], None
    first, last = day_of(since), day_of(before - 1)
    newest = list_url(first, last, completed=completed)
    if len(found) > _PAGE:
        key = _key(shown[-1], completed=completed)
        older = f"{newest}&after={'.'.join(map(str, key))}"
    catalog = request.app[STORE].catalog.current
    return page.render(
        request,
        "download_list.html",
        {"downloads": [asdict(each) for each in shown], "older": older},
        downloads=shown,
        titles={
            each.item_id: catalog.title_of(each.item_id) for each in shown
        },
        first=day(first),
        last=day(last),
        completed=completed,
        other=list_url(first, last, completed=not completed),
        older=older,
        newest=None if after is None else newest,
    )


def _key(download: StartedDownload, *, completed: bool) -> DownloadKey:
    at = download.completed_at if completed else download.began_at
    return DownloadKey(
        at or 0, download.order_id, download.item_id, download.version
    )


def _read_position(request: web.Request) -> DownloadKey | None:
    """Return `after`, a position in the list. Raises InvalidField."""
    text = request.query.get("after", "")
    if not text:
        return None
    at, order_id, item_id, version = [*text.split("."), "", "", ""][:4]
    if (
        not page.is_number(at)
        or not is_order_id(order_id)
        or not is_item_id(item_id)
        or not 0 < len(version) <= _MAX_VERSION_CHARS
        or text.count(".") != _KEY_DOTS
    ):
        raise page.invalid_position()
    return DownloadKey(int(at), order_id, item_id, version)

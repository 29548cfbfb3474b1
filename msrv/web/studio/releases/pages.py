# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pages of the releases: their list, and the figures of one."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import starmap
from typing import Any, Final

from aiohttp import web

from msrv.catalog.library.loader import LoadedLibrary
from msrv.catalog.model import Catalog, Item, Release
from msrv.ledger.db.reports import item_sales
from msrv.ledger.db.reports.item_sales import ItemSales
from msrv.translations import gettext
from msrv.web.errors import InvalidField, NotFound
from msrv.web.forms import read_page_number
from msrv.web.store import STORE
from msrv.web.studio import page
from msrv.web.studio.releases import overview
from msrv.web.studio.releases.overview import (
    CurrencySum,
    LibraryState,
    ReleaseState,
)

PAGE: Final = 50
"""Number of releases on a page."""
_MAX_WORDS: Final = 255
_MONTHS: Final = 12
_MAX_OUTSIDE: Final = 20
"""Number of problems that are listed above the releases."""
_STATES: Final = ("", "offered", "hidden", "attention")


@dataclass(frozen=True, slots=True)
class ListedRelease:
    """A release in the list, with its sales in the chosen period."""

    state: ReleaseState
    sums: list[CurrencySum]

    @property
    def data(self) -> dict[str, Any]:
        """The release for JSON."""
        release = self.state.release
        return {
            "release_id": release.release_id,
            "title": release.title,
            "artist": release.artist,
            "state": self.state.state,
            "price_minor": release.price.minor,
            "currency": release.price.currency,
            "sales": [asdict(each) for each in self.sums],
            "problems": [str(each) for each in self.state.problems],
            "waiting": [str(each) for each in self.state.waiting],
        }


async def show_list(request: web.Request) -> web.Response:
    """Show the releases, those of a state, or the matches of a search.

    Raises DatabaseError, InvalidField, NotFound, NotReady.
    """
    words = request.query.get("q", "").strip()[:_MAX_WORDS]
    wanted = request.query.get("state", "")
    if wanted not in _STATES:
        raise InvalidField(
            "state",
            gettext("must be one of %(names)s", names=", ".join(_STATES[1:])),
        )
    period = page.read_period(request)
    number = read_page_number(request)
    reading = request.app[STORE].catalog.reading
    state, found = await asyncio.to_thread(_find, reading, words, wanted)
    pages = max((len(found) + PAGE - 1) // PAGE, 1)
    if number > pages:
        raise NotFound
    shown = found[(number - 1) * PAGE : number * PAGE]
    catalog = reading.catalog
    ids = {
        item_id: each.release.release_id
        for each in shown
        for item_id in overview.sold_ids(catalog, each.release)
    }
    async with page.read_transaction(request) as connection:
        months = await item_sales.months_with_sales(connection)
        sales = await item_sales.item_sales(connection, [period], ids)
    by_release: dict[str, list[ItemSales]] = {}
    for one in sales:
        by_release.setdefault(ids[one.item_id], []).append(one)
    rows = [
        ListedRelease(
            each,
            overview.sum_by_currency(
                by_release.get(each.release.release_id, [])
            ),
        )
        for each in shown
    ]
    query = {
        "q": words,
        "state": wanted,
        "period": request.query.get("period"),
    }

    def address(at: int) -> str:
        return "/studio/releases" + page.query({**query, "page": at})

    return page.render(
        request,
        "releases.html",
        {
            "releases": [each.data for each in rows],
            "count": len(found),
            "problems": [str(each) for each in state.problems],
            "waiting": [str(each) for each in state.waiting],
            "next": address(number + 1) if number < pages else None,
        },
        rows=rows,
        count=len(found),
        total=len(state.releases),
        outside=(*state.problems, *state.waiting)[:_MAX_OUTSIDE],
        more_outside=max(
            len(state.problems) + len(state.waiting) - _MAX_OUTSIDE, 0
        ),
        words=words,
        wanted=wanted,
        period=period,
        months=months,
        years=page.years_of(months),
        number=number,
        pages=pages,
        previous=address(number - 1) if number > 1 else None,
        following=address(number + 1) if number < pages else None,
        is_changing=reading.waiting,
    )


def _find(
    reading: LoadedLibrary, words: str, wanted: str
) -> tuple[LibraryState, list[ReleaseState]]:
    """Return the library's state, and the releases that are wanted."""
    state = overview.library_state(reading)
    return state, [
        each
        for each in state.releases
        if (
            not wanted
            or each.state == wanted
            or (wanted == "attention" and (each.problems or each.waiting))
        )
        and (not words or overview.matches(each.release, words))
    ]


@dataclass(frozen=True, slots=True)
class EntrySales:
    """Sales of an item, or of the whole release, in the chosen period.

    `orders` are the addresses of the orders, by currency, and `refunds`
    those of the orders of which it was refunded.
    """

    entry: Item | Release
    item_id: str
    state: str
    sums: list[CurrencySum]
    orders: dict[str, str]
    refunds: dict[str, str]

    @property
    def data(self) -> dict[str, Any]:
        """The sales for JSON."""
        return {
            "item_id": self.item_id,
            "title": self.entry.title,
            "state": self.state,
            "price_minor": self.entry.price.minor,
            "sales": [asdict(each) for each in self.sums],
        }


async def show_one(request: web.Request) -> web.Response:
    """Show the figures of a release.

    Raises DatabaseError, InvalidField, NotFound, NotReady.
    """
    store = request.app[STORE]
    reading = store.catalog.reading
    catalog = reading.catalog
    stated = request.match_info["release"]
    release = catalog.releases_by_id.get(catalog.moved.get(stated, stated))
    if release is None:
        raise NotFound
    period = page.read_period(request)
    states = await asyncio.to_thread(overview.library_state, reading)
    state = next(
        (
            each
            for each in states.releases
            if each.release.release_id == release.release_id
        ),
        ReleaseState(release),
    )
    ids = overview.sold_ids(catalog, release)
    now = datetime.fromtimestamp(store.clock(), UTC)
    months = _last_months(now.year, now.month)
    async with page.read_transaction(request) as connection:
        known = await item_sales.months_with_sales(connection)
        sales = await item_sales.item_sales(connection, [period], ids)
        monthly = await item_sales.item_sales(connection, months, ids)
    entries = _entries(catalog, release, ids, sales, period)
    sums = overview.sum_by_currency(sales)
    by_month = [
        (
            month,
            overview.sum_by_currency(
                [each for each in monthly if each.period == month]
            ),
        )
        for month in months
    ]

    def orders(when: str, currency: str, *, refunded: bool = False) -> str:
        return page.orders_url(
            page.period_days(when),
            currency=currency,
            release=release.release_id,
            refunded=refunded,
        )

    return page.render(
        request,
        "release.html",
        {
            **ListedRelease(state, sums).data,
            "period": period,
            "items": [each.data for each in entries],
            "months": {
                month: [asdict(each) for each in sums]
                for month, sums in by_month
            },
        },
        release=release,
        state=state,
        sums=sums,
        orders=orders,
        entries=entries,
        by_month=[each for each in by_month if each[1]],
        period=period,
        months=known,
        years=page.years_of(known),
    )


def _entries(
    catalog: Catalog,
    release: Release,
    ids: dict[str, str],
    sales: list[ItemSales],
    period: str,
) -> list[EntrySales]:
    """Return the whole release and its items, each with its sales.

    What isn't offered any more is listed if it was sold.
    """
    by_id: dict[str, list[ItemSales]] = {}
    for one in sales:
        by_id.setdefault(ids[one.item_id], []).append(one)
    days = page.period_days(period)

    def entry_sales(item_id: str, entry: Item | Release) -> EntrySales:
        sums = overview.sum_by_currency(by_id.get(item_id, []))
        is_offered = not (entry.hidden or release.hidden) and (
            release.sold_whole if isinstance(entry, Release) else True
        )
        return EntrySales(
            entry,
            item_id,
            "offered" if is_offered else "hidden",
            sums,
            *(
                {
                    each.currency: page.orders_url(
                        days,
                        currency=each.currency,
                        item=item_id,
                        refunded=refunded,
                    )
                    for each in sums
                }
                for refunded in (False, True)
            ),
        )

    listed: list[tuple[str, Item | Release]] = []
    if release.sold_whole or release.release_id in by_id:
        listed.append((release.release_id, release))
    listed += [(each.item_id, each) for each in release.items]
    seen = {item_id for item_id, _ in listed}
    for item_id in sorted(by_id.keys() - seen):
        entry = catalog.by_id.get(item_id)
        if entry is not None:
            listed.append((item_id, entry))
    return list(starmap(entry_sales, listed))


def _last_months(year: int, month: int) -> list[str]:
    """Return the names of the last months, the latest first."""
    number = year * 12 + month - 1
    return [
        f"{each // 12:04d}-{each % 12 + 1:02d}"
        for each in range(number, number - _MONTHS, -1)
    ]

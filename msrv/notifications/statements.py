# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Weekly and monthly statements: by currency, artist and country.

A week is from Monday to Sunday, and all days are in UTC. A statement is due
some hours after its last day, when late webhooks and spools have arrived.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from msrv.catalog.model import Catalog, Item
from msrv.ledger.db.reports.item_sums import ItemSum, sum_by_present_id
from msrv.mail.seller_mail import Row, Section
from msrv.translations import gettext, ngettext
from msrv.translations.countries import country_name
from msrv.translations.dates import format_interval
from msrv.translations.prices import format_amount

if TYPE_CHECKING:
    from msrv.ledger.db.reports.statement_queries import (
        CountrySum,
        CurrencyTotal,
    )

SETTLED_SECONDS: Final = 6 * 3600
"""Time after an interval until its statement is due."""
MAX_ITEMS: Final = 5000
"""Items of a statement; those that brought the least are left out."""
_MAX_ARTISTS: Final = 100
_MAX_BEST: Final = 10
_WEEK_DAYS: Final = 7
_MONTHS: Final = 12
_EPOCH: Final = date(1970, 1, 1)
_FIRST_MONDAY: Final = date(1970, 1, 5)


@dataclass(frozen=True, slots=True)
class StatementInterval:
    """Days of a statement, both included, and the number of the interval."""

    number: int
    first: date
    last: date

    @property
    def first_day(self) -> int:
        """First day, in days since 1970."""
        return (self.first - _EPOCH).days

    @property
    def last_day(self) -> int:
        """Last day, in days since 1970."""
        return (self.last - _EPOCH).days


def last_week(now: int) -> StatementInterval:
    """Return the week before the one of a time in Unix seconds."""
    today = datetime.fromtimestamp(now, UTC).date()
    number = (today - _FIRST_MONDAY).days // _WEEK_DAYS - 1
    first = _FIRST_MONDAY + timedelta(days=number * _WEEK_DAYS)
    return StatementInterval(
        number, first, first + timedelta(days=_WEEK_DAYS - 1)
    )


def last_month(now: int) -> StatementInterval:
    """Return the month before the one of a time in Unix seconds."""
    last = datetime.fromtimestamp(now, UTC).date().replace(day=1) - timedelta(
        days=1
    )
    number = last.year * _MONTHS + last.month - 1
    return StatementInterval(number, last.replace(day=1), last)


def week_subject(interval: StatementInterval, store: str) -> str:
    """Return the subject of a weekly statement."""
    return gettext(
        "%(store)s: week from %(first)s to %(last)s",
        store=store,
        first=format_interval(interval.first.isoformat()),
        last=format_interval(interval.last.isoformat()),
    )


def month_subject(interval: StatementInterval, store: str) -> str:
    """Return the subject of a monthly statement."""
    return gettext(
        "%(store)s: statement of %(month)s",
        store=store,
        month=format_interval(interval.first.isoformat()[:7]),
    )


def sections(
    sums: "Sequence[CurrencyTotal]",
    items: Sequence[ItemSum],
    countries: "Sequence[CountrySum]",
    catalog: Catalog,
) -> tuple[Section, ...]:
    """Return the sections of a statement, in the current language."""
    found = [_totals(each) for each in sums]
    if not found:
        row = Row(gettext("Nothing was sold or refunded."))
        return (Section(gettext("Sales"), (row,)),)
    artists: dict[tuple[str, str], int] = {}
    # What sold for the most comes first.
    items = sorted(
        sum_by_present_id(items, catalog.moved),
        key=lambda each: -each.sold_minor,
    )
    for each in items:
        key = (artist_of(catalog, each.item_id), each.currency)
        kept = each.sold_minor - each.refunded_minor
        artists[key] = artists.get(key, 0) + kept
    if artists:
        rows = [
            Row(
                name or gettext("Unknown artist"),
                format_amount(minor, currency),
            )
            for (name, currency), minor in sorted(
                artists.items(), key=lambda pair: (pair[0][1], -pair[1])
            )[:_MAX_ARTISTS]
        ]
        found.append(Section(gettext("By artist, less refunds"), tuple(rows)))
    if countries:
        rows = [
            Row(
                country_name(each.country)
                if each.country
                else gettext("Country not known"),
                format_amount(
                    each.sold_minor - each.refunded_minor, each.currency
                ),
            )
            for each in countries
        ]
        found.append(Section(gettext("By country, less refunds"), tuple(rows)))
    best = [
        Row(
            ngettext(
                "%(title)s, %(num)s sold",
                "%(title)s, %(num)s sold",
                each.sold,
                title=each.title,
            ),
            format_amount(each.sold_minor, each.currency),
        )
        for each in items[:_MAX_BEST]
    ]
    if best:
        found.append(Section(gettext("Best sellers"), tuple(best)))
    return tuple(found)


def artist_of(catalog: Catalog, item_id: str) -> str:
    """Return the artist that the library states now; empty if unknown."""
    entry = catalog.by_id.get(item_id)
    if entry is None:
        return ""
    if isinstance(entry, Item) and not entry.artist:
        whole = catalog.releases_by_id.get(entry.release_id)
        return whole.artist if whole else ""
    return entry.artist


def _totals(sums: "CurrencyTotal") -> Section:
    kept = sums.sold_minor - sums.refunded_minor
    count = ngettext("%(num)s order", "%(num)s orders", sums.orders)
    return Section(
        sums.currency,
        (
            Row(
                gettext("Sold, %(orders)s", orders=count),
                format_amount(sums.sold_minor, sums.currency),
            ),
            Row(
                gettext("Refunded"),
                format_amount(sums.refunded_minor, sums.currency),
            ),
            Row(gettext("Kept"), format_amount(kept, sums.currency)),
        ),
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Bar charts: periods of time, and bars as numbers that a template draws.

Days are in UTC, counted from 1970, as the ledger counts them. A chart is an
SVG without scripts and inline styles. It is stretched to the available width
and so contains no text: labels stand around it, at a readable size. A table
beside it shows the same figures.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from msrv.translations import gettext, gettext_noop
from msrv.web.formatting import day, day_number

_MAX_MONTHS: Final = 36
_EPOCH: Final = date(1970, 1, 1)


class Span(StrEnum):
    """Period that a report covers."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ALL = "all"


_NAMES: Final = {
    Span.MONTH: gettext_noop("30 days"),
    Span.QUARTER: gettext_noop("13 weeks"),
    Span.YEAR: gettext_noop("12 months"),
    Span.ALL: gettext_noop("all time"),
}


def span_names() -> dict[Span, str]:
    """Return the name of each span, in the current language."""
    return {span: gettext(name) for span, name in _NAMES.items()}


@dataclass(frozen=True, slots=True)
class Interval:
    """A day, week, month or year: `first_day` to `last_day`, inclusive.

    `label` is its beginning in ISO 8601.
    """

    first_day: int
    last_day: int
    label: str


def interval_data(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of an interval for JSON, with its days as dates.

    A total has no label, and no interval in its data.
    """
    if row["label"]:
        days = ("first_day", "last_day")
        return {**row, **{name: day(row[name]) for name in days}}
    return {
        name: value
        for name, value in row.items()
        if name not in {"label", "first_day", "last_day"}
    }


def first_day(span: Span, today: int) -> int:
    """Return the first day of a span; 0 for all time."""
    now = _EPOCH + timedelta(days=today)
    if span is Span.MONTH:
        return today - 29
    if span is Span.QUARTER:
        return today - now.weekday() - 12 * 7
    if span is Span.YEAR:
        return day_number(date(now.year - 1, now.month, 1)) + _days_in(
            now.year - 1, now.month
        )
    return 0


def intervals(span: Span, today: int, earliest: int) -> list[Interval]:
    """Return a span's days, weeks or months, or years if those are too many.

    `earliest` is the first day with any figures, for Span.ALL.
    """
    first = first_day(span, today)
    if span is Span.MONTH:
        return [
            _interval(day, day, "%Y-%m-%d") for day in range(first, today + 1)
        ]
    if span is Span.QUARTER:
        return [
            _interval(day, day + 6, "%Y-%m-%d")
            for day in range(first, today + 1, 7)
        ]
    if span is Span.YEAR:
        return list(_months(first, today))
    months = list(_months(min(earliest, today), today))
    if len(months) <= _MAX_MONTHS:
        return months
    return list(_years(min(earliest, today), today))


def index_of(intervals: Sequence[Interval], day: int) -> int | None:
    """Return the index of the interval that contains a day, or None."""
    at = bisect_right(intervals, day, key=lambda each: each.first_day) - 1
    return at if at >= 0 and day <= intervals[at].last_day else None


def _months(first: int, last: int) -> Iterator[Interval]:
    at = (_EPOCH + timedelta(days=first)).replace(day=1)
    while day_number(at) <= last:
        start = day_number(at)
        days = _days_in(at.year, at.month)
        yield _interval(start, start + days - 1, "%Y-%m")
        at += timedelta(days=days)


def _years(first: int, last: int) -> Iterator[Interval]:
    for year in range(
        (_EPOCH + timedelta(days=first)).year,
        (_EPOCH + timedelta(days=last)).year + 1,
    ):
        start = day_number(date(year, 1, 1))
        yield _interval(start, day_number(date(year, 12, 31)), "%Y")


def _days_in(year: int, month: int) -> int:
    after = date(year + month // 12, month % 12 + 1, 1)
    return (after - date(year, month, 1)).days


def _interval(first: int, last: int, form: str) -> Interval:
    return Interval(first, last, f"{_EPOCH + timedelta(days=first):{form}}")


HEIGHT: Final = 1000
STEP: Final = 100
_FIRST: Final = (10, 56)
_SECOND: Final = (70, 20)
_MIN_HEIGHT: Final = 12
"""Every value above zero is visible."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `y` counts from the top, `title` is its tooltip.

    `address` is that of what it counts, empty for none.
    """

    x: int
    y: int
    width: int
    height: int
    title: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars within `width` by HEIGHT, and the labels around them."""

    width: int
    first: tuple[Bar, ...]
    second: tuple[Bar, ...]
    top: str
    middle: str
    first_label: str
    last_label: str


def draw(
    labels: Sequence[str],
    first: Sequence[int],
    second: Sequence[int],
    label_of: Callable[[int], str],
    *,
    first_addresses: Sequence[str] = (),
    second_addresses: Sequence[str] = (),
) -> Chart:
    """Return a chart of two series side by side; negative values count as 0.

    `label_of` formats a number for the labels and the tooltips. The addresses
    are those of what the bars count, one for each label, or none.
    """
    top = ceiling(max((*first, *second, 0)))
    return Chart(
        width=STEP * max(len(labels), 1),
        first=_bars(labels, first, first_addresses, top, _FIRST, label_of),
        second=_bars(labels, second, second_addresses, top, _SECOND, label_of),
        top=label_of(top),
        middle=label_of(top // 2),
        first_label=labels[0] if labels else "",
        last_label=labels[-1] if labels else "",
    )


def ceiling(most: int) -> int:
    """Return the smallest of 2, 4, 10, 20, 40, 100, … that is >= `most`."""
    power = 1
    while True:
        for factor in (2, 4, 10):
            if factor * power >= most and factor * power % 2 == 0:
                return factor * power
        power *= 10


def _bars(  # noqa: PLR0917 - all of a series
    labels: Sequence[str],
    values: Sequence[int],
    addresses: Sequence[str],
    top: int,
    place: tuple[int, int],
    label_of: Callable[[int], str],
) -> tuple[Bar, ...]:
    left, width = place
    bars = []
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        if value <= 0:
            continue
        height = max(value * HEIGHT // top, _MIN_HEIGHT)
        bars.append(
            Bar(
                x=number * STEP + left,
                y=HEIGHT - height,
                width=width,
                height=height,
                title=gettext(
                    "%(label)s: %(value)s", label=label, value=label_of(value)
                ),
                address=addresses[number] if addresses else "",
            )
        )
    return tuple(bars)

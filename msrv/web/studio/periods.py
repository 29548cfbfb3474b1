"""Spans of time, cut into as many pieces as a chart and a table bear.

Everything is in UTC, and in days since 1970: the ledger's own days.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from msrv.web.formatting import day_number

_MOST_MONTHS: Final = 36
_EPOCH: Final = date(1970, 1, 1)


class Span(StrEnum):
    """How far back to look."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ALL = "all"


LABELS: Final = {
    Span.MONTH: "30 days",
    Span.QUARTER: "13 weeks",
    Span.YEAR: "12 months",
    Span.ALL: "all time",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A day, a week, a month or a year: from `first_day` to `last_day`."""

    first_day: int
    last_day: int
    label: str


def first_day(span: Span, today: int) -> int:
    """Give the first day that a span shows; 0 for all of them."""
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


def pieces(span: Span, today: int, earliest: int) -> list[Piece]:
    """Cut a span: into days, weeks, months, or years where those are many.

    `earliest` is the first day that has anything to show, for Span.ALL.
    """
    first = first_day(span, today)
    if span is Span.MONTH:
        return [
            _piece(day, day, "%Y-%m-%d") for day in range(first, today + 1)
        ]
    if span is Span.QUARTER:
        return [
            _piece(day, day + 6, "%Y-%m-%d")
            for day in range(first, today + 1, 7)
        ]
    if span is Span.YEAR:
        return list(_months(first, today))
    months = list(_months(min(earliest, today), today))
    if len(months) <= _MOST_MONTHS:
        return months
    return list(_years(min(earliest, today), today))


def index_of(cut: Sequence[Piece], day: int) -> int | None:
    """Say which piece a day is in, None for none of them."""
    at = bisect_right(cut, day, key=lambda each: each.first_day) - 1
    return at if at >= 0 and day <= cut[at].last_day else None


def _months(first: int, last: int) -> Iterator[Piece]:
    at = (_EPOCH + timedelta(days=first)).replace(day=1)
    while day_number(at) <= last:
        start = day_number(at)
        days = _days_in(at.year, at.month)
        yield _piece(start, start + days - 1, "%Y-%m")
        at += timedelta(days=days)


def _years(first: int, last: int) -> Iterator[Piece]:
    for year in range(
        (_EPOCH + timedelta(days=first)).year,
        (_EPOCH + timedelta(days=last)).year + 1,
    ):
        start = day_number(date(year, 1, 1))
        yield _piece(start, day_number(date(year, 12, 31)), "%Y")


def _days_in(year: int, month: int) -> int:
    after = date(year + month // 12, month % 12 + 1, 1)
    return (after - date(year, month, 1)).days


def _piece(first: int, last: int, form: str) -> Piece:
    return Piece(first, last, f"{_EPOCH + timedelta(days=first):{form}}")

"""Spans, charts and words: the pure parts of the studio's figures."""

import itertools
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.web.formatting import amount, day, day_number, moment_ms, share
from msrv.web.studio import chart
from msrv.web.studio.chart import Span, first_day, index_of, intervals

DAYS = st.dates(date(1971, 1, 1), date(2999, 12, 31)).map(day_number)


@pytest.mark.parametrize(
    ("span", "today", "first", "count", "label"),
    [
        (Span.MONTH, "2026-03-01", "2026-01-31", 30, "2026-01-31"),
        (Span.QUARTER, "2026-11-23", "2026-08-31", 13, "2026-08-31"),
        (Span.QUARTER, "2026-11-22", "2026-08-24", 13, "2026-08-24"),
        (Span.YEAR, "2026-12-31", "2026-01-01", 12, "2026-01"),
        (Span.YEAR, "2028-02-29", "2027-03-01", 12, "2027-03"),
    ],
)
def test_where_a_span_begins(
    span: Span, today: str, first: str, count: int, label: str
) -> None:
    """The year has eleven months, or a week begins on a Wednesday."""
    now = day_number(date.fromisoformat(today))
    cut = intervals(span, now, 0)
    assert day(first_day(span, now)) == first
    assert (len(cut), cut[0].label) == (count, label)
    assert index_of(cut, now) == count - 1
    assert index_of(cut, first_day(span, now) - 1) is None


@given(st.sampled_from(Span), DAYS, st.integers(0, 20_000))
def test_every_day_is_in_one_piece(span: Span, today: int, age: int) -> None:
    """A day's sales are counted twice, or in no bar at all."""
    cut = intervals(span, today, today - age)
    for one, after in itertools.pairwise(cut):
        assert one.last_day + 1 == after.first_day
    assert cut[0].first_day <= max(first_day(span, today), today - age)
    assert cut[-1].first_day <= today <= cut[-1].last_day
    at = index_of(cut, today)
    assert at == len(cut) - 1
    assert index_of(cut, cut[-1].last_day + 1) is None


def test_ten_years_are_years() -> None:
    """All time is a chart of a hundred and twenty bars on a phone."""
    today = day_number(date(2026, 11, 21))
    cut = intervals(Span.ALL, today, day_number(date(2017, 5, 5)))
    assert [each.label for each in cut] == [
        str(year) for year in range(2017, 2027)
    ]
    cut = intervals(Span.ALL, today, day_number(date(2024, 1, 5)))
    assert (cut[0].label, cut[-1].label, len(cut)) == (
        "2024-01",
        "2026-11",
        35,
    )


@given(st.integers(0, 10**15))
def test_the_scale_holds_every_bar(most: int) -> None:
    """The best day sticks out of its chart, or all days are a line."""
    top = chart.ceiling(most)
    assert most <= top
    assert top % 2 == 0
    assert top <= max(2, 3 * most)


@given(st.lists(st.integers(-1000, 10**9), max_size=40))
def test_bars_stay_within_the_drawing(values: list[int]) -> None:
    """A bar is drawn over the page's text."""
    drawn = chart.draw([str(each) for each in values], values, values, str)
    assert len(drawn.first) == len(drawn.second)
    assert len(drawn.first) == sum(each > 0 for each in values)
    for bar in drawn.first + drawn.second:
        assert bar.x >= 0
        assert bar.x + bar.width <= drawn.width
        assert bar.height > 0
        assert bar.y >= 0
        assert bar.y + bar.height == chart.HEIGHT


def test_amounts_and_shares_in_words() -> None:
    """An undone refund reads as money from nowhere."""
    assert amount(-150, "EUR") == "−€1.50"  # noqa: RUF001 - a minus
    assert amount(0, "USD") == "$0.00"
    assert amount(7, "XXX") == "XXX 7 minor units"
    assert moment_ms(1_800_000_000_999) == "2027-01-15 08:00:00 UTC"
    assert share(0, 0) == "–"  # noqa: RUF001 - a dash
    assert share(999_999, 1_000_000) == "99 %"
    assert share(1, 1_000_000) == "1 %"
    assert (share(0, 5), share(5, 5)) == ("0 %", "100 %")

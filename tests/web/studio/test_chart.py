# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Periods and bar charts of the studio's reports."""

import itertools
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.web.formatting import day, day_number
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
def test_span_starts_on_a_whole_interval(
    span: Span, today: str, first: str, count: int, label: str
) -> None:
    now = day_number(date.fromisoformat(today))
    cut = intervals(span, now, 0)
    assert day(first_day(span, now)) == first
    assert (len(cut), cut[0].label) == (count, label)
    assert index_of(cut, now) == count - 1
    assert index_of(cut, first_day(span, now) - 1) is None


@given(st.sampled_from(Span), DAYS, st.integers(0, 20_000))
def test_every_day_is_in_exactly_one_interval(
    span: Span, today: int, age: int
) -> None:
    cut = intervals(span, today, today - age)
    for one, after in itertools.pairwise(cut):
        assert one.last_day + 1 == after.first_day
    assert cut[0].first_day <= max(first_day(span, today), today - age)
    assert cut[-1].first_day <= today <= cut[-1].last_day
    at = index_of(cut, today)
    assert at == len(cut) - 1
    assert index_of(cut, cut[-1].last_day + 1) is None


def test_all_time_is_in_years_if_months_are_too_many() -> None:
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
def test_scale_is_even_and_holds_every_bar(most: int) -> None:
    top = chart.ceiling(most)
    assert most <= top
    assert top % 2 == 0
    assert top <= max(2, 3 * most)


@given(st.lists(st.integers(-1000, 10**9), max_size=40))
def test_bars_stay_within_the_drawing(values: list[int]) -> None:
    drawn = chart.draw([str(each) for each in values], values, values, str)
    assert len(drawn.first) == len(drawn.second)
    assert len(drawn.first) == sum(each > 0 for each in values)
    for bar in drawn.first + drawn.second:
        assert bar.x >= 0
        assert bar.x + bar.width <= drawn.width
        assert bar.height > 0
        assert bar.y >= 0
        assert bar.y + bar.height == chart.HEIGHT

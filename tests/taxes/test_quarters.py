# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Quarters: their names and their bounds."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.taxes.quarters import Quarter


@given(st.integers(0, 253_000_000_000))
def test_each_time_is_in_one_quarter(at: int) -> None:
    quarter = Quarter.of(at)
    assert quarter.since <= at < quarter.before
    assert Quarter.of(quarter.before) == quarter.shifted(1)
    assert Quarter.of(quarter.since - 1) == quarter.shifted(-1)
    if quarter.year < 9000:
        assert Quarter.parse(str(quarter)) == quarter


def test_quarter_is_of_whole_months_in_utc() -> None:
    quarter = Quarter.parse(" 2026-q4 ")
    assert quarter == Quarter(2026, 4)
    assert quarter.since == datetime(2026, 10, 1, tzinfo=UTC).timestamp()
    assert quarter.before == datetime(2027, 1, 1, tzinfo=UTC).timestamp()
    assert quarter.shifted(-4) == Quarter(2025, 4)


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-Q5", "2026-Q0", "2026-04", "1969-Q4", "26-Q1"]
)
def test_other_text_is_no_quarter(text: str) -> None:
    with pytest.raises(ValueError, match="like 2026-Q4"):
        Quarter.parse(text)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`Retry-After` in both of its forms, and what isn't one."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.outbound.retry_after import parse_retry_after

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC).timestamp()
HUGE_YEAR = "Fri, 15 Jan 99999999999999999999 08:05:00"


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's own time is fourteen hours ahead of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("999999999", 999_999_999),
        ("Fri, 15 Jan 2027 08:05:00 GMT", 300),
        ("Fri, 15 Jan 2016 08:05:00 GMT", 0),
        # Without a zone, or with -0000, it is in UTC.
        ("Fri, 15 Jan 2027 08:05:00", 300),
        ("Fri, 15 Jan 2027 08:05:00 -0000", 300),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("1e9", None),
        ("9" * 10, 10**9),
        ("9" * 5000, 10**9),
        ("-99999999999", None),
        ("Fri, 99 Jan 2027 08:05:00 GMT", None),
        (f"{HUGE_YEAR} GMT", None),
        (HUGE_YEAR, None),
        ("Fri, 15 Jan 2027 08:05:00 +99999999999999999999", None),
        ("Fri, 15 Jan 2027 99999999999999999999:05:00 GMT", None),
        ("Fri, 15 Jan -2027 08:05:00 GMT", None),
        ("\udcff \u0661", None),
    ],
)
def test_both_forms_are_seconds_from_now(
    text: str, seconds: int | None
) -> None:
    assert parse_retry_after(text, NOW) == seconds


def test_no_wait_is_shorter_than_stated() -> None:
    at = "Fri, 15 Jan 2027 08:05:00 GMT"
    assert parse_retry_after(at, NOW + 0.9) == 300


_PARTS = ["Fri,", "15", "Jan", "2027", "08:05:00", "GMT", "+0100", HUGE_YEAR]


@given(st.lists(st.sampled_from(_PARTS) | st.text(max_size=5) | st.integers()))
def test_no_text_raises_or_is_negative(parts: list[object]) -> None:
    seconds = parse_retry_after(" ".join(map(str, parts)), NOW)
    assert seconds is None or seconds >= 0

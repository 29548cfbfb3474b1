# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""HTTP-dates in all three formats (RFC 9110, section 5.6.7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.downloads.representation import format_http_date, parse_http_date
from tests.downloads.contents import NOW, field_values

EXAMPLE = 784111777


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE),
        ("Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE),
        ("Sun Nov  6 08:49:37 1994", EXAMPLE),
        # NOW is in 2027: two digits may be up to 50 years ahead of it
        ("Friday, 01-Jan-77 00:00:00 GMT", 3376684800),
        ("Sunday, 01-Jan-78 00:00:00 GMT", 252460800),
        # section 5.6.7 wants GMT, two digits, and no other language
        ("Sun, 06 Nov 1994 08:49:37 CET", None),
        ("Sun, 06 Nov 1994 08:49:37 +0000", None),
        ("Sun, 6 Nov 1994 08:49:37 GMT", None),
        ("So, 06 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 nov 1994 08:49:37 GMT", None),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994", None),
        ("784111777", None),
        ("", None),
    ],
)
def test_date_is_parsed_as_in_the_rfc(text: str, expected: int | None) -> None:
    assert parse_http_date(text, now_seconds=NOW) == expected


@given(st.integers(0, 2**32))
def test_formatted_date_is_parsed_to_the_same_time(seconds: int) -> None:
    text = format_http_date(seconds)
    assert parse_http_date(text, now_seconds=NOW) == seconds


@given(field_values)
def test_any_text_is_parsed_or_none(text: str) -> None:
    parse_http_date(text, now_seconds=NOW)

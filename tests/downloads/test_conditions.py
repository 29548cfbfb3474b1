# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Preconditions, in the order of RFC 9110.

Each row of the tables is one request; `None` is the result PERFORM.
"""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from msrv.downloads.conditions import (
    STRONG_AFTER_SECONDS,
    PreconditionResult,
    evaluate,
    range_applies,
)
from msrv.downloads.representation import Representation, format_http_date
from tests.downloads.contents import NOW, field_values

MODIFIED = NOW - 1000
THING = Representation(
    size_bytes=100,
    etag='"abc"',
    last_modified=MODIFIED,
    media_type="audio/flac",
)
SAME = format_http_date(MODIFIED)
BEFORE = format_http_date(MODIFIED - 1)
AFTER = format_http_date(MODIFIED + 1)

FRESH = PreconditionResult.NOT_MODIFIED
FAILED = PreconditionResult.FAILED

Fields = dict[str, str]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        # 13.1.1 If-Match: strong comparison
        ({"If-Match": "*"}, None),
        ({"If-Match": '"abc"'}, None),
        ({"If-Match": '"x", "abc"'}, None),
        ({"If-Match": '"x,", ,"abc" ,'}, None),
        ({"If-Match": '"x"'}, FAILED),
        ({"If-Match": 'W/"abc"'}, FAILED),
        ({"If-Match": ""}, FAILED),
        ({"If-Match": "abc"}, FAILED),
        ({"If-Match": '"abc" garbage'}, FAILED),
        # 13.1.2 If-None-Match: weak comparison
        ({"If-None-Match": "*"}, FRESH),
        ({"If-None-Match": '"abc"'}, FRESH),
        ({"If-None-Match": 'W/"abc"'}, FRESH),
        ({"If-None-Match": '"x", W/"abc"'}, FRESH),
        ({"If-None-Match": '"x"'}, None),
        ({"If-None-Match": 'w/"abc"'}, None),
        ({"If-None-Match": '"ABC"'}, None),
        ({"If-None-Match": '"x, "abc"'}, None),
        ({"If-None-Match": "abc"}, None),
        ({"If-None-Match": '"a\udce9", "abc"'}, FRESH),
        # 13.1.3 If-Modified-Since
        ({"If-Modified-Since": SAME}, FRESH),
        ({"If-Modified-Since": AFTER}, FRESH),
        ({"If-Modified-Since": BEFORE}, None),
        ({"If-Modified-Since": "yesterday"}, None),
        # 13.1.4 If-Unmodified-Since
        ({"If-Unmodified-Since": SAME}, None),
        ({"If-Unmodified-Since": AFTER}, None),
        ({"If-Unmodified-Since": BEFORE}, FAILED),
        ({"If-Unmodified-Since": "tomorrow"}, None),
        # 13.2.2 step 1 before 2: If-Match, then no If-Unmodified-Since
        ({"If-Match": '"abc"', "If-Unmodified-Since": BEFORE}, None),
        ({"If-Match": '"x"', "If-Unmodified-Since": AFTER}, FAILED),
        # steps 1 and 2 before 3
        ({"If-Match": '"x"', "If-None-Match": '"abc"'}, FAILED),
        ({"If-Match": '"abc"', "If-None-Match": '"abc"'}, FRESH),
        ({"If-Unmodified-Since": BEFORE, "If-None-Match": "*"}, FAILED),
        # step 3 before 4: If-None-Match, then no If-Modified-Since
        ({"If-None-Match": '"x"', "If-Modified-Since": AFTER}, None),
        ({"If-None-Match": "abc", "If-Modified-Since": AFTER}, None),
        ({"If-None-Match": '"abc"', "If-Modified-Since": BEFORE}, FRESH),
        # step 5 is not asked here: a fresh copy is fresh, Range or no Range
        (
            {
                "If-None-Match": '"abc"',
                "If-Range": '"abc"',
                "Range": "bytes=0-1",
            },
            FRESH,
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_preconditions_are_evaluated_in_order(
    method: str, fields: Fields, expected: PreconditionResult | None
) -> None:
    verdict = evaluate(method, CIMultiDict(fields), THING, now_seconds=NOW)
    assert verdict is (expected or PreconditionResult.PERFORM)


def test_list_in_several_lines_is_combined() -> None:
    headers = CIMultiDict(
        [("If-None-Match", '"x"'), ("If-None-Match", '"abc"')]
    )
    verdict = evaluate("GET", headers, THING, now_seconds=NOW)
    assert verdict is PreconditionResult.NOT_MODIFIED


def test_unsafe_methods_fail_instead_of_not_modified() -> None:
    headers = CIMultiDict({"If-None-Match": "*"})
    verdict = evaluate("POST", headers, THING, now_seconds=NOW)
    assert verdict is PreconditionResult.FAILED
    headers = CIMultiDict({"If-Modified-Since": AFTER})
    verdict = evaluate("POST", headers, THING, now_seconds=NOW)
    assert verdict is PreconditionResult.PERFORM


@pytest.mark.parametrize(
    ("validator", "expected"),
    [
        # 13.1.5: an entity tag, by strong comparison
        ('"abc"', True),
        ('W/"abc"', False),
        ('"x"', False),
        ("abc", False),
        ("*", False),
        ('"abc", "x"', False),
        ("", False),
        # 13.1.5: a date matches exactly, not "at least"
        (SAME, True),
        (BEFORE, False),
        (AFTER, False),
        ("tomorrow", False),
    ],
)
def test_if_range_needs_a_strong_validator(
    validator: str,
    expected: bool,  # noqa: FBT001 - a table's column
) -> None:
    headers = CIMultiDict({"If-Range": validator})
    assert range_applies(headers, THING, now_seconds=NOW) is expected


def test_range_applies_without_if_range() -> None:
    assert range_applies(CIMultiDict(), THING, now_seconds=NOW)


@pytest.mark.parametrize(
    ("age_seconds", "expected"),
    [
        (STRONG_AFTER_SECONDS, True),
        (STRONG_AFTER_SECONDS - 1, False),
        (0, False),
        (-1000, False),
    ],
)
def test_recent_date_is_a_weak_validator(
    age_seconds: int,
    expected: bool,  # noqa: FBT001 - a table's column
) -> None:
    """RFC 9110, section 8.8.2.2."""
    thing = Representation(100, '"abc"', NOW - age_seconds, "audio/flac")
    date = thing.headers(now_seconds=NOW, disposition="inline")[
        "Last-Modified"
    ]
    headers = CIMultiDict({"If-Range": date})
    assert range_applies(headers, thing, now_seconds=NOW) is expected


@pytest.mark.parametrize("date", [BEFORE, SAME, AFTER])
def test_what_has_no_date_is_never_resumed_or_unmodified_by_one(
    date: str,
) -> None:
    thing = replace(THING, last_modified=None)
    assert "Last-Modified" not in thing.headers(
        now_seconds=NOW, disposition="inline"
    )

    def result(name: str) -> PreconditionResult:
        headers = CIMultiDict({name: date})
        return evaluate("GET", headers, thing, now_seconds=NOW)

    assert result("If-Modified-Since") is PreconditionResult.PERFORM
    assert result("If-Unmodified-Since") is FAILED
    headers = CIMultiDict({"If-Range": date})
    assert not range_applies(headers, thing, now_seconds=NOW)
    headers = CIMultiDict({"If-Range": thing.etag})
    assert range_applies(headers, thing, now_seconds=NOW)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "If-Match",
                "If-None-Match",
                "If-Range",
                "If-Modified-Since",
                "If-Unmodified-Since",
            ]
        ),
        field_values | st.sampled_from(['"abc"', 'W/"abc"', "*", SAME]),
    )
)
def test_any_field_value_is_evaluated(fields: Fields) -> None:
    headers = CIMultiDict(fields)
    evaluate("GET", headers, THING, now_seconds=NOW)
    range_applies(headers, THING, now_seconds=NOW)

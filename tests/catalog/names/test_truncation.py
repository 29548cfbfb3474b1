# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Truncation of text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.names.truncation import (
    fit_parts,
    shorten,
    truncate,
    utf16_length,
)

FAMILY = "👩\u200d👧"
FLAG = "🇫🇮"
TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("e\u0301\u0308n 👩👧\u200d🏽🇫🇮각"),
    )
)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("plain", 5, "plain"),
        ("plain", 4, "plai"),
        ("plain", 0, ""),
        ("ae\u0301", 2, "a"),
        ("ae\u0301", 3, "ae\u0301"),
        ("a👩", 2, "a"),
        ("a👩", 3, "a👩"),
        (f"a{FAMILY}", 5, "a"),
        (f"a{FAMILY}", 6, f"a{FAMILY}"),
        ("👍🏽👍🏽", 6, "👍🏽"),
        (FLAG * 2, 4, FLAG),
        (FLAG * 2, 6, FLAG),
        (FLAG, 2, ""),
        ("e" + "\u0301" * 9, 5, ""),
    ],
)
def test_truncation_keeps_whole_characters(
    text: str, limit: int, expected: str
) -> None:
    assert truncate(text, limit) == expected


@given(TEXTS, st.integers(0, 40), st.integers(0, 60))
def test_truncated_text_is_a_prefix_within_limits(
    text: str, limit: int, limit_bytes: int
) -> None:
    kept = truncate(text, limit, limit_bytes)
    assert text.startswith(kept)
    assert utf16_length(kept) <= limit
    assert len(kept.encode()) <= limit_bytes
    rest = text[len(kept) :]
    assert not rest or not unicodedata.combining(rest[0]) or not kept


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("Symphony No. 5", 14, "Symphony No. 5"),
        ("Symphony No. 5 in C minor", 20, "Symphony No. 5 in C…"),
        ("Symphony No. 5 in C minor", 23, "Symphony No. 5 in C…"),
        ("Symphony, and more", 10, "Symphony…"),
        ("Donaudampfschifffahrt", 10, "Donaudamp…"),
    ],
)
def test_text_is_shortened_at_a_word(
    text: str, limit: int, expected: str
) -> None:
    assert shorten(text, limit) == expected


@pytest.mark.parametrize(
    ("parts", "limit", "expected"),
    [
        (["ab", "cd"], 4, ["ab", "cd"]),
        (["a" * 50, "bcd"], 23, ["a" * 19 + "…", "bcd"]),
        (["abc", "d" * 50], 23, ["abc", "d" * 19 + "…"]),
        (["a" * 50, "b" * 50], 20, ["a" * 9 + "…", "b" * 9 + "…"]),
    ],
)
def test_longest_part_is_shortened(
    parts: list[str], limit: int, expected: list[str]
) -> None:
    assert fit_parts(parts, limit) == expected


@given(st.lists(TEXTS, min_size=1, max_size=4), st.integers(4, 80))
def test_fitted_parts_are_within_the_limit(
    parts: list[str], limit: int
) -> None:
    assert sum(map(utf16_length, fit_parts(parts, limit))) <= limit

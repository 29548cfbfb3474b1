# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Text from names and tags, made safe for display."""

from socket import gaierror

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.display_text import (
    MAX_CHARS,
    clean_line,
    printable,
    reason_of,
)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a \t b\nc  ", "a b c"),
        ("a\0b\x1b[31mc", "ab[31mc"),
        ("exe\u202egnp.txt", "exegnp.txt"),
        ("\u2067x\u2069", "x"),
        ("שלום\u200f!", "שלום\u200f!"),
        ("👩\u200d👧 song", "👩\u200d👧 song"),
        ("\udcff bad", "bad"),
        ("a\ufffeb\uffffc\ufdd0d\U0010ffffe", "abcde"),
        ("e\u0301", "é"),
        ('"quoted" & <b>', '"quoted" & <b>'),
        ("a" * 300, "a" * 200),
        ("\u2028", ""),
        ("\u200b", ""),
        ("\ufeff \u200d\u200f", ""),
        ("\u3164\ufe0f", ""),
        ("\u200b1", "\u200b1"),
    ],
)
def test_clean_line_removes_controls_and_collapses_spaces(
    text: str, cleaned: str
) -> None:
    assert clean_line(text) == cleaned


@given(st.text(max_size=400))
def test_clean_line_is_idempotent(text: str) -> None:
    once = clean_line(text)
    assert clean_line(once) == once
    assert len(once) <= MAX_CHARS
    assert "\n" not in once


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a b.wav", "a b.wav"),
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\udcff", "\\udcff"),
        ("x\u202ey", "x\\u202ey"),
        ("Début 🎵", "Début 🎵"),
    ],
)
def test_printable_escapes_unprintable_characters(
    name: str, expected: str
) -> None:
    assert printable(name) == expected


@given(st.text())
def test_printable_accepts_any_text(name: str) -> None:
    assert printable(name).isprintable()
    printable(name).encode("utf-8")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            PermissionError(13, "Permission denied", "/a/b"),
            "Permission denied",
        ),
        (
            gaierror(-2, "Name or service not known"),
            "Name or service not known",
        ),
        (OSError("too long"), "too long"),
        (ValueError("two\n lines\x1b"), "two lines\\x1b"),
        (TimeoutError(), "TimeoutError"),
        (OSError(), "OSError"),
    ],
)
def test_reason_of_an_error_is_one_printable_line(
    error: Exception, reason: str
) -> None:
    assert reason_of(error) == reason

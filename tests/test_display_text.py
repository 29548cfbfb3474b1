"""Text from names and tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.display_text import MAX_CHARS, clean_line, printable


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
        ("e\u0301", "é"),
        ('"quoted" & <b>', '"quoted" & <b>'),
        ("a" * 300, "a" * 200),
        ("\u2028", ""),
    ],
)
def test_a_title_is_one_line_that_says_what_it_says(
    text: str, cleaned: str
) -> None:
    """Or a name could turn a page around, or break a script or an emoji."""
    assert clean_line(text) == cleaned


@given(st.text(max_size=400))
def test_a_clean_text_stays_as_it_is(text: str) -> None:
    """Or a title would be another one after the next reading."""
    once = clean_line(text)
    assert clean_line(once) == once
    assert len(once) <= MAX_CHARS
    assert "\n" not in once


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a b.wav", "a b.wav"),
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\udcff", "\\udcff"),
        ("x\u202ey", "x\\u202ey"),
        ("Début 🎵", "Début 🎵"),
    ],
)
def test_a_path_in_a_log_is_one_line(name: str, said: str) -> None:
    """Or a file's name could forge a line of the log."""
    assert printable(name) == said


@given(st.text())
def test_every_path_can_be_printed(name: str) -> None:
    """Or one odd name would end the command that lists the catalog."""
    assert printable(name).isprintable()
    printable(name).encode("utf-8")

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lyrics as plain lines, of text and of LRC."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.metadata.lyrics import (
    MAX_CHARS,
    MAX_LINES,
    Lyrics,
    language_tag,
    parse_lyrics,
    stanzas,
)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one\r\ntwo\n\n\n\nthree\n\n", ("one", "two", "", "three")),
        ("[ar:Ann]\n[00:01.00]one\n[00:02.50] two", ("one", "two")),
        ("[00:09.1]b\n[0:02]a\n[00:09.05]first", ("a", "first", "b")),
        ("[00:01.00][00:03.00]again\n[00:02.00]b", ("again", "b", "again")),
        ("[00:01.00]<00:01.00>a <00:01.50>b", ("a b",)),
        ("[00:01.00]a\n[00:02.00]\n[00:03.00]b", ("a", "", "b")),
        (
            "[00:02.00]b\n\n[00:03.00]c\nd\n[00:01.00]a",
            ("a", "b", "", "c", "d"),
        ),
        ("[Chorus]\na <3 b", ("[Chorus]", "a <3 b")),
        ("[Chorus: Ann]\n[Length: 3:00]\na", ("[Chorus: Ann]", "a")),
        ("[x: y]\nz", ("[x: y]", "z")),
        ("", ()),
        ("\x00\x1b\n \n", ()),
    ],
)
def test_lyrics_are_plain_lines(text: str, lines: tuple[str, ...]) -> None:
    assert parse_lyrics(text).lines == lines


def test_language_is_that_of_the_header() -> None:
    assert parse_lyrics("[la:fr]\noui", "deu") == Lyrics(("oui",), "fr")


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("deu", "de"),
        ("ger", "de"),
        ("GSW", "gsw"),
        ("pt-BR", "pt"),
        ("XXX", ""),
        ("und", ""),
        ("\x00\x00\x00", ""),
        ('"><', ""),
    ],
)
def test_language_is_a_tag(code: str, tag: str) -> None:
    assert language_tag(code) == tag


@pytest.mark.parametrize("text", ["x" * 500 + "\n", "la\n"])
def test_long_lyrics_end_with_an_ellipsis(text: str) -> None:
    lines = parse_lyrics(text * 100_000).lines
    assert len(lines) <= MAX_LINES
    assert sum(map(len, lines)) <= MAX_CHARS
    assert lines[-1] == "…"


def test_stanzas_are_the_lines_between_empty_ones() -> None:
    assert list(stanzas(("a", "b", "", "c"))) == [("a", "b"), ("c",)]


@given(
    st.text(st.sampled_from("[]:.0123456789<>abla\n\x00\u202e"), max_size=99)
)
def test_any_text_has_lines_without_controls(text: str) -> None:
    found = parse_lyrics(text)
    for line in found.lines:
        assert not {"Cc", "Cs"} & set(map(unicodedata.category, line))
    assert ("", "") not in zip(found.lines, found.lines[1:], strict=False)
    assert found == parse_lyrics("\n".join(found.lines), found.language) or (
        "[" in text
    )

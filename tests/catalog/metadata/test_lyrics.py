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
    LyricLine,
    Lyrics,
    language_tag,
    lrc_problems,
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
    found = stanzas(Lyrics(("a", "b", "", "c")))
    assert list(found) == [
        (LyricLine("a"), LyricLine("b")),
        (LyricLine("c"),),
    ]


def test_line_ends_where_the_next_begins_or_at_an_empty_one() -> None:
    text = "[00:01]a\nuntimed\n[00:02.5]b\n[00:04]\n\n[00:06]c\n[00:08]\n"
    lyrics = parse_lyrics(text)
    assert lyrics.lines == ("a", "untimed", "b", "", "c", "")
    assert lyrics.times == (100, None, 250, 400, 600, 800)
    assert list(stanzas(lyrics)) == [
        (
            LyricLine("a", 1, 2.5),
            LyricLine("untimed"),
            LyricLine("b", 2.5, 4),
        ),
        (LyricLine("c", 6, 8),),
    ]


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("[00:01.00]a", (100,)),
        ("[99:59.999]a", (599_999,)),
        ("[999:59]a", (5_999_900,)),
        ("[00:01.00]a\n[offset:500]\n[00:00.20]b", (0, 50)),
        ("[offset:-1500]\n[00:01.00]a", (250,)),
        ("[offset:x]\n[00:01.00]a", (100,)),
        ("a\nb", ()),
        ("[00:60.00]a", ()),
        ("", ()),
    ],
)
def test_times_are_those_of_the_lines(
    text: str, times: tuple[int, ...]
) -> None:
    assert parse_lyrics(text).times == times


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("\ufeff[ar:Ann]\n[00:01.00]a\n\n[00:02.00][00:03.00]b\n", []),
        ("plain\n[Chorus]\n", []),
        ("[00:01.00]a\nb", [2]),
        ("[00:61.00]a\n[0:1x]b\n[1:2:3]c\n[-1:00]d\n[00.30]e", [1, 2, 4, 5]),
        ("[00:01.00]a\n[00:02.00][00:99]b", [2]),
        ("[offset:soon]\n[00:01.00]a", [1]),
        ("[00:01.00]a\n[x:y]", [2]),
    ],
)
def test_wrong_lines_of_lrc_are_named(text: str, lines: list[int]) -> None:
    assert [number for number, _ in lrc_problems(text)] == lines


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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lyrics and credits in the tags of each format."""

import json
from typing import Any

import pytest
from mutagen import id3
from mutagen.apev2 import APEv2
from mutagen.flac import VCFLACDict
from mutagen.mp4 import MP4FreeForm, MP4Tags

from msrv.catalog.metadata.lyrics import MAX_LINES, Lyrics
from msrv.catalog.metadata.tags import Tags
from msrv.catalog.metadata.track_texts import TrackTexts, read_track_texts
from msrv.catalog.parsing.messages import Message
from msrv.catalog.parsing.replies import InvalidReply, parse_tags

FRAMES: Any = id3
RUSSIAN = (
    "\u041f\u0440\u0438\u0432\u0435\u0442 "
    "\u0434\u043e\u0440\u043e\u0433\u043e\u0439\n"
    "\u0434\u0440\u0443\u0433"
)
CREDITS = (
    ("composer", "Ann"),
    ("lyricist", "Bob"),
    ("producer", "Cleo"),
    ("mixer", "Dan"),
)


def id3_of(*frames: object) -> object:
    """Return an ID3 tag of these frames."""
    tags: Any = FRAMES.ID3()
    for frame in frames:
        tags.add(frame)
    return tags


def filled(tags: object, values: dict[str, Any]) -> object:
    """Return a tag with these values."""
    writable: Any = tags
    for key, value in values.items():
        writable[key] = value
    return tags


ITUNES = "----:com.apple.iTunes:"
SOURCES: dict[str, Any] = {
    "ID3": id3_of(
        FRAMES.USLT(encoding=3, lang="deu", desc="", text="one\ntwo"),
        FRAMES.TCOM(encoding=3, text="Ann"),
        FRAMES.TEXT(encoding=3, text="Bob"),
        FRAMES.TIPL(encoding=3, people=[["mix", "Dan"], ["producer", "Cleo"]]),
    ),
    "Vorbis": filled(
        VCFLACDict(),  # type: ignore[no-untyped-call] # mutagen's own
        {
            "LYRICS": "[la:de]\n[00:01.00]one\n[00:02.00]two",
            "COMPOSER": "Ann",
            "LYRICIST": "Bob",
            "PRODUCER": "Cleo",
            "MIXER": "Dan",
        },
    ),
    "APE": filled(
        APEv2(),  # type: ignore[no-untyped-call] # mutagen's own
        {
            "Lyrics": "[la:de]\none\ntwo",
            "Composer": "Ann",
            "Lyricist": "Bob",
            "Producer": "Cleo",
            "Mixer": "Dan",
        },
    ),
    "MP4": filled(
        MP4Tags(),  # type: ignore[no-untyped-call] # mutagen's own
        {
            "\xa9lyr": ["[la:deu]\rone\rtwo"],
            "\xa9wrt": ["Ann"],
            f"{ITUNES}LYRICIST": [MP4FreeForm(b"Bob")],  # type: ignore[no-untyped-call] # mutagen's own
            f"{ITUNES}PRODUCER": [MP4FreeForm(b"Cleo")],  # type: ignore[no-untyped-call] # mutagen's own
            f"{ITUNES}MIXER": [MP4FreeForm(b"Dan")],  # type: ignore[no-untyped-call] # mutagen's own
        },
    ),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_each_format_has_lyrics_and_credits(kind: str) -> None:
    # Tags may contain LRC.
    times = (100, 200) if kind == "Vorbis" else ()
    found = read_track_texts([SOURCES[kind]])
    assert found == TrackTexts(Lyrics(("one", "two"), "de", times), CREDITS)
    assert TrackTexts.from_facts(found.to_facts()) == found


SYLT = FRAMES.SYLT


@pytest.mark.parametrize(
    ("frames", "lyrics"),
    [
        (
            [SYLT(3, "eng", 2, 1, "", [("a", 1000), ("b", 2500)])],
            Lyrics(("a", "b"), "", (100, 250)),
        ),
        (
            # Words: a line starts with its first one.
            [SYLT(3, "eng", 2, 1, "", [("a ", 10), ("b", 20), ("\nc", 30)])],
            Lyrics(("a b", "c"), "", (1, 3)),
        ),
        (
            # Breaks at the end of lines, and one that ends a stanza.
            [
                SYLT(
                    *(3, "eng", 2, 1, ""),
                    [("a\n", 10), ("b", 20), (" b\n", 25), ("\n", 30)],
                )
            ],
            Lyrics(("a", "b b", ""), "", (1, 2, 3)),
        ),
        # Times in MPEG frames aren't known here.
        ([SYLT(3, "eng", 1, 1, "", [("a", 10)])], Lyrics(("a",))),
        # Those with times are preferred.
        (
            [
                FRAMES.USLT(encoding=3, lang="XXX", desc="", text="plain"),
                SYLT(3, "eng", 2, 1, "", [("a", 10)]),
            ],
            Lyrics(("a",), "", (1,)),
        ),
        (
            [
                FRAMES.USLT(encoding=3, lang="XXX", desc="", text="[00:01]a"),
                SYLT(3, "eng", 2, 1, "", [("b", 10)]),
            ],
            Lyrics(("a",), "", (100,)),
        ),
    ],
)
def test_lyrics_with_times_are_preferred(
    frames: list[Any], lyrics: Lyrics
) -> None:
    assert read_track_texts([id3_of(*frames)]).lyrics == lyrics


@pytest.mark.parametrize(
    "times", [[1], ["1", 2], [-1, 2], [1, 10**9], [1.5, 2]]
)
def test_times_of_the_index_are_checked(times: list[Any]) -> None:
    facts = {"lyrics": ["a", "b"], "language": "", "credits": []}
    with pytest.raises(ValueError, match=r"time|zip"):
        TrackTexts.from_facts({**facts, "times": times})


@pytest.mark.parametrize(
    ("frames", "lyrics"),
    [
        (
            [FRAMES.SYLT(3, "eng", 2, 1, "", [("a", 10), ("b", 20)])],
            ("a", "b"),
        ),
        (
            [
                FRAMES.SYLT(
                    3, "eng", 2, 1, "", [("a ", 1), ("b", 2), ("\nc", 3)]
                )
            ],
            ("a b", "c"),
        ),
        (
            [
                FRAMES.USLT(encoding=3, lang="XXX", desc="", text=" \n"),
                FRAMES.USLT(encoding=3, lang="XXX", desc="x", text="words"),
            ],
            ("words",),
        ),
        (
            [
                FRAMES.USLT(
                    encoding=0,
                    lang="XXX",
                    desc="",
                    text=RUSSIAN.encode("cp1251").decode("latin-1"),
                )
            ],
            tuple(RUSSIAN.splitlines()),
        ),
    ],
)
def test_id3_has_lyrics_in_several_ways(
    frames: list[object], lyrics: tuple[str, ...]
) -> None:
    assert read_track_texts([id3_of(*frames)]).lyrics.lines == lyrics


def test_language_that_itunes_always_writes_is_not_known() -> None:
    frame = FRAMES.USLT(encoding=3, lang="eng", desc="", text="Grüße")
    assert read_track_texts([id3_of(frame)]).lyrics.language == ""


def test_musicians_are_performers_with_their_instruments() -> None:
    people = [["guitar", "Ann"], ["", "Nobody"], ["vocals", " "]]
    tags = id3_of(FRAMES.TMCL(encoding=3, people=people))
    assert read_track_texts([tags]).credits == (("performer", "Ann (guitar)"),)


def test_names_are_bounded_and_each_once() -> None:
    tags = filled(
        VCFLACDict(),  # type: ignore[no-untyped-call] # mutagen's own
        {"composer": ["Ann", "Ann\n", *(f"N{n}" for n in range(900))]},
    )
    found = read_track_texts([tags]).credits
    assert found[:2] == (("composer", "Ann"), ("composer", "N0"))
    assert len(found) == 30


def test_second_source_has_what_the_first_lacks() -> None:
    first = id3_of(FRAMES.TCOM(encoding=3, text="First"))
    found = read_track_texts([first, None, SOURCES["APE"]])
    assert found.credits == (("composer", "First"),)
    assert found.lyrics.lines == ("one", "two")


def reply(texts: object) -> Message:
    fields = json.loads(json.dumps(Tags(title="T").to_facts()))
    return Message({"tags": {**fields, "texts": texts}})


def test_reply_of_the_parser_is_checked_again() -> None:
    """The process may have been taken over by the file."""
    texts = {
        "lyrics": ["a\x00\n\u202eb", *["x" * 900] * 5000],
        "language": '"><script>',
        "credits": [["composer", "A\x1b"], ["hacker", "B"]],
    }
    found = parse_tags(reply(texts)).texts
    assert found.lyrics.lines[0] == "a b"
    assert len(found.lyrics.lines) <= MAX_LINES
    assert found.lyrics.language == ""
    assert found.credits == (("composer", "A"),)


@pytest.mark.parametrize(
    "texts",
    [
        None,
        [],
        {},
        {"lyrics": 1, "language": "", "credits": []},
        {"lyrics": [], "language": "", "credits": [["a"]]},
    ],
)
def test_invalid_reply_is_refused(texts: object) -> None:
    with pytest.raises(InvalidReply):
        parse_tags(reply(texts))

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lyrics as lines, with their times: from tags, text files and LRC files.

LRC has times for each line, `[01:23.45]`, and headers like `[ar:…]`; its
lines are put in the order of their times.
https://en.wikipedia.org/wiki/LRC_(file_format)
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final

from msrv.display_text import clean_line

MAX_CHARS: Final = 20_000
MAX_LINES: Final = 1000
MAX_LINE_CHARS: Final = 500
MAX_TIME: Final = 1000 * 60 * 100
"""Time of the last line, in hundredths of a second."""
LRC: Final = ".lrc"
SUFFIXES: Final = (LRC, ".txt")
"""Suffixes of files with the lyrics of the track of their name."""

# Not any word: in plain lyrics, `[Chorus: Ann]` is a line.
_HEADER: Final = re.compile(
    r"\[(#|al|ar|au|by|id|la|length|lr|offset|re|ti|tool|ve):(.*)\]\s*",
    re.IGNORECASE,
)
_TIME: Final = re.compile(
    r"\s*\[([0-9]{1,3}):([0-5]?[0-9])(?:[.:]([0-9]{1,9}))?\]"
)
_BROKEN_TIME: Final = re.compile(r"\s*\[-?[0-9]+[:.]")
_OFFSET: Final = re.compile(r"[+-]?[0-9]{1,6}")
_WORD_TIME: Final = re.compile(r"<[0-9]{1,3}:[0-9]{1,2}(?:[.:][0-9]+)?>\s?")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
# HTML's `lang` has to be the shorter code of ISO 639 where there is one.
_SHORT_CODES: Final = {
    "ara": "ar", "ces": "cs", "chi": "zh", "cze": "cs", "dan": "da",
    "deu": "de", "dut": "nl", "ell": "el", "eng": "en", "fin": "fi",
    "fra": "fr", "fre": "fr", "ger": "de", "gre": "el", "heb": "he",
    "hin": "hi", "hun": "hu", "ice": "is", "isl": "is", "ita": "it",
    "jpn": "ja", "kor": "ko", "nld": "nl", "nor": "no", "pol": "pl",
    "por": "pt", "ron": "ro", "rum": "ro", "rus": "ru", "spa": "es",
    "swe": "sv", "tur": "tr", "ukr": "uk", "zho": "zh",
}  # fmt: skip
_NO_LANGUAGES: Final = frozenset({"mis", "mul", "und", "xxx", "zxx"})


@dataclass(frozen=True, slots=True)
class Lyrics:
    """Lines of lyrics, empty ones between stanzas.

    `language` is a tag of BCP 47, empty if it isn't known. `times` are those
    at which each line is sung, in hundredths of a second, None where that
    isn't known; empty if no line has one. The time of an empty line is the
    end of the line before it.
    """

    lines: tuple[str, ...] = ()
    language: str = ""
    times: tuple[int | None, ...] = ()


def parse_lyrics(text: str, language: str = "") -> Lyrics:
    """Return the lyrics in a text, which may be LRC."""
    timed: list[tuple[int, int, int | None, str]] = []
    last, offset = [0], 0
    for position, line in enumerate(text.splitlines()):
        header = _HEADER.fullmatch(line.strip("\ufeff \t"))
        if header is not None:
            name, value = header[1].lower(), header[2].strip()
            if name == "la":
                language = value
            elif name == "offset" and _OFFSET.fullmatch(value):
                offset = int(value) // 10
            continue
        rest, times = _without_times(line)
        if times:
            rest = _WORD_TIME.sub("", rest)
            timed += [(at, position, at, rest) for at in times]
            last = times[-1:]
        else:
            # Without a time, or between stanzas: it follows the one before.
            timed += [(at, position, None, rest) for at in last]
    # A positive offset is for lyrics that come too late.
    return tidy_lyrics(
        [
            (None if at is None else min(max(at - offset, 0), MAX_TIME), line)
            for _, _, at, line in sorted(timed, key=itemgetter(0, 1))
        ],
        language,
    )


def tidy_lyrics(
    lines: Iterable[tuple[int | None, str]], language: str = ""
) -> Lyrics:
    """Return lyrics of times and lines, without control characters.

    There is one empty line in a row, and at most MAX_LINES with MAX_CHARS;
    what is longer ends with an ellipsis.
    """
    found: list[tuple[int | None, str]] = []
    size = 0
    for at, line in lines:
        clean = clean_line(line, MAX_LINE_CHARS)
        if not clean and (not found or not found[-1][1]):
            if found and found[-1][0] is None:
                found[-1] = at, ""
            continue
        size += len(clean) + 1
        if size > MAX_CHARS or len(found) == MAX_LINES - 1:
            found.append((None, "…"))
            break
        found.append((at, clean))
    while found and not found[-1][1] and found[-1][0] is None:
        found.pop()
    times = tuple(at for at, _ in found)
    return Lyrics(
        tuple(line for _, line in found),
        language_tag(language),
        times if any(at is not None for at in times) else (),
    )


def lrc_problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbers of lines of an LRC file that are wrong, and why.

    Their text is shown all the same. Plain lyrics have no such line.
    """
    lines = [line.strip("\ufeff \t") for line in text.splitlines()]
    is_timed = any(_without_times(line)[1] for line in lines)
    for number, line in enumerate(lines, 1):
        header = _HEADER.fullmatch(line)
        rest, times = _without_times(line)
        if header is not None:
            is_offset = header[1].lower() == "offset"
            if is_offset and not _OFFSET.fullmatch(header[2].strip()):
                yield number, "has an offset that isn't like [offset:+250]"
        elif _BROKEN_TIME.match(rest):
            yield number, "has a time that isn't like [01:23.45]"
        elif line and is_timed and not times:
            yield number, "has no time such as [01:23.45]"


def language_tag(code: str) -> str:
    """Return a code of ISO 639 as a language tag; empty for no language."""
    code = code.strip().lower().partition("-")[0]
    if not _LANGUAGE.fullmatch(code) or code in _NO_LANGUAGES:
        return ""
    return _SHORT_CODES.get(code, code)


@dataclass(frozen=True, slots=True)
class LyricLine:
    """A line to display, sung from `start` to `end`, in seconds.

    Both are None for a line without a time, and `end` for the last.
    """

    text: str
    start: float | None = None
    end: float | None = None


def stanzas(lyrics: Lyrics) -> Iterator[tuple[LyricLine, ...]]:
    """Yield the groups of lines between empty ones."""
    times = lyrics.times or (None,) * len(lyrics.lines)
    found, end = [], None
    for text, at in zip(reversed(lyrics.lines), reversed(times), strict=True):
        start = None if at is None else at / 100
        found.append(LyricLine(text, start, None if start is None else end))
        end = end if start is None else start
    for has_text, group in groupby(reversed(found), key=_has_text):
        if has_text:
            yield tuple(group)


def _has_text(line: LyricLine) -> bool:
    return bool(line.text)


def _without_times(line: str) -> tuple[str, list[int]]:
    """Return a line without the times before it, and these in centiseconds."""
    times = []
    while match := _TIME.match(line):
        fraction = int(f"{match[3] or '0'}0"[:2])
        times.append((int(match[1]) * 60 + int(match[2])) * 100 + fraction)
        line = line[match.end() :]
    return line, times

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lyrics as plain lines: from tags, text files and LRC files.

LRC has times for each line, `[01:23.45]`, and headers like `[ar:…]`; its
lines are put in the order of their times, without those.
https://en.wikipedia.org/wiki/LRC_(file_format)
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from msrv.display_text import clean_line

MAX_CHARS: Final = 20_000
MAX_LINES: Final = 1000
MAX_LINE_CHARS: Final = 500
SUFFIXES: Final = (".lrc", ".txt")
"""Suffixes of files with the lyrics of the track of their name."""

# Not any word: in plain lyrics, `[Chorus: Ann]` is a line.
_HEADER: Final = re.compile(
    r"\[(#|al|ar|au|by|id|la|length|lr|offset|re|ti|tool|ve):(.*)\]\s*",
    re.IGNORECASE,
)
_TIME: Final = re.compile(r"\s*\[([0-9]{1,3}):([0-9]{1,2})(?:[.:]([0-9]+))?\]")
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

    `language` is a tag of BCP 47, empty if it isn't known.
    """

    lines: tuple[str, ...] = ()
    language: str = ""


def parse_lyrics(text: str, language: str = "") -> Lyrics:
    """Return the lyrics in a text, which may be LRC."""
    timed: list[tuple[int, int, str]] = []
    last = [0]
    for position, line in enumerate(text.splitlines()):
        header = _HEADER.fullmatch(line.strip("\ufeff \t"))
        if header is not None:
            if header[1].lower() == "la":
                language = header[2].strip()
            continue
        rest, times = _without_times(line)
        if times:
            rest = _WORD_TIME.sub("", rest)
        # A line without a time, or between stanzas, follows the one before.
        times = times or last
        timed += [(at, position, rest) for at in times]
        last = times[-1:]
    lines = (line for _, _, line in sorted(timed))
    return Lyrics(tidy_lines(lines), language_tag(language))


def tidy_lines(lines: Iterable[str]) -> tuple[str, ...]:
    """Return lines without control characters, one empty one in a row.

    At most MAX_LINES with MAX_CHARS; what is longer ends with an ellipsis.
    """
    found: list[str] = []
    size = 0
    for line in lines:
        clean = clean_line(line, MAX_LINE_CHARS)
        if not clean and (not found or not found[-1]):
            continue
        size += len(clean) + 1
        if size > MAX_CHARS or len(found) == MAX_LINES - 1:
            found.append("…")
            break
        found.append(clean)
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def language_tag(code: str) -> str:
    """Return a code of ISO 639 as a language tag; empty for no language."""
    code = code.strip().lower().partition("-")[0]
    if not _LANGUAGE.fullmatch(code) or code in _NO_LANGUAGES:
        return ""
    return _SHORT_CODES.get(code, code)


def stanzas(lines: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the groups of lines between empty ones."""
    for has_text, group in groupby(lines, key=bool):
        if has_text:
            yield tuple(group)


def _without_times(line: str) -> tuple[str, list[int]]:
    """Return a line without the times before it, and these in centiseconds."""
    times = []
    while match := _TIME.match(line):
        fraction = int(f"{match[3] or '0'}0"[:2])
        times.append((int(match[1]) * 60 + int(match[2])) * 100 + fraction)
        line = line[match.end() :]
    return line, times

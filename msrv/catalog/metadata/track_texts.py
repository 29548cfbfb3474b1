# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lyrics and credits of a track, by its tags.

Apart from `tags`, whose fields are single lines that every track has. These
are long, and are stored apart from the other facts in the index.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from msrv.catalog.metadata.lyrics import (
    MAX_TIME,
    Lyrics,
    parse_lyrics,
    tidy_lyrics,
)
from msrv.catalog.metadata.mojibake import repair_encoding
from msrv.display_text import clean_line

# Keys of Vorbis comments and APEv2, ID3 and MP4, by role.
ROLES: Final = {
    "composer": ("composer", "TCOM", "\xa9wrt"),
    "lyricist": ("lyricist", "TEXT", "----:com.apple.iTunes:LYRICIST"),
    "arranger": ("arranger", "----:com.apple.iTunes:ARRANGER"),
    "performer": ("performer", "----:com.apple.iTunes:PERFORMER"),
    "conductor": (*("conductor", "TPE3", "----:com.apple.iTunes:CONDUCTOR"),),
    "producer": ("producer", "----:com.apple.iTunes:PRODUCER"),
    "engineer": ("engineer", "----:com.apple.iTunes:ENGINEER"),
    "mixer": ("mixer", "----:com.apple.iTunes:MIXER"),
    "remixer": ("remixer", "TPE4", "----:com.apple.iTunes:REMIXER"),
}
"""Roles of people, in the order of display."""
_PEOPLE: Final = ("TIPL", "TMCL", "IPLS")
"""Frames of ID3 with pairs of role, or instrument, and name."""
_OTHER_ROLES: Final = {"mix": "mixer", "mixing": "mixer"}
_LYRICS: Final = (
    *("lyrics", "unsyncedlyrics", "unsynced lyrics", "syncedlyrics"),
    *("\xa9lyr", "----:com.apple.iTunes:LYRICS"),
)
_ITUNES_LANGUAGE: Final = "eng"
"""Language that iTunes writes whatever the lyrics are in."""
_MAX_NAMES: Final = 30
_MAX_CREDITS: Final = 100
_LATIN_1: Final = 0
_MILLISECONDS: Final = 2
"""Format of the times in a SYLT frame; the other counts MPEG frames."""


@dataclass(frozen=True, slots=True)
class TrackTexts:
    """Lyrics of a track, and its credits as pairs of role and name."""

    lyrics: Lyrics = field(default_factory=Lyrics)
    credits: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is any text."""
        return bool(self.lyrics.lines or self.credits)

    def to_facts(self) -> dict[str, Any]:
        """Return the texts as JSON values, for the index."""
        return {
            "lyrics": list(self.lyrics.lines),
            "language": self.lyrics.language,
            "times": list(self.lyrics.times),
            "credits": [list(pair) for pair in self.credits],
        }

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """Return the texts from JSON values. Raises ValueError.

        They are checked again: the process that read them may have been
        taken over by the file.
        """
        try:
            lines = [str(line) for line in facts["lyrics"]]
            pairs = [(str(role), str(name)) for role, name in facts["credits"]]
            language = str(facts["language"])
            times = _times(facts.get("times", [])) or [None] * len(lines)
            timed = list(zip(times, lines, strict=True))
        except (KeyError, TypeError) as error:
            raise ValueError("no texts of a track") from error
        return cls(
            tidy_lyrics(timed, language),
            tuple(_tidy_credits(pairs)),
        )


def read_track_texts(sources: Sequence[Any]) -> TrackTexts:
    """Return the lyrics and credits in a file's tags, as mutagen has them.

    Each is that of the first source that has any.
    """
    lyrics = Lyrics()
    found: tuple[tuple[str, str], ...] = ()
    for tags in sources:
        if tags is None:
            continue
        lyrics = lyrics if lyrics.lines else _lyrics(tags)
        found = found or tuple(_tidy_credits(_credits(tags)))
    return TrackTexts(lyrics, found)


def _times(values: list[Any]) -> list[int | None]:
    """Return times in hundredths of a second. Raises ValueError."""
    found: list[int | None] = []
    for at in values:
        is_time = isinstance(at, int) and 0 <= at <= MAX_TIME
        if at is not None and not is_time:
            raise ValueError("no time of a line")
        found.append(at)
    return found


def _lyrics(tags: Any) -> Lyrics:  # noqa: ANN401 - theirs
    """Return the first lyrics with times, or else the first."""
    found = Lyrics()
    for each in _all_lyrics(tags):
        if each.times:
            return each
        found = found if found.lines else each
    return found


def _all_lyrics(tags: Any) -> Iterator[Lyrics]:  # noqa: ANN401 - theirs
    for frame in _frames(tags, "USLT"):
        text = str(frame.text)
        if getattr(frame, "encoding", None) == _LATIN_1:
            text = "\n".join(repair_encoding(text.splitlines()))
        language = str(getattr(frame, "lang", ""))
        yield parse_lyrics(
            text, "" if language == _ITUNES_LANGUAGE else language
        )
    for frame in _frames(tags, "SYLT"):
        yield tidy_lyrics(_synchronised_lines(frame))
    for key in _LYRICS:
        yield parse_lyrics("\n".join(_texts(tags, key)))


def _synchronised_lines(frame: Any) -> list[tuple[int | None, str]]:  # noqa: ANN401 - theirs
    """Return the lines of a SYLT frame, with the times that it has."""
    has_times = frame.format == _MILLISECONDS
    parts = [(str(part[0]), int(part[1])) for part in frame.text]
    # Words of one line follow each other; a line begins with a break.
    has_breaks = any("\n" in text for text, _ in parts)
    lines: list[tuple[int | None, str]] = []
    for text, milliseconds in parts:
        at = milliseconds // 10 if has_times else None
        if at is not None and not 0 <= at <= MAX_TIME:
            at = None
        first, *others = text.split("\n") if has_breaks else ("", text)
        if lines and first:
            begun_at, begun = lines[-1]
            lines[-1] = begun_at if begun else at, begun + first
        elif first:
            lines.append((at, first))
        # What ends with a break doesn't say when the next line starts.
        is_end = not text.strip()
        lines += [(at if each or is_end else None, each) for each in others]
    return lines


def _credits(tags: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - theirs
    for role, keys in ROLES.items():
        for key in keys:
            yield from ((role, name) for name in _texts(tags, key))
    for key in _PEOPLE:
        for frame in _frames(tags, key):
            for pair in frame.people:
                if len(pair) != 2:
                    continue
                what, name = str(pair[0]).strip().lower(), str(pair[1])
                role = _OTHER_ROLES.get(what, what)
                if role in ROLES:
                    yield role, name
                elif key == "TMCL" and what and name.strip():
                    yield "performer", f"{name} ({what})"


def _tidy_credits(
    pairs: Sequence[tuple[str, str]] | Iterator[tuple[str, str]],
) -> list[tuple[str, str]]:
    """Return the known roles in order, each name of a role once."""
    names: dict[str, dict[str, None]] = {role: {} for role in ROLES}
    for role, name in pairs:
        clean = clean_line(name)
        if clean and role in names and len(names[role]) < _MAX_NAMES:
            names[role][clean] = None
    return [(role, name) for role in ROLES for name in names[role]][
        :_MAX_CREDITS
    ]


def _frames(tags: Any, kind: str) -> list[Any]:  # noqa: ANN401 - theirs
    """Return the frames of a kind; other tags than ID3 have none."""
    get = getattr(tags, "getall", None)
    return list(get(kind)) if get is not None else []


def _texts(tags: Any, key: str) -> list[str]:  # noqa: ANN401 - theirs
    """Return the texts of a key, none for a key that there isn't."""
    try:
        value = tags[key]
    except (KeyError, ValueError):
        return []
    texts = getattr(value, "text", value)
    if isinstance(texts, str):
        texts = texts.split("\0")
    elif not hasattr(texts, "__iter__") or isinstance(texts, bytes):
        texts = [texts]
    found = [
        # MP4's free-form tags are bytes.
        bytes(text).decode("utf-8", "replace")
        if isinstance(text, bytes)
        else str(text)
        for text in texts
    ]
    if getattr(value, "encoding", None) == _LATIN_1:
        found = repair_encoding(found)
    return found

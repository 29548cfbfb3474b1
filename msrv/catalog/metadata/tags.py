# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tags and duration of audio files, read by mutagen."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any, BinaryIO, Final, Self

from msrv.catalog.metadata.audio_files import NotAudio, open_audio, read_apev2
from msrv.catalog.metadata.audio_pictures import has_picture
from msrv.catalog.metadata.mojibake import repair_encoding
from msrv.catalog.metadata.replay_gain import (
    ALBUM_KEYS,
    R128_ALBUM_KEYS,
    R128_TRACK_KEYS,
    TRACK_KEYS,
    gain_db,
)
from msrv.catalog.metadata.riff_info import read_riff_info
from msrv.catalog.metadata.sound_facts import sound_facts
from msrv.catalog.metadata.track_texts import TrackTexts, read_track_texts
from msrv.catalog.model import Sound
from msrv.display_text import clean_line

# The side of a record and the track on it: `A1`, or `A` of a single.
_POSITION: Final = re.compile(r"\s*([A-Za-z])([0-9]{0,2})\s*(?:/.*)?")
_NUMBER: Final = re.compile(r"\s*0*([1-9][0-9]{0,3})(?![0-9])")
__all__ = ["MAX_SECONDS", "NotAudio", "Tags", "merge_tags", "read_tags"]

MAX_SECONDS: Final = 1_000_000
"""Longest duration that is believed: eleven days, far above any track.

A header may state an unknown one as the highest number that it has room for.
"""
_LATIN_1: Final = 0
_ID3V1_BYTES: Final = 128
_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")
# Keys of Vorbis comments and APEv2, then of ID3 and of MP4.
_KEYS: Final = {
    "title": ("title", "TIT2", "\xa9nam"),
    "artist": ("artist", "TPE1", "\xa9ART"),
    "album_artist": (
        *("albumartist", "album artist", "album_artist"),
        *("TPE2", "aART"),
    ),
    "album": ("album", "TALB", "\xa9alb"),
    "date": ("date", "year", "TDRC", "\xa9day"),
    "number": ("tracknumber", "track", "TRCK", "trkn"),
    "disc": ("discnumber", "disc", "TPOS", "disk"),
    "genre": ("genre", "TCON", "\xa9gen"),
    "tempo": ("bpm", "tempo", "TBPM", "tmpo"),
    "key": ("initialkey", "TKEY", "----:com.apple.iTunes:initialkey"),
    "track_gain": TRACK_KEYS,
    "album_gain": ALBUM_KEYS,
    "track_r128": R128_TRACK_KEYS,
    "album_r128": R128_ALBUM_KEYS,
}
_SEVERAL: Final = frozenset({"artist", "album_artist"})
"""Fields whose values are all used, if there are several."""
_GENRE_SEPARATORS: Final = re.compile(r"\s*[;\0]\s*")
_MAX_GENRES: Final = 8
_MAX_KEY_CHARS: Final = 12
_TEMPO: Final = re.compile(r"\s*([0-9]{1,3})(?:\.[0-9]*)?\s*")

Values = Mapping[str, Sequence[str]]
"""Values of one tag, by fields of Tags."""


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags of an audio file; fields without a value are empty or None.

    `date` starts with a year, but may be invalid. `tempo` is in beats per
    minute, and `key` is the initial musical key. `codec`, `sample_rate_hz`,
    `bit_depth` and `channels` are those of its sound; the depth, in bits per
    sample, is known of lossless codecs alone, and the gains are those of
    ReplayGain, in dB. `texts` are its lyrics and credits. `position` is
    stated instead of a number: a record's side and the track on it, `A01`.
    """

    title: str = ""
    artist: str = ""
    album_artist: str = ""
    album: str = ""
    date: str = ""
    number: int | None = None
    disc: int | None = None
    duration_seconds: float | None = None
    has_picture: bool = False
    genres: tuple[str, ...] = ()
    tempo: int | None = None
    key: str = ""
    codec: str = ""
    sample_rate_hz: int | None = None
    bit_depth: int | None = None
    channels: int | None = None
    track_gain_db: float | None = None
    album_gain_db: float | None = None
    texts: TrackTexts = field(default_factory=TrackTexts)
    position: str = ""

    @property
    def sound(self) -> Sound | None:
        """The sound of the file, None if it isn't known."""
        if not self.codec:
            return None
        return Sound(
            self.codec,
            self.sample_rate_hz,
            self.bit_depth,
            self.channels,
            self.track_gain_db,
            self.album_gain_db,
        )

    def to_facts(self) -> dict[str, Any]:
        """Return the tags as JSON values, for the index."""
        return {**asdict(self), "texts": self.texts.to_facts()}

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """Return the tags from the index's JSON values."""
        values = {
            **facts,
            "genres": tuple(facts.get("genres", ())),
            # An index may be older than the limit.
            "duration_seconds": _duration(facts.get("duration_seconds")),
        }
        if isinstance(texts := facts.get("texts"), dict):
            values["texts"] = TrackTexts.from_facts(texts)
        return cls(**values)


def read_tags(file: BinaryIO) -> Tags:
    """Return the tags of an open file, which must have its `name`. Blocks.

    Several artists are joined. If a file has several kinds of tags, each
    field comes from the first with a value: ID3v2, APEv2, RIFF INFO, ID3v1.
    Raises NotAudio.
    """
    sound = open_audio(file)
    found = [_field_values(sound.tags)]
    sources = [sound.tags]
    kind = type(sound).__name__
    if kind == "MP3":
        is_old = getattr(sound.tags, "version", (2,))[0] == 1
        sources.append(read_apev2(file))
        found.insert(0 if is_old else 1, _field_values(sources[1]))
        found.append(_id3v1(file))
    elif kind == "WAVE":
        found.append(read_riff_info(file))
    return replace(
        merge_tags(found, getattr(sound.info, "length", None)),
        has_picture=has_picture(sound, file),
        texts=read_track_texts(sources),
        **sound_facts(sound),
    )


def merge_tags(
    found: Sequence[Values], duration_seconds: float | None = None
) -> Tags:
    """Return tags with each field from the first source that has it.

    A duration that can't be true is not known.
    """
    values = {name: _first_value(name, found) for name in _KEYS}
    date = _DATE.match(values["date"])
    return Tags(
        title=values["title"],
        artist=values["artist"],
        album_artist=values["album_artist"],
        album=values["album"],
        date=date[0] if date else "",
        number=_leading_number(values["number"]),
        disc=_leading_number(values["disc"]),
        duration_seconds=_duration(duration_seconds),
        genres=_genres(found),
        tempo=_tempo(values["tempo"]),
        key=values["key"][:_MAX_KEY_CHARS],
        track_gain_db=gain_db(values["track_gain"], values["track_r128"]),
        album_gain_db=gain_db(values["album_gain"], values["album_r128"]),
        position=_position(values["number"]),
    )


def _first_value(name: str, found: Sequence[Values]) -> str:
    for values in found:
        texts = [clean_line(text) for text in values.get(name, ())]
        texts = list(dict.fromkeys(filter(None, texts)))
        if texts:
            return clean_line(
                ", ".join(texts if name in _SEVERAL else texts[:1])
            )
    return ""


def _field_values(tags: Any) -> Values:  # noqa: ANN401 - theirs
    """Return the values of one tag that mutagen read."""
    found: dict[str, list[str]] = {}
    called_latin_1 = []
    for name, keys in _KEYS.items():
        for key in keys:
            try:
                value = tags[key] if tags is not None else ()
            except (KeyError, ValueError):
                continue
            # ID3's genres may be numbers of a table, which this resolves.
            texts = getattr(value, "genres", getattr(value, "text", value))
            if isinstance(texts, str):
                texts = texts.split("\0")
            elif not isinstance(texts, list | tuple):
                texts = list(texts) if hasattr(texts, "__iter__") else [texts]
            # MP4 has a number and a total: (2, 9).
            found[name] = [
                _to_text(text[0] if isinstance(text, tuple) else text)
                for text in texts
            ]
            if getattr(value, "encoding", None) == _LATIN_1:
                called_latin_1.append(name)
            break
    _repair(found, called_latin_1)
    return found


def _to_text(value: object) -> str:
    # MP4's free-form tags are bytes.
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _repair(found: dict[str, list[str]], names: Sequence[str]) -> None:
    """Repair the fields labelled Latin-1, in place."""
    texts = iter(
        repair_encoding([text for name in names for text in found[name]])
    )
    for name in names:
        found[name] = [next(texts) for _ in found[name]]


def _id3v1(file: BinaryIO) -> Values:
    from mutagen.id3 import ParseID3v1  # noqa: PLC0415 - as in read_tags

    with suppress(OSError):
        file.seek(-_ID3V1_BYTES, os.SEEK_END)
        last = file.read(_ID3V1_BYTES)
        return _field_values(ParseID3v1(last))  # type: ignore[no-untyped-call] # theirs
    return {}


def _genres(found: Sequence[Values]) -> tuple[str, ...]:
    """Return the genres of the first source that has some, each once."""
    for values in found:
        texts = [
            clean_line(text)
            for value in values.get("genre", ())
            for text in _GENRE_SEPARATORS.split(value)
        ]
        if any(texts):
            return tuple(dict.fromkeys(filter(None, texts)))[:_MAX_GENRES]
    return ()


def _tempo(text: str) -> int | None:
    """Return a tempo in beats per minute, None for zero and for nonsense."""
    match = _TEMPO.fullmatch(text)
    return int(match[1]) or None if match else None


def _leading_number(text: str) -> int | None:
    match = _NUMBER.match(text)
    return int(match[1]) if match else None


def _position(text: str) -> str:
    match = _POSITION.fullmatch(text)
    return f"{match[1].upper()}{match[2]:>02}" if match else ""


def _duration(length: object) -> float | None:
    """Return a length in seconds, or None if a broken header states it."""
    if not isinstance(length, int | float) or not math.isfinite(length):
        return None
    seconds = round(length, 3)
    return seconds if 0 < seconds <= MAX_SECONDS else None

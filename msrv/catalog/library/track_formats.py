# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Grouping of files that are one track in several formats.

`01 Departure.flac` and `01 Departure.mp3` are one item: the better file, with
the others as alternatives. Apart from `release_builder`: it needs nothing but
names, sizes and tags.
"""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from msrv.catalog.library.found_files import FoundFile
from msrv.catalog.metadata.tags import Tags
from msrv.display_text import fold_name
from msrv.storage.model import Content

_LOSSLESS: Final = frozenset({".aif", ".aiff", ".flac", ".wav"})
# Encoders add silence at both ends, some hundredths of a second.
_SAME_NAME_SECONDS: Final = 2.0
_SAME_TAGS_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class TrackFile:
    """A track's file and its tags.

    `is_apart` is True for a file that the seller configured by itself, which
    is never grouped.
    """

    file: FoundFile
    content: Content
    tags: Tags
    is_apart: bool = False

    @property
    def rank(self) -> tuple[bool, int, str]:
        """Sort key by quality: lossless above lossy, then by size."""
        suffix = self.file.suffix
        return suffix in _LOSSLESS, self.file.size_bytes, self.file.path


def number_sides(sounds: Sequence[TrackFile]) -> list[TrackFile]:
    """Return files with numbers for the positions on a record in their tags.

    Only if every file has a position. The sides of a disc count on: if A2 is
    the last of the first side, B1 is the third track.
    """
    places = {(each.tags.disc or 1, each.tags.position) for each in sounds}
    if not all(position for _, position in places):
        return list(sounds)
    numbers: dict[tuple[int, str], int] = {}
    last: Counter[int] = Counter()
    for disc, position in sorted(places):
        last[disc] += 1
        numbers[disc, position] = last[disc]
    return [
        replace(
            each,
            tags=replace(
                each.tags,
                number=numbers[each.tags.disc or 1, each.tags.position],
            ),
        )
        for each in sounds
    ]


def group_by_track(sounds: Sequence[TrackFile]) -> list[tuple[TrackFile, ...]]:
    """Return groups of files, one a track, in order of each first file.

    The best file of a group comes first. Two files are one track if they are
    in one folder, differ in format, have the same duration, and share either
    their name or title, artist, disc and number in their tags.
    """
    tracks: list[list[TrackFile]] = []
    by_key: dict[object, _TracksOfKey] = {}
    for sound in sounds:
        keys = () if sound.is_apart else _matching_keys(sound)
        for key, most_seconds in keys:
            known = by_key.setdefault(key, _TracksOfKey())
            track = next(
                (
                    each
                    for each in known.without(sound.file.suffix)
                    if _has_duration(sound, each, most_seconds)
                ),
                None,
            )
            if track is not None:
                track.append(sound)
                break
        else:
            track = [sound]
            tracks.append(track)
        for key, _ in keys:
            by_key.setdefault(key, _TracksOfKey()).add(track)
    return [
        tuple(sorted(track, key=lambda each: each.rank, reverse=True))
        for track in tracks
    ]


class _TracksOfKey:
    """Tracks that share a key, in order, and of those each format's lack.

    A sample pack may have thousands of files of one title: each would be
    compared with all before it.
    """

    def __init__(self) -> None:
        self._tracks: list[list[TrackFile]] = []
        self._lacking: dict[str, _Lacking] = {}

    def add(self, track: list[TrackFile]) -> None:
        self._tracks.append(track)

    def without(self, suffix: str) -> Iterator[list[TrackFile]]:
        """Yield the tracks that have no file of a format."""
        lacking = self._lacking.setdefault(suffix, _Lacking())
        for track in islice(self._tracks, lacking.seen_count, None):
            if not _has_format(track, suffix):
                lacking.tracks.append(track)
        lacking.seen_count = len(self._tracks)
        # A track keeps its formats: those at the front never lack it again.
        while lacking.tracks and _has_format(lacking.tracks[0], suffix):
            lacking.tracks.popleft()
        for track in lacking.tracks:
            if not _has_format(track, suffix):
                yield track


@dataclass(slots=True)
class _Lacking:
    """Tracks that lacked a format when they were the last of `seen_count`."""

    tracks: deque[list[TrackFile]] = field(default_factory=deque)
    seen_count: int = 0


def _has_format(track: Sequence[TrackFile], suffix: str) -> bool:
    return any(each.file.suffix == suffix for each in track)


def _matching_keys(sound: TrackFile) -> list[tuple[object, float]]:
    """Return keys that formats of a track share, with a tolerance for each.

    The tolerance is by how many seconds their durations may differ.
    """
    folder, _, name = sound.file.path.rpartition("/")
    stem = name[: len(name) - len(sound.file.suffix)]
    keys: list[tuple[object, float]] = [
        ((folder, fold_name(stem)), _SAME_NAME_SECONDS)
    ]
    tags = sound.tags
    if tags.title and tags.duration_seconds is not None:
        words = (fold_name(tags.title), fold_name(tags.artist))
        same = (folder, *words, tags.disc, tags.number)
        keys.append((same, _SAME_TAGS_SECONDS))
    return keys


def _has_duration(
    sound: TrackFile, track: Sequence[TrackFile], most_seconds: float
) -> bool:
    length = sound.tags.duration_seconds
    for other in track:
        others = other.tags.duration_seconds
        if None not in {length, others} and (
            abs((length or 0) - (others or 0)) > most_seconds
        ):
            return False
    return True

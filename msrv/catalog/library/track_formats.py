# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Grouping of files that are one track in several formats.

`01 Departure.flac` and `01 Departure.mp3` are one item: the better file, with
the others as alternatives. Apart from `release_builder`: it needs nothing but
names, sizes and tags.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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


def group_by_track(sounds: Sequence[TrackFile]) -> list[tuple[TrackFile, ...]]:
    """Return groups of files, one a track, in order of each first file.

    The best file of a group comes first. Two files are one track if they are
    in one folder, differ in format, have the same duration, and share either
    their name or title, artist, disc and number in their tags.
    """
    tracks: list[list[TrackFile]] = []
    by_key: dict[object, list[list[TrackFile]]] = {}
    for sound in sounds:
        keys = () if sound.is_apart else _matching_keys(sound)
        for key, most_seconds in keys:
            track = next(
                (
                    each
                    for each in by_key.get(key, ())
                    if _is_another_format(sound, each, most_seconds)
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
            by_key.setdefault(key, []).append(track)
    return [
        tuple(sorted(track, key=lambda each: each.rank, reverse=True))
        for track in tracks
    ]


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


def _is_another_format(
    sound: TrackFile, track: Sequence[TrackFile], most_seconds: float
) -> bool:
    length = sound.tags.duration_seconds
    for other in track:
        if other.file.suffix == sound.file.suffix:
            return False
        others = other.tags.duration_seconds
        if None not in {length, others} and (
            abs((length or 0) - (others or 0)) > most_seconds
        ):
            return False
    return True

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tags that an encoding gets, by the catalog.

Apart from `tag_writer`, which runs in another process, with mutagen.
"""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from msrv.catalog.model import Item, ItemKind, Release
from msrv.catalog.sound.loudness import Loudness


@dataclass(frozen=True, slots=True)
class TrackTags:
    """Tags of a track; a field without a value is empty or 0.

    `number` is the track's on its disc, of `numbers`; `disc` is the disc's,
    of `discs`. The gains are those of ReplayGain in dB; `track_peak` is a
    factor, 1 for full scale.
    """

    title: str
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    date: str = ""
    number: int = 0
    numbers: int = 0
    disc: int = 0
    discs: int = 0
    track_gain_db: float | None = None
    track_peak: float | None = None
    album_gain_db: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the tags as JSON values."""
        return asdict(self)

    def with_loudness(self, loudness: Loudness | None) -> Self:
        """Return the tags with the gain and peak that were measured.

        A gain in the master's own tags stays.
        """
        if loudness is None or loudness.is_silent:
            return self
        gain = self.track_gain_db
        return replace(
            self,
            track_gain_db=loudness.gain_db if gain is None else gain,
            track_peak=loudness.peak,
        )

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the tags from JSON values."""
        return cls(**values)


def tags_of(release: Release) -> dict[str, TrackTags]:
    """Return the tags of a release's tracks, by item id.

    They are those of its page: of release.toml, or else of the files.
    """
    tracks = [each for each in release.items if each.kind is ItemKind.TRACK]
    counts = Counter(each.disc or 1 for each in tracks)
    discs = max(counts, default=1)
    return {
        each.item_id: TrackTags(
            title=each.title,
            artist=each.artist or release.artist,
            album=release.title,
            album_artist=release.artist,
            date=release.date,
            number=each.number or 0,
            numbers=_total(each, counts) if each.number else 0,
            disc=(each.disc or 1) if discs > 1 else 0,
            discs=discs if discs > 1 else 0,
            track_gain_db=each.sound.track_gain_db if each.sound else None,
            album_gain_db=each.sound.album_gain_db if each.sound else None,
        )
        for each in tracks
    }


def _total(item: Item, counts: Counter[int]) -> int:
    """Return the number of tracks on an item's disc, its own at least."""
    return max(counts[item.disc or 1], item.number or 0)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tags that an encoding gets, by the catalog.

Apart from `tag_writer`, which runs in another process, with mutagen.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Self

from msrv.catalog.model import Item, ItemKind, Release


@dataclass(frozen=True, slots=True)
class TrackTags:
    """Tags of a track; a field without a value is empty or 0.

    `number` is the track's on its disc, of `numbers`; `disc` is the disc's,
    of `discs`.
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

    def to_json(self) -> dict[str, Any]:
        """Return the tags as JSON values."""
        return asdict(self)

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
        )
        for each in tracks
    }


def _total(item: Item, counts: Counter[int]) -> int:
    """Return the number of tracks on an item's disc, its own at least."""
    return max(counts[item.disc or 1], item.number or 0)

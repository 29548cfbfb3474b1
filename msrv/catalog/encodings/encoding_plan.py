# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Plan of the encodings that a catalog needs, in the order of its pages.

Pure. The digests in it name files that other stores may share, so they are
of what decides an encoding's bytes and of nothing else.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Self

from msrv.catalog.encodings.recipes import (
    STREAMS,
    Recipe,
    stream_recipes,
    wanted_recipes,
)
from msrv.catalog.encodings.track_tags import TrackTags, tags_of
from msrv.catalog.model import Catalog, Cover, Item, Release, Sound

_NO_TAGS = TrackTags("")
_SCHEME = 3
"""Increase it when encodings are made in another way."""
_STREAM_SCHEME = 2
"""That of streams of one or two channels."""


@dataclass(frozen=True, slots=True)
class PlannedEncoding:
    """An encoding that the catalog needs: of which item, by which recipe.

    `source` is the SHA-256, in hex, of the master's SHA-256, the recipe, the
    tags and the cover. `gain_db` is the gain that the master's tags state for
    a stream, None for one that is measured.
    """

    item: Item
    recipe: Recipe
    sound: Sound
    tags: TrackTags
    cover: Cover | None
    source: str
    gain_db: float | None = None

    @property
    def is_stream(self) -> bool:
        """True for what is listened to, whose samples have a gain."""
        return self.recipe.name in STREAMS

    @property
    def master(self) -> str:
        """SHA-256 of the master, in hex."""
        return self.item.content.sha256.hex()

    def key(self, encoder_version: str) -> str:
        """Return the SHA-256, in hex, of the source and the encoder."""
        text = f"{self.source} {encoder_version}"
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class EncodingPlan:
    """Plan of a catalog: the encodings of each of its releases, by id."""

    releases: Mapping[str, tuple[Release, tuple[PlannedEncoding, ...]]]

    @classmethod
    def of(cls, catalog: Catalog) -> Self:
        """Return the plan of a catalog.

        It takes about 20 microseconds an encoding: in a thread.
        """
        return cls(
            {
                release.release_id: (release, tuple(_plan(release)))
                for release in catalog.releases
            }
        )

    @property
    def encodings(self) -> tuple[PlannedEncoding, ...]:
        """All encodings, those of withdrawn tracks last."""
        found = chain.from_iterable(each for _, each in self.releases.values())
        return tuple(sorted(found, key=lambda each: each.item.hidden))

    @property
    def streams(self) -> Mapping[tuple[str, str], str]:
        """Sources of all streams, by the item's path and the recipe's name."""
        return {
            (each.item.content.path, each.recipe.name): each.source
            for _, planned in self.releases.values()
            for each in planned
            if each.is_stream
        }

    def of_release(self, release: Release) -> tuple[PlannedEncoding, ...]:
        """Return the encodings of a release, also of another catalog's."""
        known = self.releases.get(release.release_id)
        if known is not None and known[0] is release:
            return known[1]
        return tuple(_plan(release))


def _plan(release: Release) -> Iterator[PlannedEncoding]:
    """Yield the encodings of a release's tracks."""
    if not any(each.formats or stream_recipes(each) for each in release.items):
        return
    tags, gains = tags_of(release), _gains(release)
    for item in release.items:
        sound = item.sound
        if sound is None:
            continue
        for recipe in stream_recipes(item):
            gain = gains.get(item.item_id)
            source = _source(
                item, recipe, sound, TrackTags("", track_gain_db=gain), None
            )
            yield PlannedEncoding(
                item, recipe, sound, _NO_TAGS, None, source, gain
            )
        for recipe in wanted_recipes(item):
            own = tags[item.item_id]
            yield PlannedEncoding(
                item,
                recipe,
                sound,
                own,
                release.cover,
                _source(item, recipe, sound, own, release.cover),
            )


def _gains(release: Release) -> dict[str, float]:
    """Return the gains of a release's streams by its tags, by item id.

    Those of the album if all of its tracks have one, so that a quiet track
    stays quieter than the others; otherwise each track's own.
    """
    sounds = {each.item_id: each.sound for each in release.items if each.sound}
    albums = {key: each.album_gain_db for key, each in sounds.items()}
    tracks = {key: each.track_gain_db for key, each in sounds.items()}
    found = tracks if None in albums.values() else albums
    return {key: gain for key, gain in found.items() if gain is not None}


def _source(
    item: Item,
    recipe: Recipe,
    sound: Sound,
    tags: TrackTags,
    cover: Cover | None,
) -> str:
    is_stream = recipe.name in STREAMS and (sound.channels or 2) <= 2
    parts = [
        _STREAM_SCHEME if is_stream else _SCHEME,
        item.content.sha256.hex(),
        recipe.name,
        recipe.options(sound),
        tags.to_json(),
        [cover.content.sha256.hex(), cover.is_embedded] if cover else None,
    ]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Plan of the encodings that a catalog needs, in the order of its pages.

Pure. The digests in it name files that other stores may share, so they are
of what decides an encoding's bytes and of nothing else.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from msrv.catalog.encodings.recipes import (
    Recipe,
    stream_recipes,
    wanted_recipes,
)
from msrv.catalog.encodings.track_tags import TrackTags, tags_of
from msrv.catalog.model import Catalog, Cover, Item, Release, Sound

_NO_TAGS = TrackTags("")
_SCHEME = 1
"""Increase it when encodings are made in another way."""


@dataclass(frozen=True, slots=True)
class PlannedEncoding:
    """An encoding that the catalog needs: of which item, by which recipe.

    `source` is the SHA-256, in hex, of the master's SHA-256, the recipe, the
    tags and the cover.
    """

    item: Item
    recipe: Recipe
    sound: Sound
    tags: TrackTags
    cover: Cover | None
    source: str

    @property
    def master(self) -> str:
        """SHA-256 of the master, in hex."""
        return self.item.content.sha256.hex()

    def key(self, encoder_version: str) -> str:
        """Return the SHA-256, in hex, of the source and the encoder."""
        text = f"{self.source} {encoder_version}"
        return hashlib.sha256(text.encode()).hexdigest()


def plan_encodings(catalog: Catalog) -> Iterator[PlannedEncoding]:
    """Yield the encodings of all tracks, those of withdrawn ones last."""
    for hidden in (False, True):
        for release in catalog.releases:
            for planned in plan_release(release):
                if planned.item.hidden is hidden:
                    yield planned


def plan_release(release: Release) -> Iterator[PlannedEncoding]:
    """Yield the encodings of a release's tracks."""
    if not any(each.formats or stream_recipes(each) for each in release.items):
        return
    tags = tags_of(release)
    for item in release.items:
        sound = item.sound
        if sound is None:
            continue
        for recipe in stream_recipes(item):
            source = _source(item, recipe, sound, _NO_TAGS, None)
            yield PlannedEncoding(item, recipe, sound, _NO_TAGS, None, source)
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


def _source(
    item: Item,
    recipe: Recipe,
    sound: Sound,
    tags: TrackTags,
    cover: Cover | None,
) -> str:
    parts = [
        _SCHEME,
        item.content.sha256.hex(),
        recipe.name,
        recipe.options(sound),
        tags.to_json(),
        [cover.content.sha256.hex(), cover.is_embedded] if cover else None,
    ]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Formats in which items and releases can be downloaded at this moment.

The file as the seller put it, other files of the same track in its folder,
and what has been encoded so far. What isn't ready isn't offered.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from msrv.catalog.encodings.encoding_plan import EncodingPlan
from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.encodings.recipes import (
    ORIGINAL,
    RECIPES,
    file_format,
    player_type,
    wanted_recipes,
)
from msrv.catalog.model import Item, ItemKind, Release
from msrv.storage.model import Content

_MAX_RELEASES: Final = 256


class FormatError(Exception):
    """A download in a format that can't be sent; `name` is the format's."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class UnknownFormat(FormatError):
    """The item, or the release, has no such format and will not have it."""


class FormatNotReady(FormatError):
    """The format is still being encoded."""


@dataclass(frozen=True, slots=True)
class ItemFormat:
    """One format of an item.

    `name` is what `?as=` contains, `label` is for people. `file_name` is
    suggested to whoever downloads it.
    """

    name: str
    label: str
    content: Content
    file_name: str

    @property
    def size_bytes(self) -> int:
        """Size in bytes."""
        return self.content.size_bytes


@dataclass(frozen=True, slots=True)
class ReleaseFormat:
    """One format of a whole release; `size_bytes` is that of its files."""

    name: str
    label: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class _Formats:
    """Formats of a release, valid for one revision of the store.

    `items` are by their paths: an item may have former ids as well.
    """

    release: Release
    revision: int
    items: Mapping[str, tuple[ItemFormat, ...]]
    whole: Mapping[str, Release]
    pending: frozenset[str]


class ItemFormats:
    """Formats by item and by release, with the files that they are."""

    def __init__(self, store: EncodingStore) -> None:
        self._store = store
        self.plan = EncodingPlan({})
        """Plan of the current catalog, so that it isn't made again."""
        self._known: OrderedDict[str, _Formats] = OrderedDict()

    def of_item(
        self, release: Release | None, item: Item
    ) -> tuple[ItemFormat, ...]:
        """Return the formats of an item; the first is the original.

        `release` is the item's own, None for one that is in none any more.
        """
        found = None
        if release is not None:
            found = self._of(release).items.get(item.content.path)
        return found or (_original(item),)

    def is_analysed(self, item: Item) -> bool:
        """Return whether the waveform of a track is known."""
        master = item.content.sha256.hex()
        return self._store.analyses.find(master) is not None

    def of_release(self, release: Release) -> tuple[ReleaseFormat, ...]:
        """Return the formats of a whole release; the first is the original.

        A format is one of the release once all its tracks that shall have it
        do; its ZIP has its other files as they are.
        """
        known = self._of(release)
        return (
            ReleaseFormat(ORIGINAL, "", release.size_bytes, ""),
            *(
                ReleaseFormat(
                    name,
                    _label(name),
                    found.size_bytes,
                    player_type(name),
                )
                for name, found in known.whole.items()
            ),
        )

    def item_in(
        self, release: Release | None, item: Item, name: str
    ) -> ItemFormat:
        """Return an item in a format. Raises UnknownFormat, FormatNotReady."""
        formats = self.of_item(release, item)
        if name in {ORIGINAL, file_format(item.content, item.sound)}:
            return formats[0]
        for each in formats:
            if each.name == name:
                return each
        if any(each.name == name for each in wanted_recipes(item)):
            raise FormatNotReady(name)
        raise UnknownFormat(name)

    def release_in(self, release: Release, name: str) -> Release:
        """Return a release whose tracks have the files of a format.

        The same object, as long as nothing changes; the release itself if its
        own tracks have that format. Raises UnknownFormat and FormatNotReady.
        """
        if name == ORIGINAL or _is_originally(release, name):
            return release
        known = self._of(release)
        found = known.whole.get(name)
        if found is not None:
            return found
        raise (
            FormatNotReady(name)
            if name in known.pending
            else UnknownFormat(name)
        )

    def _of(self, release: Release) -> _Formats:
        known = self._known.get(release.release_id)
        revision = self._store.revision
        if (
            known is None
            or known.release is not release
            or known.revision != revision
        ):
            known = self._build(release, revision)
            self._known[release.release_id] = known
            if len(self._known) > _MAX_RELEASES:
                self._known.popitem(last=False)
        self._known.move_to_end(release.release_id)
        return known

    def _build(self, release: Release, revision: int) -> _Formats:
        items = {
            item.content.path: [_original(item), *_alternatives(item)]
            for item in release.items
        }
        pending = set()
        for planned in self.plan.of_release(release):
            item, recipe = planned.item, planned.recipe
            if recipe.name not in RECIPES:
                continue  # a stream, which isn't downloaded
            made = self._store.find(
                planned.source, planned.master, recipe.name
            )
            if made is None:
                pending.add(recipe.name)
                continue
            stem = item.file_name.rpartition(".")[0] or item.file_name
            items[item.content.path].append(
                ItemFormat(
                    recipe.name,
                    recipe.label,
                    made.content,
                    stem + recipe.suffix,
                )
            )
        found = {key: tuple(each) for key, each in items.items()}
        return _Formats(
            release,
            revision,
            found,
            _whole(release, found, pending),
            frozenset(pending),
        )


def _is_originally(release: Release, name: str) -> bool:
    """Return whether all tracks of a release have a format as they are."""
    found = {
        file_format(item.content, item.sound)
        for item in release.items
        if item.kind is ItemKind.TRACK
    }
    return bool(name) and found == {name}


def _whole(
    release: Release,
    items: Mapping[str, tuple[ItemFormat, ...]],
    pending: set[str],
) -> dict[str, Release]:
    """Return the release in each format that some of its tracks have."""
    present = {each.name for formats in items.values() for each in formats[1:]}
    names = [each for each in RECIPES if each in present]
    names += sorted(present - RECIPES.keys())
    whole = {}
    for name in names:
        if name in pending:
            continue
        whole[name] = release.with_items(
            tuple(
                _item_as(item, items[item.content.path], name)
                for item in release.items
            )
        )
    return whole


def _item_as(item: Item, formats: tuple[ItemFormat, ...], name: str) -> Item:
    """Return an item with the file of a format, as it is without one."""
    for each in formats:
        if each.name == name:
            return replace(item, content=each.content)
    return item


def original_label(item: Item) -> str:
    """Return the name for people of an original's format: `FLAC`, `PDF`."""
    name = file_format(item.content, item.sound)
    suffix = item.file_name.rpartition(".")[2].upper()
    return _label(name) if name in RECIPES else suffix


def _original(item: Item) -> ItemFormat:
    return ItemFormat(
        ORIGINAL, original_label(item), item.content, item.file_name
    )


def _alternatives(item: Item) -> list[ItemFormat]:
    """Return the seller's other files of a track, by their formats."""
    if item.kind is not ItemKind.TRACK:
        return []
    found: dict[str, ItemFormat] = {}
    for content in item.alternatives:
        name = file_format(content)
        file_name = content.path.rpartition("/")[2]
        if name:
            found.setdefault(
                name, ItemFormat(name, _label(name), content, file_name)
            )
    return list(found.values())


def _label(name: str) -> str:
    recipe = RECIPES.get(name)
    return name.upper() if recipe is None else recipe.label

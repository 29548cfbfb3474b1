# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Choice of a format on a receipt: what there is, and each download in it.

The choice is `?as=` of the receipt's address, so that it works without
JavaScript. A format that isn't one of a line's leaves it as the original.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from msrv.catalog.encodings.item_formats import (
    FormatError,
    ItemFormat,
    ItemFormats,
    original_label,
)
from msrv.catalog.encodings.recipes import (
    ORIGINAL,
    RECIPES,
    file_format,
    player_type,
)
from msrv.catalog.model import Catalog, Item, ItemKind, Release
from msrv.orders.download_links import ReceiptItem
from msrv.time_slices import TimeSlices
from msrv.web import formatting

PARAMETER: Final = "as"
_ZIP: Final = "ZIP"
_WIDELY_PLAYED: Final = ("mp3-v0", "mp3-320", "mp3", "aac-256", ORIGINAL)
"""Formats in the order in which a player without scripts tries them."""
_MAX_SOURCES: Final = 3


@dataclass(frozen=True, slots=True)
class FormatOption:
    """A format that some line of a receipt has.

    `label` of the original lists the formats of the lines' files. A browser
    can tell whether it plays `media_type`, which may have codecs.
    """

    name: str
    label: str
    media_type: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class FormatDownload:
    """One download in the chosen format, or as the original.

    `labels` are the formats of the file: of a ZIP that of its tracks, too.
    `sha256` is in hex, and empty for a ZIP, as its media type.
    """

    link: str
    labels: tuple[str, ...]
    size_bytes: int
    sha256: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True)
class PlayerSource:
    """A file that a browser can play a bought track from.

    A browser can tell whether it plays `media_type`, which may have codecs.
    """

    name: str
    link: str
    media_type: str


class FormatChoice:
    """The chosen format of a receipt, with the downloads of its lines."""

    def __init__(
        self, formats: ItemFormats, catalog: Catalog, chosen: str
    ) -> None:
        self._formats = formats
        self._catalog = catalog
        self._chosen = chosen
        self._labels: dict[str, tuple[str, str]] = {}
        self._originals: dict[str, str] = {}

    @classmethod
    async def of(
        cls,
        formats: ItemFormats,
        catalog: Catalog,
        items: Sequence[ReceiptItem],
        chosen: str,
    ) -> "FormatChoice":
        """Return the choice for a receipt's lines.

        Other tasks run in between: a receipt may have a hundred releases.
        """
        found = cls(formats, catalog, chosen)
        async for line in (await TimeSlices.start()).iterate(items):
            if line.link is not None and line.entry is not None:
                found._add(line.entry)
        return found

    @property
    def query(self) -> str:
        """The query of an address in the chosen format, with its `?`."""
        if any(each.is_chosen for each in self.options[1:]):
            return f"?{PARAMETER}={self._chosen}"
        return ""

    @property
    def options(self) -> tuple[FormatOption, ...]:
        """The formats to choose from; none where there is only one."""
        if len(self._labels) < 2:
            return ()
        order = [ORIGINAL, *RECIPES, *sorted(self._labels)]
        names = [each for each in dict.fromkeys(order) if each in self._labels]
        chosen = self._chosen if self._chosen in names else ORIGINAL
        return tuple(
            FormatOption(name, *self._labels[name], name == chosen)
            for name in names
        )

    def of_line(self, line: ReceiptItem) -> FormatDownload | None:
        """Return a line's download, None for what can't be downloaded.

        A release whose last encoding was finished since the options were
        found is as it was then.
        """
        if line.link is None or line.entry is None:
            return None
        if isinstance(line.entry, Item):
            return self.of_item(line.entry, line.link)
        original = FormatDownload(line.link, (_ZIP,), line.entry.size_bytes)
        if self._chosen == ORIGINAL or self._chosen not in self._labels:
            return original
        try:
            whole = self._formats.release_in(line.entry, self._chosen)
        except FormatError:
            return original
        return FormatDownload(
            self._linked(line.link, self._chosen),
            (_ZIP, self._labels[self._chosen][0]),
            whole.size_bytes,
        )

    def has(self, item: Item) -> bool:
        """Return whether an item can be downloaded in the chosen format."""
        try:
            self._formats.item_in(self._release_of(item), item, self._chosen)
        except FormatError:
            return False
        return True

    def of_item(self, item: Item, link: str) -> FormatDownload:
        """Return the download of an item."""
        release = self._release_of(item)
        try:
            found = self._formats.item_in(release, item, self._chosen)
        except FormatError:
            found = self._formats.of_item(release, item)[0]
        return FormatDownload(
            self._linked(link, found.name),
            (found.label,),
            found.size_bytes,
            found.content.sha256.hex(),
            found.content.media_type,
        )

    def all_of(self, item: Item) -> tuple[ItemFormat, ...]:
        """Return all formats of an item; the first is the original."""
        return self._formats.of_item(self._release_of(item), item)

    def sources_of(self, item: Item, link: str) -> tuple[PlayerSource, ...]:
        """Return a track in all its formats, the chosen one first."""
        found = [
            PlayerSource(
                each.name,
                self._linked(link, each.name),
                player_media_type(item, each),
            )
            for each in self.all_of(item)
        ]
        return tuple(sorted(found, key=lambda each: each.name != self._chosen))

    def waveform_of(self, item: Item, link: str) -> str | None:
        """Return the address of a track's waveform, None without one."""
        return f"{link}/waveform" if self._formats.is_analysed(item) else None

    def json_sources_of(self, item: Item, link: str) -> str:
        """Return the names and types of a track's formats, as JSON."""
        found = self.sources_of(item, link)
        return json.dumps([(each.name, each.media_type) for each in found])

    def few_sources_of(
        self, item: Item, link: str
    ) -> tuple[PlayerSource, ...]:
        """Return a track in the chosen format, and in those most played."""
        found = {each.name: each for each in self.sources_of(item, link)}
        names = dict.fromkeys((self._chosen, *_WIDELY_PLAYED, *found))
        few = [found[name] for name in names if name in found]
        return tuple(few[:_MAX_SOURCES])

    def _release_of(self, item: Item) -> Release | None:
        return self._catalog.release_of(item)

    def _add(self, entry: Item | Release) -> None:
        """Add the formats of a line."""
        if isinstance(entry, Release):
            for whole in self._formats.of_release(entry)[1:]:
                self._labels[whole.name] = whole.label, whole.media_type
            items = entry.items
        else:
            for each in self.all_of(entry)[1:]:
                kind = player_media_type(entry, each)
                self._labels[each.name] = each.label, kind
            items = (entry,)
        for item in items:
            if item.kind is ItemKind.TRACK:
                self._originals.setdefault(
                    original_label(item), _original_type(item)
                )
        if self._originals:
            self._labels[ORIGINAL] = (
                formatting.listed(self._originals),
                next(iter(self._originals.values())),
            )

    @staticmethod
    def _linked(link: str, name: str) -> str:
        """Return a link to a format."""
        return link if name == ORIGINAL else f"{link}?{PARAMETER}={name}"


def player_media_type(item: Item, found: ItemFormat) -> str:
    """Return the type by which a browser tells whether it plays a format."""
    if found.name == ORIGINAL:
        return _original_type(item)
    return player_type(found.name, found.content.media_type)


def _original_type(item: Item) -> str:
    name = file_format(item.content, item.sound)
    return player_type(name, item.content.media_type)


def json_formats(
    item: Item, formats: Sequence[ItemFormat], address: str
) -> list[Mapping[str, object]]:
    """Return the formats of an item as JSON, each with its download.

    `address` is that of the item's link.
    """
    return [
        {
            "format": each.name,
            "label": each.label,
            "media_type": each.content.media_type,
            "player_type": player_media_type(item, each),
            "size_bytes": each.size_bytes,
            "sha256": each.content.sha256.hex(),
            "download": f"{address}?{PARAMETER}={quote(each.name)}",
        }
        for each in formats
    ]

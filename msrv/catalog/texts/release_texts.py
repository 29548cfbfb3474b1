# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lyrics and credits of a release's tracks, for its page.

A text file beside a track, of its name, has precedence over the track's tags.
"""

import asyncio
import logging
import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msrv.catalog.library.file_index import FILE_NAME
from msrv.catalog.metadata.lyrics import SUFFIXES
from msrv.catalog.metadata.track_texts import TrackTexts
from msrv.catalog.model import Item, ItemKind, Release
from msrv.catalog.names.extras import stem_of
from msrv.catalog.texts.track_text_table import read_texts

log = logging.getLogger(__name__)

MAX_TRACKS: Final = 500
MAX_CHARS: Final = 400_000
"""Limits on one page; the texts of the tracks after that aren't on it."""
_CACHED: Final = 32

Texts = Mapping[str, TrackTexts]
"""Texts by item id, of the tracks that have some."""
NO_TEXTS: Final[Texts] = MappingProxyType({})


class TextsUnreadable(Exception):
    """The index can't be read at the moment."""


class ReleaseTexts:
    """Reader of releases' texts out of the index, with a small cache.

    `data` is the data folder, which has the index; None for no texts. There
    are none either where it isn't writable, and the index only in memory.
    """

    def __init__(self, data: Path | None) -> None:
        self._index = data and data / FILE_NAME
        self._known: OrderedDict[str, tuple[Release, Texts]] = OrderedDict()
        self._warned = False

    async def of(self, release: Release) -> Texts:
        """Return the texts of a release's tracks. Raises TextsUnreadable."""
        known = self._known.pop(release.release_id, None)
        if known is None or known[0] is not release:
            known = release, await self._load(release)
        self._known[release.release_id] = known
        if len(self._known) > _CACHED:
            self._known.popitem(last=False)
        return known[1]

    async def _load(self, release: Release) -> Texts:
        """Do what `of` does, without the cache."""
        if self._index is None:
            return NO_TEXTS
        try:
            return await asyncio.to_thread(self._read, release)
        except (OSError, sqlite3.Error) as error:
            if not self._warned:
                log.warning("can't read lyrics from the index: %s", error)
            self._warned = True
            raise TextsUnreadable from error

    def _read(self, release: Release) -> Texts:
        tracks = list(
            islice(
                (
                    item
                    for item in release.offered
                    if item.kind is ItemKind.TRACK
                ),
                MAX_TRACKS,
            )
        )
        sources = dict(zip(tracks, _sources(release, tracks), strict=True))
        wanted = {
            path: sha256
            for paths in sources.values()
            for path, sha256 in paths.items()
        }
        if not wanted or self._index is None:
            return NO_TEXTS
        found = read_texts(self._index, wanted)
        texts, size = {}, 0
        for item, paths in sources.items():
            merged = _merge([found[path] for path in paths if path in found])
            size += sum(map(len, merged.lyrics.lines))
            if merged and size <= MAX_CHARS:
                texts[item.item_id] = merged
        return texts


def _sources(
    release: Release, tracks: list[Item]
) -> Iterator[dict[str, bytes]]:
    """Yield the files with texts of each track, the preferred ones first."""
    beside = {
        stem_of(extra.content.path) + suffix: extra.content
        for extra in release.extras
        if (suffix := _suffix(extra.content.path)) in SUFFIXES
    }
    for item in tracks:
        contents = (item.content, *item.alternatives)
        stems = dict.fromkeys(stem_of(each.path) for each in contents)
        texts = [
            beside[stem + suffix]
            for stem in stems
            for suffix in SUFFIXES
            if stem + suffix in beside
        ]
        yield {each.path: each.sha256 for each in (*texts, *contents)}


def _merge(found: list[TrackTexts]) -> TrackTexts:
    """Return the first lyrics and the first credits of several sources."""
    merged = TrackTexts()
    for each in found:
        if not merged.lyrics.lines:
            merged = replace(merged, lyrics=each.lyrics)
        if not merged.credits:
            merged = replace(merged, credits=each.credits)
    return merged


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Covers of releases whose only picture is embedded in a track.

The first displayable picture in a track is the cover. It is measured once,
stored among the track's facts, and used only if no file is the cover.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from msrv.catalog.library.file_index import FileIndex, IndexEntry
from msrv.catalog.library.found_files import FoundFile, FoundFolder
from msrv.catalog.metadata.cover_images import ImageFacts, NotAPicture

_MAX_TRIES: Final = 3

Measure = Callable[[FoundFile, IndexEntry], ImageFacts | None]
"""Measures the picture in a track; None if the track has just changed.

Raises NotAPicture.
"""


def art_key(sha256: bytes) -> bytes:
    """Return the key of a crash mark for the picture in a track.

    It isn't the track's own hash: a picture that crashes its parser must not
    withdraw its track from sale.
    """
    return hashlib.sha256(b"picture in " + sha256).digest()


class EmbeddedCover(NamedTuple):
    """Track with a picture: its index entry and its picture's facts."""

    file: FoundFile
    known: IndexEntry
    art: dict[str, Any]


def find_embedded_cover(
    index: FileIndex, folder: FoundFolder
) -> EmbeddedCover | None:
    """Return the track whose picture is the cover, by the index alone."""
    for file, known, facts in _with_pictures(index, folder):
        art = facts.get("art")
        if art:
            return EmbeddedCover(file, known, art)
    return None


def measure_embedded_covers(
    index: FileIndex, folders: Iterable[FoundFolder], measure: Measure
) -> None:
    """Measure a track's picture in each folder without another cover."""
    for folder in folders:
        for file, known, facts in _with_pictures(index, folder):
            if "art" not in facts:
                facts["art"] = _measured(file, known, measure)
                if facts["art"] is None:
                    break  # the track is read again, with its picture
                index.add(file.path, known.with_facts(facts))
            if facts["art"]:
                break


def _measured(
    file: FoundFile, known: IndexEntry, measure: Measure
) -> dict[str, Any] | None:
    """Return a picture's facts; empty for one that can't be displayed."""
    try:
        found = measure(file, known)
    except NotAPicture:
        return {}
    return None if found is None else asdict(found)


def _with_pictures(
    index: FileIndex, folder: FoundFolder
) -> Iterator[tuple[FoundFile, IndexEntry, dict[str, Any]]]:
    """Yield the first tracks that have a picture, in their order."""
    if folder.cover is not None:
        return
    count = 0
    for file in folder.files:
        known = index.find(file) if file.is_track else None
        # Search the text before parsing it as JSON: most tracks have none.
        if known is None or '"has_picture": true' not in known.facts_json:
            continue
        yield file, known, known.facts
        count += 1
        if count == _MAX_TRIES:
            return

"""Covers of releases whose only picture is inside of a track.

The first track that holds one which can be shown. It is measured once and
kept among the track's facts, and only where no file is the cover.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any, Final, NamedTuple

from msrv.catalog.library.file_index import FileIndex, IndexEntry
from msrv.catalog.library.found_files import FoundFile, FoundFolder
from msrv.catalog.metadata.cover_images import ArtworkFacts, NotAPicture

_TRIED_AT_MOST: Final = 3

Measure = Callable[[FoundFile, IndexEntry], ArtworkFacts | None]
"""Looks at the picture in a track; None for a track that changed just now.

Raises NotAPicture.
"""


def art_key(sha256: bytes) -> bytes:
    """Return what marks the picture in a track where it stops its parser.

    Not the track's own hash, or the picture would take its track from sale.
    """
    return hashlib.sha256(b"picture in " + sha256).digest()


class EmbeddedCover(NamedTuple):
    """A track, what is known of it, and the facts of its picture."""

    file: FoundFile
    known: IndexEntry
    art: dict[str, Any]


def find_embedded_cover(
    index: FileIndex, folder: FoundFolder
) -> EmbeddedCover | None:
    """Find the track whose picture is the cover, among what is known."""
    for file, known, facts in _with_pictures(index, folder):
        art = facts.get("art")
        if art:
            return EmbeddedCover(file, known, art)
    return None


def measure_embedded_covers(
    index: FileIndex, folders: Iterable[FoundFolder], measure: Measure
) -> None:
    """Measure the picture in a track of each folder that has no other."""
    for folder in folders:
        for file, known, facts in _with_pictures(index, folder):
            if "art" not in facts:
                facts["art"] = _measured(file, known, measure)
                if facts["art"] is None:
                    break  # it is read again, and the picture with it
                index.add(file.path, known.with_facts(facts))
            if facts["art"]:
                break


def _measured(
    file: FoundFile, known: IndexEntry, measure: Measure
) -> dict[str, Any] | None:
    """Return the facts of a picture; none for one that can't be shown."""
    try:
        found = measure(file, known)
    except NotAPicture:
        return {}
    return None if found is None else asdict(found)


def _with_pictures(
    index: FileIndex, folder: FoundFolder
) -> Iterator[tuple[FoundFile, IndexEntry, dict[str, Any]]]:
    """Yield the first tracks that hold a picture, in their order."""
    if folder.cover is not None:
        return
    count = 0
    for file in folder.files:
        known = index.find(file) if file.is_track else None
        # Text is looked at before it is read as JSON: most hold none.
        if known is None or '"has_picture": true' not in known.facts_json:
            continue
        yield file, known, known.facts
        count += 1
        if count == _TRIED_AT_MOST:
            return

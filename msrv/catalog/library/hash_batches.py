"""Batches of folders to hash, where hashing all of them would take long.

After a `chmod`, a move to another disk or an image built anew, a whole
library has to be hashed again, which takes hours for a large one. A new price
must not wait for the end of that, nor a store for its start.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import FoundFolder, content_files

MAX_BYTES: Final = 4 << 30
"""Size of a batch: some seconds of an SSD's work."""


def split_batch(
    folders: Iterable[FoundFolder], index: FileIndex
) -> tuple[list[FoundFolder], list[FoundFolder]]:
    """Split folders into those to read now and those to read later.

    What needs no hashing goes first, then the smallest. One at least is read.
    """
    sizes = {
        folder.path: sum(
            file.size_bytes
            for file in content_files(folder)
            if file.has_plausible_size and index.find(file) is None
        )
        for folder in folders
    }
    now: list[FoundFolder] = []
    later: list[FoundFolder] = []
    size_bytes = 0
    for folder in sorted(folders, key=lambda each: sizes[each.path]):
        size_bytes += sizes[folder.path]
        fits = size_bytes <= MAX_BYTES or not now
        (now if fits else later).append(folder)
    return now, later


def was_indexed(folder: FoundFolder, index: FileIndex) -> bool:
    """Whether each file had its size and date when it was last read."""
    return all(map(index.has_same_size_and_date, content_files(folder)))


def settled_files(
    folder: FoundFolder, arriving: Collection[str], index: FileIndex
) -> list[FoundFolder]:
    """Return what was there of a folder before files began to arrive.

    `arriving` are the paths of those. A store that starts meanwhile goes on
    delivering what it sold; where a file is being replaced, or nothing is
    known of the others, there is nothing to go on with: an empty list.
    """
    config_path = folder.config and folder.config.path
    files = tuple(each for each in folder.files if each.path not in arriving)
    if (
        not files
        or any(
            path != config_path and index.has_path(path) for path in arriving
        )
        or not all(map(index.find, files))
    ):
        return []
    cover = folder.cover
    if cover is not None and cover.path in arriving:
        cover = None
    return [replace(folder, files=files, cover=cover)]

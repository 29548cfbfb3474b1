# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Batches of folders to hash, for libraries that take long to hash.

After a `chmod`, a move to another disk or a rebuilt image, the whole library
has to be hashed again, which takes hours for a large one. Neither a new price
nor the store's start may wait for that. Apart from `loader`: each function
here decides by the index alone.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import FoundFolder, content_files

MAX_BYTES: Final = 4 << 30
"""Size of a batch: a few seconds of reading from an SSD."""


def split_batch(
    folders: Iterable[FoundFolder], index: FileIndex
) -> tuple[list[FoundFolder], list[FoundFolder]]:
    """Return the folders to read now, and those to read later.

    Folders that need no hashing come first, then the smallest; at least one
    is read now.
    """
    folders = list(folders)
    if _whole_size(folders) <= MAX_BYTES:
        return folders, []  # whatever is known of them
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


def _whole_size(folders: Iterable[FoundFolder]) -> int:
    return sum(
        file.size_bytes
        for folder in folders
        for file in content_files(folder)
        if file.has_plausible_size
    )


def was_indexed(folder: FoundFolder, index: FileIndex) -> bool:
    """Return whether all files have the size and date of their entries."""
    return all(map(index.has_same_size_and_date, content_files(folder)))


def settled_files(
    folder: FoundFolder, arriving: Collection[str], index: FileIndex
) -> list[FoundFolder]:
    """Return a folder without the files that are still being uploaded.

    `arriving` are their paths. A store that starts during an upload can so
    deliver what it has sold. Empty where an arriving file replaces a known
    one, or another file isn't in the index.
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

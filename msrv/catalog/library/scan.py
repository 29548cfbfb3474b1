# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Scan of a library: its folders and files, by their status alone.

Only folders are opened, so a scan is cheap enough to repeat every second.
Nothing outside the library is read: a symbolic link counts only if it leads
to something inside.
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msrv.catalog.library.found_files import (
    FolderListing,
    FoundFile,
    FoundSubfolder,
    Scan,
)
from msrv.catalog.library.release_folders import group_folders
from msrv.catalog.names import ignored_names
from msrv.catalog.scanning.folder_contents import (
    classify_files,
    is_config_path,
)
from msrv.catalog.watching.folder_watch import FolderWatch
from msrv.display_text import printable, reason_of
from msrv.toml_file import Problem

_MAX_DEPTH: Final = 32


class LibraryUnreadable(Exception):
    """The library's folder is missing or can't be read; one line."""


def scan(
    root: Path,
    watch: FolderWatch | None = None,
    clock: Callable[[], int] = time.time_ns,
    *,
    configs: Collection[str] = (),
) -> Scan:
    """Scan a library. Blocks. Raises LibraryUnreadable.

    Each folder is added to `watch` before it is listed, so that no change
    falls between the two. With a watch of an earlier scan, only the folders
    that have changed since are listed. `clock` is in nanoseconds since 1970.
    `configs` are the release.toml files that count even if they are missing.
    """
    found = Scan(started_at_ns=clock())
    with _explained(root):
        base = os.path.realpath(root, strict=True)
        if watch is not None:
            watch.refresh()
        walker = _Walker(base, found, watch)
        entries = _list_entries(base)
    found.is_empty = not entries
    walker.folder(entries, "")
    walker.follow_links()
    if watch is not None and walker.is_uncertain:
        watch.restart()
        return scan(root, watch, clock, configs=configs)
    found.problems.sort(key=lambda each: each.where)
    found.folders = group_folders(found.folders, configs)
    for folder in found.folders:
        if not folder.files and folder.config is not None:
            found.notes.append(
                f"{printable(folder.config.path)} is not used: "
                "no file for sale is beside it"
            )
    found.folders = [folder for folder in found.folders if folder.files]
    return found


def check_library(root: Path) -> None:
    """Raise LibraryUnreadable if the library's folder can't be read."""
    with _explained(root):
        _list_entries(os.path.realpath(root, strict=True))


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    """Raise LibraryUnreadable instead of OSError."""
    try:
        yield
    except OSError as error:
        raise LibraryUnreadable(
            f"can't read the library {printable(str(root))}: "
            f"{reason_of(error)}"
        ) from error


class _Walker:
    """One walk through a library.

    Each folder is visited once, by device and inode, and linked folders after
    all others. So circular links end, no number of links makes the walk long,
    nothing is sold twice, and a folder is sold under its real path.
    """

    def __init__(
        self, base: str, found: Scan, watch: FolderWatch | None
    ) -> None:
        self._base = base
        self._found = found
        self._watch = watch
        self._links: list[os.DirEntry[str]] = []
        self._has_hard_links = self._has_reused = False
        status = os.stat(base)  # noqa: PTH116 - a string, as everything here
        self._seen = {(status.st_dev, status.st_ino): ""}
        if watch is not None:
            watch.add(base, status.st_dev)

    @property
    def is_uncertain(self) -> bool:
        """True if a file has another name, maybe in a folder not listed.

        A new name changes a file's status, without an event at the old one.
        """
        return self._has_hard_links and self._has_reused

    def folder(self, entries: list["os.DirEntry[str]"], path: str) -> None:
        """Visit the library and its subfolders."""
        part, subfolders, _ = self._list(entries, path)
        self._found.store = part.store
        self._found.is_complete &= part.is_complete
        self._found.add(part)
        for each in subfolders:
            self._descend(each)

    def _list(
        self, entries: list["os.DirEntry[str]"], path: str
    ) -> tuple[Scan, tuple[FoundSubfolder, ...], bool]:
        """Return what is in a folder, its subfolders, and if that is all.

        What a link leads to, or what has other names, may change elsewhere:
        no watch of this folder tells.
        """
        found, self._found = self._found, Scan()
        try:
            subfolders, is_closed = self._sort_entries(entries, path)
            return self._found, tuple(subfolders), is_closed
        finally:
            self._found = found

    def _sort_entries(
        self, entries: list["os.DirEntry[str]"], path: str
    ) -> tuple[list[FoundSubfolder], bool]:
        files: list[FoundFile] = []
        subfolders: list[FoundSubfolder] = []
        is_closed = True
        for entry in entries:
            name = entry.name
            if ignored_names.is_ignored(name):
                continue
            inner = f"{path}/{name}" if path else name
            is_closed = is_closed and not entry.is_symlink()
            status, exists = self._status(entry, inner)
            files += _unusable_config(inner, status, exists=exists)
            if status is None:
                continue
            if stat.S_ISDIR(status.st_mode):
                if ignored_names.is_nas_folder(name):
                    self._skip_nas_folder(inner)
                elif entry.is_symlink():
                    self._links.append(entry)
                else:
                    subfolders.append(_subfolder(entry, inner, status))
            elif ignored_names.is_ignored_file(name):
                continue
            elif stat.S_ISREG(status.st_mode):
                if status.st_nlink > 1:
                    is_closed, self._has_hard_links = False, True
                files.append(
                    FoundFile(
                        inner,
                        status.st_size,
                        status.st_mtime_ns,
                        status.st_ctime_ns,
                        status.st_ino,
                    )
                )
            else:
                self._add_problem(inner, "is not a regular file")
        classify_files(self._found, path, files)
        return subfolders, is_closed

    def follow_links(self) -> None:
        """Visit the linked folders that weren't visited otherwise."""
        while self._links:
            links = sorted(self._links, key=lambda entry: entry.path)
            self._links.clear()
            for entry in links:
                path = entry.path[len(self._base) :].lstrip("/")
                status, _ = self._status(entry, path)
                if status is not None and stat.S_ISDIR(status.st_mode):
                    self._descend(_subfolder(entry, path, status))

    def _skip_nas_folder(self, path: str) -> None:
        """Add a note on a folder that belongs to a NAS, if it is unknown."""
        if not ignored_names.is_known_nas_folder(path.rpartition("/")[2]):
            self._found.notes.append(
                f"{printable(path)} is skipped: network storage (a NAS) keeps "
                "files of its own in folders whose names begin with @ or #; "
                "rename the folder to sell what is in it"
            )

    def _descend(self, folder: FoundSubfolder) -> None:
        path, found = folder.path, self._found
        if folder.identity in self._seen:
            found.notes.append(
                f"{printable(path)} is the same folder as "
                f"{printable(self._seen[folder.identity]) or 'the library'}, "
                "and is sold once"
            )
            return
        if path.count("/") > _MAX_DEPTH:
            self._add_problem(path, "is nested too deeply in the library")
            return
        self._seen[folder.identity] = path
        listing: FolderListing | None = None
        if self._watch is not None:
            listing = self._watch.listing(path, folder.identity)
            self._has_reused = self._has_reused or listing is not None
        if listing is None:
            try:
                listing = self._list_folder(folder)
            except OSError as error:
                found.is_complete = False
                self._add_problem(path, f"can't be read: {reason_of(error)}")
                return
        found.folder_times[path] = listing.times
        found.add(listing)
        for each in listing.subfolders:
            self._descend(each)

    def _list_folder(self, folder: FoundSubfolder) -> FolderListing:
        """Return a new listing of a folder. Raises OSError."""
        # Again, since its parent may have been listed long ago.
        status = os.stat(folder.full_path)  # noqa: PTH116 - a string
        if self._watch is not None:
            self._watch.add(folder.full_path, status.st_dev, folder.path)
        entries = _list_entries(folder.full_path)
        part, subfolders, is_closed = self._list(entries, folder.path)
        self._found.is_complete &= part.is_complete
        listing = FolderListing(
            (status.st_dev, status.st_ino),
            (status.st_mtime_ns, status.st_ctime_ns),
            tuple(part.folders),
            tuple(part.texts),
            tuple(part.theme),
            tuple(part.problems),
            tuple(part.notes),
            subfolders,
        )
        if self._watch is not None and is_closed and part.is_complete:
            self._watch.keep_listing(folder.path, listing)
        return listing

    def _status(
        self, entry: "os.DirEntry[str]", path: str
    ) -> tuple[os.stat_result | None, bool]:
        """Return an entry's status, None if not usable; and if it exists."""
        try:
            if entry.is_symlink() and not self._is_inside(entry.path):
                self._add_problem(path, "is a link that leaves the library")
                return None, True
            return entry.stat(), True
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ELOOP}:
                # Anything but a link was deleted just now.
                if entry.is_symlink():
                    self._add_problem(path, "is a link that leads nowhere")
                return None, entry.is_symlink()
            self._found.is_complete = False
            self._add_problem(path, f"can't be read: {reason_of(error)}")
            return None, True

    def _is_inside(self, path: str) -> bool:
        """Return whether a link's target is in the library. Raises OSError."""
        target = os.path.realpath(path, strict=True)
        inside = os.path.join(self._base, "")  # noqa: PTH118 - "/" stays "/"
        return target == self._base or target.startswith(inside)

    def _add_problem(self, path: str, what: str) -> None:
        self._found.problems.append(Problem(printable(path), None, what))


def _unusable_config(
    path: str, status: os.stat_result | None, *, exists: bool
) -> list[FoundFile]:
    """Return what stands for a configuration that isn't a regular file.

    Were it absent, everything would be sold at its default price.
    """
    is_file = status is not None and stat.S_ISREG(status.st_mode)
    is_config = exists and not is_file and is_config_path(path)
    return [FoundFile.unusable(path)] if is_config else []


def _subfolder(
    entry: "os.DirEntry[str]", path: str, status: os.stat_result
) -> FoundSubfolder:
    return FoundSubfolder(path, entry.path, (status.st_dev, status.st_ino))


def _list_entries(path: str) -> list["os.DirEntry[str]"]:
    with os.scandir(path) as found:
        return sorted(found, key=lambda entry: entry.name)

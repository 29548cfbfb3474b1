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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msrv.catalog.library.found_files import FoundFile, FoundFolder, Scan
from msrv.catalog.library.release_folders import group_folders
from msrv.catalog.names import cover_names, ignored_names
from msrv.catalog.names.mistaken_names import describe_near_miss
from msrv.catalog.texts.text_folders import (
    describe_sold_texts,
    is_text_folder,
)
from msrv.catalog.theme import theme_files
from msrv.catalog.watching.folder_watch import FolderWatch
from msrv.display_text import printable
from msrv.toml_file import Problem

STORE_TOML: Final = "store.toml"
RELEASE_TOML: Final = "release.toml"
_SPECIAL_NAMES: Final = frozenset(
    {STORE_TOML, RELEASE_TOML, *cover_names.COVERS, *cover_names.HIDDEN}
)
_MAX_DEPTH: Final = 32


class LibraryUnreadable(Exception):
    """The library's folder is missing or can't be read; one line."""


def scan(
    root: Path,
    watch: FolderWatch | None = None,
    clock: Callable[[], int] = time.time_ns,
) -> Scan:
    """Scan a library. Blocks. Raises LibraryUnreadable.

    Each folder is added to `watch` before it is listed, so that no change
    falls between the two. `clock` is in nanoseconds since 1970.
    """
    found = Scan(started_at_ns=clock())
    with _explained(root):
        base = os.path.realpath(root, strict=True)
        walker = _Walker(base, found, watch)
        entries = _list_entries(base)
    found.is_empty = not entries
    walker.folder(entries, "")
    walker.follow_links()
    found.folders = group_folders(found.folders)
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
            f"can't read the library {printable(str(root))}: {error.strerror}"
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
        status = os.stat(base)  # noqa: PTH116 - a string, as everything here
        self._seen = {(status.st_dev, status.st_ino): ""}
        if watch is not None:
            watch.add(base, status.st_dev)

    def folder(self, entries: list["os.DirEntry[str]"], path: str) -> None:
        """Visit a folder and its subfolders."""
        files: list[FoundFile] = []
        for entry in entries:
            name = entry.name
            if ignored_names.is_ignored(name):
                continue
            inner = f"{path}/{name}" if path else name
            status = self._status(entry, inner)
            if status is None:
                continue
            if stat.S_ISDIR(status.st_mode):
                if ignored_names.is_nas_folder(name):
                    self._skip_nas_folder(inner)
                elif entry.is_symlink():
                    self._links.append(entry)
                else:
                    self._descend(entry, inner, status)
            elif ignored_names.is_ignored_file(name):
                continue
            elif stat.S_ISREG(status.st_mode):
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
        self._classify(path, files)

    def follow_links(self) -> None:
        """Visit the linked folders that weren't visited otherwise."""
        while self._links:
            links = sorted(self._links, key=lambda entry: entry.path)
            self._links.clear()
            for entry in links:
                path = entry.path[len(self._base) :].lstrip("/")
                status = self._status(entry, path)
                if status is not None and stat.S_ISDIR(status.st_mode):
                    self._descend(entry, path, status)

    def _classify(self, path: str, files: list[FoundFile]) -> None:
        """Add the folder's files by what their names make them."""
        if _is_theme_folder(path, files):
            self._found.theme += files
            return
        if is_text_folder(path, files):
            self._found.texts.append(FoundFolder(path, tuple(files)))
            return
        note = describe_sold_texts(path, files)
        if note is not None:
            self._found.notes.append(note)
        apart: dict[str, FoundFile] = {}
        sold = []
        for file in files:
            # On Windows and macOS, Cover.JPG and cover.jpg are one name.
            name = file.name.lower()
            missed = describe_near_miss(name)
            if name in _SPECIAL_NAMES:
                apart.setdefault(name, file)
            elif missed is not None:
                self._add_problem(file.path, missed)
            else:
                sold.append(file)
        store, config = apart.get(STORE_TOML), apart.get(RELEASE_TOML)
        cover = _find_cover([*apart.values(), *sold])
        if cover in sold:
            sold.remove(cover)
        if not path:
            self._found.store = store
            self._found.theme += [
                file for file in files if file.suffix in theme_files.SUFFIXES
            ]
            self._note_loose_tracks([file for file in sold if file.is_track])
            self._add_note(
                config,
                "is not used here: move it into a release's folder, beside "
                "its files",
            )
            return
        self._add_note(
            store,
            "is not used here: move it into the library itself, beside the "
            "folders",
        )
        if sold or config or cover:
            self._found.folders.append(
                FoundFolder(path, tuple(sold), config, cover)
            )

    def _skip_nas_folder(self, path: str) -> None:
        """Add a note on a folder that belongs to a NAS, if it is unknown."""
        if not ignored_names.is_known_nas_folder(path.rpartition("/")[2]):
            self._found.notes.append(
                f"{printable(path)} is skipped: network storage (a NAS) keeps "
                "files of its own in folders whose names begin with @ or #; "
                "rename the folder to sell what is in it"
            )

    def _descend(
        self, entry: "os.DirEntry[str]", path: str, status: os.stat_result
    ) -> None:
        identity = (status.st_dev, status.st_ino)
        if identity in self._seen:
            self._found.notes.append(
                f"{printable(path)} is the same folder as "
                f"{printable(self._seen[identity]) or 'the library'}, "
                "and is sold once"
            )
            return
        if path.count("/") > _MAX_DEPTH:
            self._add_problem(path, "is nested too deeply in the library")
            return
        self._seen[identity] = path
        times = status.st_mtime_ns, status.st_ctime_ns
        self._found.folder_times[path] = times
        if self._watch is not None:
            self._watch.add(entry.path, status.st_dev)
        try:
            entries = _list_entries(entry.path)
        except OSError as error:
            self._found.is_complete = False
            self._add_problem(path, f"can't be read: {error.strerror}")
            return
        self.folder(entries, path)

    def _status(
        self, entry: "os.DirEntry[str]", path: str
    ) -> os.stat_result | None:
        """Return an entry's status; None if it is gone or not usable."""
        try:
            if entry.is_symlink() and not self._is_inside(entry.path):
                self._add_problem(path, "is a link that leaves the library")
                return None
            return entry.stat()
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ELOOP}:
                # Anything but a link was deleted just now.
                if entry.is_symlink():
                    self._add_problem(path, "is a link that leads nowhere")
                return None
            self._found.is_complete = False
            self._add_problem(path, f"can't be read: {error.strerror}")
            return None

    def _is_inside(self, path: str) -> bool:
        """Return whether a link's target is in the library. Raises OSError."""
        target = os.path.realpath(path, strict=True)
        inside = os.path.join(self._base, "")  # noqa: PTH118 - "/" stays "/"
        return target == self._base or target.startswith(inside)

    def _add_problem(self, path: str, what: str) -> None:
        self._found.problems.append(Problem(printable(path), None, what))

    def _note_loose_tracks(self, tracks: list[FoundFile]) -> None:
        """Add one note on all tracks that are beside the folders."""
        more = len(tracks) - 1
        if more > 0:
            noun = "track" if more == 1 else "tracks"
            what = f"and {more:,} more {noun} are not sold: put them in"
            self._add_note(tracks[0], f"{what} a folder")
        elif tracks:
            self._add_note(tracks[0], "is not sold: put it in a folder")

    def _add_note(self, file: FoundFile | None, what: str) -> None:
        if file is not None:
            self._found.notes.append(f"{printable(file.path)} {what}")


def _is_theme_folder(path: str, files: list[FoundFile]) -> bool:
    """Return whether a folder has the files of the store's look."""
    return path == theme_files.THEME_FOLDER and all(
        file.suffix in theme_files.SUFFIXES for file in files
    )


def _find_cover(files: list[FoundFile]) -> FoundFile | None:
    """Return the cover among the files of a folder."""
    found = cover_names.best_cover(
        (file.name for file in files),
        has_tracks=any(file.is_track for file in files),
    )
    return next((file for file in files if file.name == found), None)


def _list_entries(path: str) -> list["os.DirEntry[str]"]:
    with os.scandir(path) as found:
        return sorted(found, key=lambda entry: entry.name)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""New folders of releases: their names, and how they appear in a library.

A release is made in a hidden folder beside its place and then renamed, so
that a running store sees all of it or nothing, whatever interrupts this.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from msrv.catalog.names.ignored_names import (
    is_ignored,
    is_ignored_file,
    is_nas_folder,
)
from msrv.catalog.names.portable_names import portable_name
from msrv.catalog.names.truncation import truncate
from msrv.display_text import clean_line, fold_name, printable
from msrv.files import sync_folder

DRAFT_PREFIX: Final = ".msrv-draft-"
"""Hidden, so that a library's reader ignores it."""
MAX_NAME_UNITS: Final = 100
"""Longest name of a folder, so that a path in it fits on Windows."""
_ABANDONED_SECONDS: Final = 60


class FolderExists(Exception):
    """The place of a new release is occupied; the text is one line."""

    def __init__(self, place: Path) -> None:
        super().__init__(
            f"{printable(str(place))} exists already; nothing was changed"
        )


def folder_name(text: str, default: str) -> str:
    """Return a name for a folder that every system accepts.

    It is none that a library ignores. `default` is for a text without any
    letter that a name can have.
    """
    name = portable_name(truncate(clean_line(text), MAX_NAME_UNITS))
    bare = name.lstrip(".~$@#")
    # `@home`, `~$x`, `Demo.part`: mostly the first or last letter decides.
    for each in (name, portable_name(bare), f"{bare} -", f"_{bare} -"):
        says_something = any(c.isalnum() or not c.isascii() for c in each)
        if says_something and not _is_ignored(each):
            return each
    return default


def _is_ignored(name: str) -> bool:
    return is_ignored(name) or is_ignored_file(name) or is_nas_folder(name)


def find_place(root: Path, artist: str, title: str) -> Path:
    """Return the path for the folder of a new release, `artist/title`.

    The artist's folder is an existing one, if it has the same name but for
    case and accents' encoding; without an artist, it is the library itself.
    Raises FolderExists and OSError.
    """
    above = root
    if clean_line(artist):
        name = folder_name(artist, "Artist")
        above = root / (_same_name(root, name) or name)
    name = folder_name(title, "Release")
    known = _same_name(above, name)
    if known is not None and not _is_empty_folder(above / known):
        raise FolderExists(above / known)
    return above / (known or name)


class DraftFolder:
    """Hidden folder in a library for a new release, while it is filled.

    It is removed at the end of the block, unless it was published. A process
    that is killed leaves it; one that adds a release later removes it.
    """

    def __init__(self, library: Path) -> None:
        self._library = library
        self._lock: int | None = None
        self.path = library / f"{DRAFT_PREFIX}{secrets.token_hex(8)}"

    def __enter__(self) -> Self:
        """Create the folder. Raises OSError."""
        _remove_abandoned(self._library)
        self.path.mkdir(mode=0o700)
        self._lock = _lock(self.path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the folder, if it wasn't published."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)

    def publish(self, place: Path) -> None:
        """Rename the folder to its place; it is on the disk on return.

        Raises FolderExists if the place was occupied meanwhile, and OSError.
        """
        mode = self._library.stat().st_mode
        inner = [self.path, *self.path.rglob("*")]
        for each in inner:
            share_like(each, mode)
        for each in inner:
            if each.is_dir():
                sync_folder(each)
        if not place.parent.exists():
            place.parent.mkdir(exist_ok=True)
            share_like(place.parent, mode)
            sync_folder(self._library)
        try:
            # This replaces an empty folder, and nothing else.
            self.path.rename(place)
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
                raise FolderExists(place) from None
            raise
        sync_folder(place.parent)


def share_like(path: Path, mode: int) -> None:
    """Make a path as readable as the library, whose mode this is.

    The store may run as another user than the one who adds files. A file
    system without modes refuses this, and needs none.
    """
    is_folder = path.is_dir()
    shared = stat.S_IMODE(mode) & (0o777 if is_folder else 0o666)
    with contextlib.suppress(OSError):
        path.chmod(shared | (0o700 if is_folder else 0o600))


def _same_name(folder: Path, name: str) -> str | None:
    """Return the entry of a folder that differs from a name in case only."""
    folded = fold_name(name)
    with contextlib.suppress(FileNotFoundError):
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names alone
        if name in names:
            return name
        return next((n for n in names if fold_name(n) == folded), None)
    return None


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _lock(folder: Path) -> int | None:
    """Return the descriptor of a locked folder, None if it is locked already.

    The folder itself is locked: a file in it would be published.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_abandoned(folder: Path) -> None:
    """Remove the drafts of processes that were killed."""
    for path in folder.glob(f"{DRAFT_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime < _ABANDONED_SECONDS:
                continue  # it may not be locked yet
            lock = _lock(path)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)

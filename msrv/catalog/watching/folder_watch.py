# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Folder watch: whether anything in a set of folders has changed (Linux).

By inotify, https://man7.org/linux/man-pages/man7/inotify.7.html. A watch says
in which folders something changed, not what: the next scan finds that out, by
listing these folders again. What it found in all others stays in the watch.
Where the events don't tell, as after an overflow of their queue or once a
folder was moved, all of them are listed again.

Some file systems send no notification of what another machine, a container's
host or their own server changes. A watch with a folder on one of these is
incomplete, and so is one that the kernel has no place for.
"""

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from msrv.catalog.library.found_files import FolderListing

_CHANGED: Final = (
    0x2  # modified
    | 0x4  # status changed
    | 0x8  # closed after writing
    | 0x40  # moved away
    | 0x80  # moved here
    | 0x100  # created
    | 0x200  # deleted
    | 0x400  # the folder itself was deleted
    | 0x800  # the folder itself was moved
)
_UNCLEAR: Final = (
    0x800  # the folder itself was moved, with all that is in it
    | 0x2000  # unmounted
    | 0x4000  # the queue of events was full
)
_REMOVED: Final = 0x8000  # the watch of a folder that was deleted
_EVENT: Final = struct.Struct("iIII")
_READ_BYTES: Final = 1 << 16
_ONLY_FOLDERS: Final = 0x0100_0000
_MASK: Final = _CHANGED | _ONLY_FOLDERS

LOCAL_FILE_SYSTEMS: Final = {
    0x0000EF53: "ext2, ext3, ext4",
    0x58465342: "XFS",
    0x9123683E: "Btrfs",
    0x01021994: "tmpfs",
    0x2FC12FC1: "ZFS",
    0xF2F52010: "F2FS",
    0xCA451A4E: "bcachefs",
}
"""File systems that only this kernel changes, by their numbers.

https://man7.org/linux/man-pages/man2/statfs.2.html
"""


class _Status(ctypes.Structure):
    """The beginning of `struct statfs`, with room for the rest."""

    _fields_ = (("type", ctypes.c_long), ("rest", ctypes.c_char * 240))


_libc: Final = ctypes.CDLL(None, use_errno=True)


class FolderWatch:
    """Watch of folders, from the moment at which each is added.

    `is_complete` is True while every change in all of them is noticed.
    """

    def __init__(self) -> None:
        self._descriptor = -1
        self._devices: dict[int, bool] = {}
        self._paths: dict[int, str] = {}
        self._listings: dict[str, FolderListing] = {}
        self.is_complete = False
        self._open()

    def _open(self) -> None:
        if hasattr(_libc, "inotify_init1") and hasattr(_libc, "statfs"):
            flags = os.O_NONBLOCK | os.O_CLOEXEC
            self._descriptor = _libc.inotify_init1(flags)
            self.is_complete = self._descriptor >= 0

    def fileno(self) -> int:
        """Return the descriptor, readable once something has changed."""
        return self._descriptor

    def add(self, path: str, device: int, name: str = "") -> None:
        """Add a folder on a device (`st_dev`), before it is listed.

        `name` is its path in the library, for its listing.
        """
        if not self.is_complete:
            return
        if device not in self._devices:
            self._devices[device] = _is_local(path)
        encoded = os.fsencode(path)
        number = -1
        if self._devices[device]:
            number = _libc.inotify_add_watch(self._descriptor, encoded, _MASK)
        if number < 0:
            self.close()
        else:
            self._paths[number] = name

    def keep_listing(self, name: str, listing: FolderListing) -> None:
        """Add the listing of a folder, which was added before."""
        if self.is_complete:
            self._listings[name] = listing

    def listing(
        self, name: str, identity: tuple[int, int]
    ) -> FolderListing | None:
        """Return a folder's listing if it is unchanged, else None.

        `identity` are its present device and inode.
        """
        found = self._listings.get(name)
        return found if found and found.identity == identity else None

    def refresh(self) -> None:
        """Remove the listings of the folders that have changed.

        All of them, and start anew, where it isn't clear which have. Blocks
        for no time.
        """
        if not self.is_complete:
            return
        for number, events in self._events():
            if events & _UNCLEAR:
                self.restart()
                return
            self._listings.pop(self._paths.get(number, ""), None)
            if events & _REMOVED:
                self._paths.pop(number, None)

    def restart(self) -> None:
        """Start anew, without any folder and listing."""
        self.close()
        self._open()

    def forget(self, paths: Iterable[str]) -> None:
        """Remove the listings of some folders, and of those of some files.

        A program that writes through `mmap` causes no event.
        """
        for path in paths:
            self._listings.pop(path, None)
            self._listings.pop(path.rpartition("/")[0], None)

    def _events(self) -> Iterator[tuple[int, int]]:
        """Yield the watch and the mask of each event."""
        while True:
            try:
                data = os.read(self._descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                number, events, _, size = _EVENT.unpack_from(data, at)
                yield number, events
                at += _EVENT.size + size

    def close(self) -> None:
        """End the watch; it is incomplete from now on."""
        self.is_complete = False
        self._paths.clear()
        self._listings.clear()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _is_local(path: str) -> bool:
    """Return whether only this kernel changes a path's file system."""
    status = _Status()
    failed = _libc.statfs(os.fsencode(path), ctypes.byref(status))
    return not failed and (status.type & 0xFFFF_FFFF) in LOCAL_FILE_SYSTEMS

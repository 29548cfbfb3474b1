# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Folder watch: whether anything in a set of folders has changed (Linux).

By inotify, https://man7.org/linux/man-pages/man7/inotify.7.html. A watch says
only that something changed, not what: the next scan finds that out. So each
scan begins a new watch, its events are never parsed, and an overflow of their
queue is an event like any other.

Some file systems send no notification of what another machine, a container's
host or their own server changes. A watch with a folder on one of these is
incomplete, and so is one that the kernel has no place for.
"""

import ctypes
import os
from typing import Final

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
        self.is_complete = False
        if hasattr(_libc, "inotify_init1") and hasattr(_libc, "statfs"):
            flags = os.O_NONBLOCK | os.O_CLOEXEC
            self._descriptor = _libc.inotify_init1(flags)
            self.is_complete = self._descriptor >= 0

    def fileno(self) -> int:
        """Return the descriptor, readable once something has changed."""
        return self._descriptor

    def add(self, path: str, device: int) -> None:
        """Add a folder on a device (`st_dev`), before it is listed."""
        if not self.is_complete:
            return
        if device not in self._devices:
            self._devices[device] = _is_local(path)
        encoded = os.fsencode(path)
        if not self._devices[device] or (
            _libc.inotify_add_watch(self._descriptor, encoded, _MASK) < 0
        ):
            self.close()

    def close(self) -> None:
        """End the watch; it is incomplete from now on."""
        self.is_complete = False
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _is_local(path: str) -> bool:
    """Return whether only this kernel changes a path's file system."""
    status = _Status()
    failed = _libc.statfs(os.fsencode(path), ctypes.byref(status))
    return not failed and (status.type & 0xFFFF_FFFF) in LOCAL_FILE_SYSTEMS

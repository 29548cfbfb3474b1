# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Protocol of storage, stored content, and the errors.

One protocol, which only reads. Files in a local folder are opened by it; those
in a bucket are streamed by `downloads.objects` instead.
"""

import os
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Protocol, Self


class StorageError(Exception):
    """A stored file isn't available as the catalog knows it.

    - `Gone`: it is missing, unreadable, or outside the library
    - `Changed`: it exists, with other bytes than were hashed
    - `Unverified`: it exists, but has to be hashed again to tell
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Gone(StorageError):
    """The file is missing, unreadable, or outside the library."""


class Changed(StorageError):
    """The file exists, but isn't the one that was hashed."""


class Unverified(StorageError):
    """The file's status has changed, but not its size.

    The cause may be a `chmod`, or other bytes under the old date. Nothing is
    sent before Storage.verify has hashed the file again.
    """

    def __init__(self, content: "Content") -> None:
        super().__init__(content.path)
        self.content = content


class FileIdentity(NamedTuple):
    """Identity of a file's version, by its status: equal means same bytes.

    Programs can reset a file's modification time, but not its status change
    time (`ctime`). Each number is as in `stat`, of any sign and size. Inode 0
    is not compared: some file systems (exFAT, many on FUSE) assign inodes
    anew at each lookup. The device is left out, since network and overlay
    mounts get another at each mount.
    """

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """Return the identity in a file's status."""
        return cls(
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_ino,
        )

    def is_same(self, other: "FileIdentity") -> bool:
        """Return whether both are of one unchanged file."""
        return self[:3] == other[:3] and (
            self.inode == other.inode or 0 in {self.inode, other.inode}
        )


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes of one file that is for sale, as last read.

    `path` is relative to the library, with `/` between its parts; it may
    contain any character of a file name, and undecodable bytes as surrogate
    escapes. `identity` is of the time of the hashes: a file with another may
    have other bytes. A file that the store encoded `is_encoded`: its path is
    relative to the folder of encodings instead.
    """

    path: str
    identity: FileIdentity
    sha256: bytes
    crc32: int
    media_type: str
    is_encoded: bool = False

    @property
    def size_bytes(self) -> int:
        """Size in bytes."""
        return self.identity.size_bytes

    @property
    def mtime_ns(self) -> int:
        """Time of the last modification, in nanoseconds since 1970."""
        return self.identity.mtime_ns


class Storage(Protocol):
    """Storage of the library's files."""

    def open(self, content: Content) -> BinaryIO:
        """Open a file for reading, unbuffered, at its start.

        Blocks on the disk: call it in a thread. Raises Gone, Changed and
        Unverified.
        """
        ...

    def is_verified(self, descriptor: int, content: Content) -> bool:
        """Return whether an open file is known to be what was hashed.

        Never waits for the disk. False means that `verify` has to be called.
        Raises Changed if its size differs, and OSError.
        """
        ...

    async def verify(
        self, content: Content, descriptor: int | None = None
    ) -> None:
        """Verify a file by hashing it: the descriptor's, or the path's.

        Check again when this returns: the file may have changed since, or
        not have been the one that was hashed. Raises Gone and Changed.
        """
        ...

"""What a stored file is, and what can be asked of a place that holds some.

One protocol, so that where bytes live is one decision: a local folder today,
an object store another day. A store only reads; nothing here can write.
"""

import os
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Protocol, Self


class StorageError(Exception):
    """A stored file can't be had as the catalog knows it.

    - `Gone`: it is missing, unreadable, or leads out of the library
    - `Changed`: it is there, with other bytes than were hashed
    - `Unverified`: it is there, and has to be hashed again to tell
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Gone(StorageError):
    """The file is missing, unreadable, or leads out of the library."""


class Changed(StorageError):
    """The file is there, but is not the one that was hashed."""


class Unverified(StorageError):
    """The file's status has changed and its size has not.

    That may be a `chmod`, or other bytes under the old date. Nothing of it
    is sent before Storage.verify has hashed it again.
    """

    def __init__(self, content: "Content") -> None:
        super().__init__(content.path)
        self.content = content


class FileIdentity(NamedTuple):
    """Identity of a file's version, by its status: the same, the same bytes.

    Programs can set a file's modification time back; its status change time
    (`ctime`) they can't. Each number is as `stat` gives it, of any sign and
    size. Inode 0 stands for one that isn't compared: some file systems (exFAT,
    many on FUSE) number a file anew each time it is looked up. The device is
    left out, since network and overlay mounts get another at each mount.
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
        """Whether both are of one file that was not changed in between."""
        return self[:3] == other[:3] and (
            self.inode == other.inode or 0 in {self.inode, other.inode}
        )


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of one file of the library, as last read.

    `path` is relative to the library, with `/` between its parts; it may hold
    any character that a file name may, undecodable bytes as surrogate
    escapes. `identity` is what the file's status was when the hashes were
    made: a file with another may have other bytes.
    """

    path: str
    identity: FileIdentity
    sha256: bytes
    crc32: int
    media_type: str

    @property
    def size_bytes(self) -> int:
        """Size in bytes."""
        return self.identity.size_bytes

    @property
    def mtime_ns(self) -> int:
        """Time of the last modification, in nanoseconds since 1970."""
        return self.identity.mtime_ns


class Verifier(Protocol):
    """Verifier of a file's bytes against the hash of what was read."""

    async def verify(
        self, content: Content, descriptor: int | None = None
    ) -> None:
        """Hash a file again: that of the descriptor, or that of the path.

        Look again when this returns: the file may have changed since, or
        have been another than the one that was hashed. Raises Gone and
        Changed.
        """
        ...


class Storage(Verifier, Protocol):
    """A place that holds the library's files."""

    def open(self, content: Content) -> BinaryIO:
        """Open a file for reading, unbuffered, at its start.

        Blocks on the disk: call it in a thread. Raises Gone, Changed and
        Unverified.
        """
        ...

    def is_verified(self, descriptor: int, content: Content) -> bool:
        """Whether an open file is still known to be what was hashed.

        Never waits for the disk. False says that `verify` has to tell. Raises
        Changed where its size shows that it is not, and OSError.
        """
        ...

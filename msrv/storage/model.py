"""What a stored file is, and what can be asked of a place that holds some.

One protocol, so that where bytes live is one decision: a local folder today,
an object store another day. A store only reads; nothing here can write.
"""

from dataclasses import dataclass
from typing import BinaryIO, Protocol


class StorageError(Exception):
    """A stored file can't be had as the catalog knows it.

    - `Gone`: it is missing, unreadable, or leads out of the library
    - `Changed`: it is there, with other bytes than were hashed
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Gone(StorageError):
    """The file is missing, unreadable, or leads out of the library."""


class Changed(StorageError):
    """The file is there, but is not the one that was hashed."""


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of one file of the library, as last read.

    `path` is relative to the library, with `/` between its parts; it may hold
    any character that a file name may, undecodable bytes as surrogate
    escapes. `mtime_ns` and `size_bytes` are what the hashes belong to: a file
    that differs in either is another file.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    sha256: bytes
    crc32: int
    media_type: str


class Storage(Protocol):
    """A place that holds the library's files."""

    def open(self, content: Content) -> BinaryIO:
        """Open a file for reading, unbuffered, at its start.

        Blocks on the disk: call it in a thread. Raises Gone or Changed.
        """
        ...

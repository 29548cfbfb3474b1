# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Archive of a backup: a gzipped tar, written and read in one pass.

Members are regular files with names of MEMBER_NAME and whole headers of 512
bytes (POSIX ustar): `tar` lists and extracts them. This reader accepts
nothing else, since a backup may come from anywhere: no links, no devices, no
extended headers, whose size has no bound. Memory use is flat.
"""

import gzip
import hashlib
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from msrv.backup.errors import BackupError, DamagedBackup
from msrv.backup.manifest import MemberDigest
from msrv.display_text import reason_of

HEADER_NAME: Final = "format.json"
MANIFEST_NAME: Final = "manifest.json"
MAX_TEXT_BYTES: Final = 64 * 1024 * 1024
"""Bound of what is read into memory at once: chunks of rows, the manifest."""

_WORD: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*"
MEMBER_NAME: Final = re.compile(rf"{_WORD}(?:/{_WORD}){{0,4}}")
"""Pattern of names, for a full match: relative, and no part is hidden."""
_MAX_NAME: Final = 100
_MAX_MEMBER_BYTES: Final = 8**11 - 1
"""Sizes are eleven octal digits."""
_BLOCK: Final = tarfile.BLOCKSIZE
_PIECE: Final = 256 * 1024
_CORRUPT: Final = (EOFError, zlib.error, gzip.BadGzipFile)


class ArchiveWriter:
    """Writer of an archive to a file that need not be seekable.

    Its methods raise OSError. `digests` has the members written so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        # Without a name and a time, the same members are the same bytes.
        self._file = gzip.GzipFile("", "wb", fileobj=file, mtime=0)
        self.digests: dict[str, MemberDigest] = {}

    def add(self, name: str, data: bytes, modified_at: int) -> None:
        """Add a member; `modified_at` is in Unix seconds."""
        self._start(name, len(data), modified_at)
        self._file.write(data)
        self._finish(name, len(data), hashlib.sha256(data))

    def add_file(
        self, name: str, file: BinaryIO, size_bytes: int, modified_at: int
    ) -> None:
        """Add a member of `size_bytes` from a file. Raises BackupError."""
        self._start(name, size_bytes, modified_at)
        digest = hashlib.sha256()
        left = size_bytes
        while left:
            try:
                piece = file.read(min(left, _PIECE))
            except OSError as error:
                raise BackupError(
                    f"can't read {name}: {reason_of(error)}"
                ) from error
            if not piece:
                raise BackupError(f"{name} became shorter while it was read")
            self._file.write(piece)
            digest.update(piece)
            left -= len(piece)
        self._finish(name, size_bytes, digest)

    def close(self) -> None:
        """Write the end of the archive. The file underneath stays open."""
        self._file.write(bytes(2 * _BLOCK))
        self._file.close()

    def _start(self, name: str, size_bytes: int, modified_at: int) -> None:
        if not is_member_name(name) or size_bytes > _MAX_MEMBER_BYTES:
            raise ValueError(f"{name!r} can't be a member of a backup")
        info = tarfile.TarInfo(name)
        info.size, info.mode = size_bytes, 0o600
        info.mtime = max(0, modified_at)
        self._file.write(info.tobuf(tarfile.USTAR_FORMAT))

    def _finish(
        self, name: str, size_bytes: int, digest: "hashlib._Hash"
    ) -> None:
        self._file.write(bytes(-size_bytes % _BLOCK))
        self.digests[name] = MemberDigest(
            size_bytes=size_bytes, sha256=digest.hexdigest()
        )


@dataclass(slots=True, eq=False)
class Member:
    """Member of an archive that is being read, valid until the next one.

    `modified_at` is in Unix seconds.
    """

    name: str
    size_bytes: int
    modified_at: int
    _file: gzip.GzipFile
    _left: int
    _hash: "hashlib._Hash"

    def pieces(self) -> Iterator[bytes]:
        """Yield the contents. Raises DamagedBackup."""
        while self._left:
            piece = _read(self._file, min(self._left, _PIECE))
            self._left -= len(piece)
            self._hash.update(piece)
            yield piece

    def read(self) -> bytes:
        """Return the contents. Raises DamagedBackup, also if too long."""
        if self.size_bytes > MAX_TEXT_BYTES:
            raise DamagedBackup(f"{self.name} in the backup is too long")
        return b"".join(self.pieces())

    def digest(self) -> MemberDigest:
        """Read the rest, and return size and digest. Raises DamagedBackup."""
        for _ in self.pieces():
            pass
        return MemberDigest(
            size_bytes=self.size_bytes, sha256=self._hash.hexdigest()
        )


def read_members(file: BinaryIO) -> Iterator[Member]:
    """Yield the members of an archive, in order, up to the manifest.

    Raises DamagedBackup for anything that `ArchiveWriter` doesn't write, and
    OSError.
    """
    with gzip.GzipFile("", "rb", fileobj=file) as data:
        while True:
            member = _next_member(data)
            yield member
            member.digest()
            _read(data, -member.size_bytes % _BLOCK)
            if member.name == MANIFEST_NAME:
                break
        # Reading to the end checks gzip's own digest.
        if _read(data, 2 * _BLOCK).strip(b"\0") or _read_some(data):
            raise DamagedBackup("the backup has data after its manifest")


def is_member_name(name: str) -> bool:
    """Return whether a member can have this name."""
    return len(name) <= _MAX_NAME and MEMBER_NAME.fullmatch(name) is not None


def _next_member(file: gzip.GzipFile) -> Member:
    block = _read(file, _BLOCK)
    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        raise DamagedBackup("the file is not a whole backup") from error
    if (
        not info.isreg()
        or info.type not in {tarfile.REGTYPE, tarfile.AREGTYPE}
        or not is_member_name(info.name)
        or not 0 <= info.size <= _MAX_MEMBER_BYTES
        or not 0 <= info.mtime <= _MAX_MEMBER_BYTES
    ):
        raise DamagedBackup(
            f"the backup has {info.name!r}, which no backup has"
        )
    size = info.size
    return Member(
        info.name, size, int(info.mtime), file, size, hashlib.sha256()
    )


def _read(file: gzip.GzipFile, size: int) -> bytes:
    """Return exactly `size` bytes. Raises DamagedBackup."""
    pieces = []
    while size:
        piece = _read_some(file, size)
        if not piece:
            raise DamagedBackup("the backup is cut short")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _read_some(file: gzip.GzipFile, most: int = 1) -> bytes:
    try:
        return file.read(most)
    except EOFError as error:
        raise DamagedBackup("the backup is cut short") from error
    except _CORRUPT as error:
        raise DamagedBackup("the backup is damaged") from error

"""A ZIP whose every byte is known before the first is sent. Pure.

The members are stored as they are, with sizes and CRC-32s from the index, so
nothing is compressed, guessed or written after the fact: the same members
give the same bytes on any replica, and any range of them can be sent.

The format is PKWARE's APPNOTE.TXT 6.3.10; ZIP64 (section 4.5.3) is used where
a number doesn't fit and nowhere else, for readers that don't know it.
"""

import hashlib
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from msrv.downloads.body import Body, Chunk, FileSlice
from msrv.storage.model import Content

MEDIA_TYPE: Final = "application/zip"

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_END_64: Final = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64: Final = struct.Struct("<4sIQI")

_FULL_16: Final = 0xFFFF
_FULL_32: Final = 0xFFFFFFFF
_UTF_8: Final = 1 << 11  # section 4.4.4: the name is UTF-8
_PLAIN: Final = 20  # version 2.0 of the format
_ZIP64: Final = 45  # version 4.5
_UNIX: Final = 3 << 8
_MODE: Final = 0o100644 << 16  # a plain file, readable by everyone
_FIRST_YEAR: Final = 1980  # a DOS date knows nothing older
_LAST_YEAR: Final = 2107


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One file of an archive: its path in it, with `/`, and its bytes."""

    name: str
    source: Content | bytes

    @property
    def size_bytes(self) -> int:
        """How many bytes it holds."""
        if isinstance(self.source, Content):
            return self.source.size_bytes
        return len(self.source)

    @property
    def crc32(self) -> int:
        """Its CRC-32."""
        if isinstance(self.source, Content):
            return self.source.crc32
        return zlib.crc32(self.source)

    @property
    def piece(self) -> Chunk:
        """Its bytes, for a body."""
        if isinstance(self.source, Content):
            return FileSlice(self.source, 0, self.source.size_bytes)
        return self.source


@dataclass(frozen=True, slots=True)
class ZipArchive:
    """A planned ZIP. `etag` is strong, with its quotes."""

    body: Body
    etag: str

    @classmethod
    def plan(cls, members: Sequence[ZipMember], dated: date) -> Self:
        """Lay an archive out; its members all carry one date.

        The members' names have to differ, and to be what `packing` makes:
        relative, encodable, under 64 KiB. Each is digested by its header,
        which holds its name and size, and its SHA-256, so that the tag is
        strong: other bytes anywhere give another tag.
        """
        pieces: list[Chunk] = []
        central: list[bytes] = []
        at = 0
        digest = hashlib.sha256()
        for member in members:
            local = _local(member, dated)
            central.append(_central(member, dated, at))
            pieces += [local, member.piece]
            at += len(local) + member.size_bytes
            digest.update(local)
            if isinstance(member.source, Content):
                digest.update(member.source.sha256)
            else:
                digest.update(hashlib.sha256(member.source).digest())
        directory = b"".join(central)
        directory += _end(len(central), len(directory), at)
        pieces.append(directory)
        # It follows from what was digested already, but for how it is
        # written, and two versions of the store may serve side by side.
        digest.update(directory)
        return cls(Body(pieces), f'"{digest.hexdigest()}"')


def _local(member: ZipMember, dated: date) -> bytes:
    """Write a local file header (section 4.3.7)."""
    name = member.name.encode()
    size = member.size_bytes
    extra = b""
    if size >= _FULL_32:
        extra = _extra(size, size)
    return (
        _LOCAL.pack(
            b"PK\x03\x04",
            _ZIP64 if extra else _PLAIN,
            _UTF_8,
            0,
            0,
            _dos(dated),
            member.crc32,
            min(size, _FULL_32),
            min(size, _FULL_32),
            len(name),
            len(extra),
        )
        + name
        + extra
    )


def _central(member: ZipMember, dated: date, at: int) -> bytes:
    """Write an entry of the central directory (section 4.3.12)."""
    name = member.name.encode()
    size = member.size_bytes
    # Only what doesn't fit, in this order (section 4.5.3).
    large = [size, size] if size >= _FULL_32 else []
    large += [at] if at >= _FULL_32 else []
    extra = _extra(*large) if large else b""
    needed = _ZIP64 if extra else _PLAIN
    return (
        _CENTRAL.pack(
            b"PK\x01\x02",
            _UNIX | needed,
            needed,
            _UTF_8,
            0,
            0,
            _dos(dated),
            member.crc32,
            min(size, _FULL_32),
            min(size, _FULL_32),
            len(name),
            len(extra),
            0,
            0,
            0,
            _MODE,
            min(at, _FULL_32),
        )
        + name
        + extra
    )


def _end(count: int, size: int, at: int) -> bytes:
    """Write the end of the central directory (sections 4.3.14 to 4.3.16)."""
    end = b""
    if count >= _FULL_16 or size >= _FULL_32 or at >= _FULL_32:
        end = _END_64.pack(
            b"PK\x06\x06",
            # What follows this field, which is the record but for 12 bytes.
            _END_64.size - 12,
            _UNIX | _ZIP64,
            _ZIP64,
            0,
            0,
            count,
            count,
            size,
            at,
        ) + _LOCATOR_64.pack(b"PK\x06\x07", 0, at + size, 1)
    return end + _END.pack(
        b"PK\x05\x06",
        0,
        0,
        min(count, _FULL_16),
        min(count, _FULL_16),
        min(size, _FULL_32),
        min(at, _FULL_32),
        0,
    )


def _extra(*numbers: int) -> bytes:
    """Write the ZIP64 extended information (section 4.5.3)."""
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


def _dos(dated: date) -> int:
    """Write a date as DOS did; one before its time is its first."""
    if not _FIRST_YEAR <= dated.year <= _LAST_YEAR:
        dated = date(_FIRST_YEAR, 1, 1)
    return (dated.year - _FIRST_YEAR) << 9 | dated.month << 5 | dated.day

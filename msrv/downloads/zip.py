# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""ZIP archive, laid out before its first byte is sent. Pure.

Members are stored uncompressed, with sizes and CRC-32s from the index: the
same members give the same bytes on any replica, and any range can be sent.

The format is PKWARE's APPNOTE.TXT 6.3.10; ZIP64 (section 4.5.3) is used only
where a number doesn't fit, for readers that don't support it.
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

_MAX_16: Final = 0xFFFF
_MAX_32: Final = 0xFFFFFFFF
_UTF_8: Final = 1 << 11  # section 4.4.4: the name is UTF-8
_VERSION_2_0: Final = 20  # version 2.0 of the format
_VERSION_4_5: Final = 45  # version 4.5
_UNIX: Final = 3 << 8
_MODE: Final = 0o100644 << 16  # a regular file, readable by all users
_FIRST_YEAR: Final = 1980  # the first of a DOS date
_LAST_YEAR: Final = 2107


@dataclass(frozen=True, slots=True)
class ZipMember:
    """Member of an archive: its path with `/`, and its bytes."""

    name: str
    source: Content | bytes

    @property
    def size_bytes(self) -> int:
        """Size in bytes."""
        if isinstance(self.source, Content):
            return self.source.size_bytes
        return len(self.source)

    @property
    def crc32(self) -> int:
        """CRC-32 of the bytes."""
        if isinstance(self.source, Content):
            return self.source.crc32
        return zlib.crc32(self.source)

    @property
    def chunk(self) -> Chunk:
        """Bytes, as a chunk of a body."""
        if isinstance(self.source, Content):
            return FileSlice(self.source, 0, self.source.size_bytes)
        return self.source


@dataclass(frozen=True, slots=True)
class ZipArchive:
    """Archive as a body, and its strong entity tag with quotes."""

    body: Body
    etag: str

    @classmethod
    def plan(cls, members: Sequence[ZipMember], modified: date) -> Self:
        """Return the layout of an archive whose members all have one date.

        The names have to be distinct, relative, encodable and under 64 KiB;
        see `release_zip`. The tag is a digest of each member's header, which
        has its name and size, and its SHA-256: it is strong, since other bytes
        anywhere give another tag.
        """
        chunks: list[Chunk] = []
        central: list[bytes] = []
        offset = 0
        digest = hashlib.sha256()
        for member in members:
            local = _local_header(member, modified)
            central.append(_central_entry(member, modified, offset))
            chunks += [local, member.chunk]
            offset += len(local) + member.size_bytes
            digest.update(local)
            if isinstance(member.source, Content):
                digest.update(member.source.sha256)
            else:
                digest.update(hashlib.sha256(member.source).digest())
        directory = b"".join(central)
        directory += _end_records(len(central), len(directory), offset)
        chunks.append(directory)
        # Determined by the digested data except for its format, which may
        # differ between two versions of the store side by side.
        digest.update(directory)
        return cls(Body(chunks), f'"{digest.hexdigest()}"')


def _local_header(member: ZipMember, modified: date) -> bytes:
    """Return a local file header (section 4.3.7)."""
    name = member.name.encode()
    size = member.size_bytes
    extra = b""
    if size >= _MAX_32:
        extra = _zip64_extra(size, size)
    return (
        _LOCAL.pack(
            b"PK\x03\x04",
            _VERSION_4_5 if extra else _VERSION_2_0,
            _UTF_8,
            0,
            0,
            _dos_date(modified),
            member.crc32,
            min(size, _MAX_32),
            min(size, _MAX_32),
            len(name),
            len(extra),
        )
        + name
        + extra
    )


def _central_entry(member: ZipMember, modified: date, offset: int) -> bytes:
    """Return an entry of the central directory (section 4.3.12)."""
    name = member.name.encode()
    size = member.size_bytes
    # Only numbers that don't fit, in this order (section 4.5.3).
    large = [size, size] if size >= _MAX_32 else []
    large += [offset] if offset >= _MAX_32 else []
    extra = _zip64_extra(*large) if large else b""
    needed = _VERSION_4_5 if extra else _VERSION_2_0
    return (
        _CENTRAL.pack(
            b"PK\x01\x02",
            _UNIX | needed,
            needed,
            _UTF_8,
            0,
            0,
            _dos_date(modified),
            member.crc32,
            min(size, _MAX_32),
            min(size, _MAX_32),
            len(name),
            len(extra),
            0,
            0,
            0,
            _MODE,
            min(offset, _MAX_32),
        )
        + name
        + extra
    )


def _end_records(count: int, size: int, offset: int) -> bytes:
    """Return the end of central directory (sections 4.3.14 to 4.3.16)."""
    end = b""
    if count >= _MAX_16 or size >= _MAX_32 or offset >= _MAX_32:
        end = _END_64.pack(
            b"PK\x06\x06",
            # The size of the record without its first 12 bytes.
            _END_64.size - 12,
            _UNIX | _VERSION_4_5,
            _VERSION_4_5,
            0,
            0,
            count,
            count,
            size,
            offset,
        ) + _LOCATOR_64.pack(b"PK\x06\x07", 0, offset + size, 1)
    return end + _END.pack(
        b"PK\x05\x06",
        0,
        0,
        min(count, _MAX_16),
        min(count, _MAX_16),
        min(size, _MAX_32),
        min(offset, _MAX_32),
        0,
    )


def _zip64_extra(*numbers: int) -> bytes:
    """Return the ZIP64 extended information (section 4.5.3)."""
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


def _dos_date(modified: date) -> int:
    """Return a DOS date; one outside its range is its first."""
    if not _FIRST_YEAR <= modified.year <= _LAST_YEAR:
        modified = date(_FIRST_YEAR, 1, 1)
    return (
        (modified.year - _FIRST_YEAR) << 9 | modified.month << 5 | modified.day
    )

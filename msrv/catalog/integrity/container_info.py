# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Container of a file, as its headers state it, and bounded reads."""

import os
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

STREAMED_SIZES: Final = (
    range(1),
    range(0x7FFFF000, 0x80000100),
    range(0xFFFFF000, 1 << 32),
)
"""Placeholders that programs write for a size that they don't know yet.

Writing to a pipe, they can't correct it later: 0 (GStreamer, FFmpeg for
AIFF), 0x7FFFF000 and about 0x80000000 (SoX, arecord), 0xFFFFFFFF less a
header (FFmpeg).
"""


@dataclass(frozen=True, slots=True)
class Container:
    """Container of a file, as its headers state it.

    `media_type` is that of audio, and empty for any other file. `missing` is
    a half-sentence on a file that is shorter than it states, and empty for
    one that is complete or doesn't state its size.
    """

    name: str
    media_type: str = ""
    duration_seconds: float | None = None
    missing: str = ""


class Truncated(Exception):
    """The file ends before what its header needs."""


class ByteSource:
    """Random access to a file, a few bytes at a time.

    All offsets are relative to `begin`, and the size is that of the rest.
    """

    def __init__(self, file: BinaryIO, begin: int = 0) -> None:
        self._file = file
        self._begin = begin
        self.size_bytes = max(file.seek(0, os.SEEK_END) - begin, 0)

    def read(self, at: int, count: int) -> bytes:
        """Return `count` bytes, or fewer at the end of the file."""
        if at < 0 or at >= self.size_bytes:
            return b""
        self._file.seek(self._begin + at)
        return self._file.read(min(count, self.size_bytes - at))

    def after(self, at: int) -> "ByteSource":
        """Return the file from an offset on."""
        return ByteSource(self._file, self._begin + at)

    def read_exactly(self, at: int, count: int) -> bytes:
        """Return `count` bytes. Raises Truncated."""
        data = self.read(at, count)
        if len(data) < count:
            raise Truncated
        return data

    def read_uint(
        self, at: int, count: int, order: Literal["big", "little"] = "big"
    ) -> int:
        """Return an unsigned integer of `count` bytes. Raises Truncated."""
        return int.from_bytes(self.read_exactly(at, count), order)

    def read_tail(self, count: int) -> tuple[int, bytes]:
        """Return the offset of the last `count` bytes, and those bytes."""
        at = max(self.size_bytes - count, 0)
        return at, self.read(at, count)


def is_streamed(size: int) -> bool:
    """Return whether a 32-bit size is a placeholder for an unknown one."""
    return any(size in sizes for sizes in STREAMED_SIZES)


def describe_missing_bytes(there: int, stated: int) -> str:
    """Return a half-sentence on a file with fewer bytes than it states."""
    return f"is cut off: it has {there:,} of {stated:,} bytes"


def to_seconds(count: int, rate: int) -> float | None:
    """Return the duration of samples; None if a header states nonsense."""
    if count <= 0 or rate <= 0:
        return None
    return round(count / rate, 3)


def id3v2_end(source: ByteSource, at: int = 0) -> int:
    """Return the offset after the ID3v2 tags at an offset.

    The ten bytes of the header are the same in all versions
    (https://id3.org/id3v2.4.0-structure, 3.1). There may be several tags.
    """
    for _ in range(8):
        head = source.read(at, 10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) > 0x7F:
            break
        size = 0
        for byte in head[6:]:
            size = size << 7 | byte
        has_footer = head[3] == 4 and head[5] & 0x10
        at += 10 + size + (10 if has_footer else 0)
    return at

"""A container's own account of itself, and bounded reads of a file."""

import os
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

STREAMED_SIZES: Final = (
    range(1),
    range(0x7FFFF000, 0x80000100),
    range(0xFFFFF000, 1 << 32),
)
"""Sizes that programs write which don't know the length yet.

They write to a pipe and can't go back: 0 (GStreamer, FFmpeg for AIFF),
0x7FFFF000 and about 0x80000000 (SoX, arecord), 0xFFFFFFFF less a header
(FFmpeg).
"""


@dataclass(frozen=True, slots=True)
class Container:
    """Container of a file, as its headers state it.

    `media_type` is that of a sound, and empty for all else. `missing` is half
    a sentence on a file that is shorter than it says, and empty for one that
    is complete or doesn't say.
    """

    name: str
    media_type: str = ""
    duration_seconds: float | None = None
    missing: str = ""


class Truncated(Exception):
    """The file ends before what its header needs."""


class ByteSource:
    """A file that is read by offset, a few bytes at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size_bytes = file.seek(0, os.SEEK_END)

    def read(self, at: int, count: int) -> bytes:
        """Read at most `count` bytes; fewer where the file ends."""
        if at < 0 or at >= self.size_bytes:
            return b""
        self._file.seek(at)
        return self._file.read(min(count, self.size_bytes - at))

    def read_exactly(self, at: int, count: int) -> bytes:
        """Read `count` bytes. Raises Truncated."""
        data = self.read(at, count)
        if len(data) < count:
            raise Truncated
        return data

    def read_uint(
        self, at: int, count: int, order: Literal["big", "little"] = "big"
    ) -> int:
        """Read an unsigned number. Raises Truncated."""
        return int.from_bytes(self.read_exactly(at, count), order)

    def read_tail(self, count: int) -> tuple[int, bytes]:
        """Read the last bytes, and say where they begin."""
        at = max(self.size_bytes - count, 0)
        return at, self.read(at, count)


def is_streamed(size: int) -> bool:
    """Whether a 32-bit size stands for one that was not known."""
    return any(size in sizes for sizes in STREAMED_SIZES)


def describe_missing_bytes(there: int, stated: int) -> str:
    """Return half a sentence on a file with fewer bytes than it states."""
    return f"is cut off: {there:,} of {stated:,} bytes are there"


def to_seconds(count: int, rate: int) -> float | None:
    """Turn samples into seconds; None where a broken header says none."""
    if count <= 0 or rate <= 0:
        return None
    return round(count / rate, 3)


def id3v2_end(source: ByteSource, at: int = 0) -> int:
    """Return where the ID3v2 tags at an offset end.

    Of whatever version: the ten bytes of the header are the same in all
    (https://id3.org/id3v2.4.0-structure, 3.1). Several may follow each other.
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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""FLAC, checked by the samples in STREAMINFO against the last frame.

A module of its own, as for each format with a specification.
https://www.rfc-editor.org/rfc/rfc9639: STREAMINFO is section 8.2, a frame's
header 9.1, its footer 9.3.
"""

import re
from dataclasses import dataclass
from typing import Final

from msrv.catalog.integrity.container_info import (
    ByteSource,
    Container,
    to_seconds,
)

_BLOCKS_AT_MOST: Final = 256
_TAIL_BYTES: Final = 512 * 1024
"""More than the longest frame of music."""
_SEARCH_BYTES: Final = 256 * 1024
_CANDIDATES: Final = 64
_SYNC: Final = re.compile(rb"\xff[\xf8\xf9]")
_SIZES: Final = {1: 192, 2: 576, 3: 1152, 4: 2304, 5: 4608}


def _crc_table(width: int, polynomial: int) -> tuple[int, ...]:
    """Return the lookup table of a CRC, most significant bit first."""
    top, mask = 1 << width - 1, (1 << width) - 1
    table = []
    for byte in range(256):
        crc = byte << width - 8
        for _ in range(8):
            crc = (crc << 1 ^ (polynomial if crc & top else 0)) & mask
        table.append(crc)
    return tuple(table)


_CRC_8: Final = _crc_table(8, 0x07)
_CRC_16: Final = _crc_table(16, 0x8005)


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """Fields of STREAMINFO; `samples` is 0 if unknown."""

    block_samples: int
    frame_bytes: int
    rate: int
    samples: int

    @classmethod
    def of(cls, data: bytes) -> "StreamInfo":
        """Parse the 34 bytes of the block, or its first 18."""
        packed = int.from_bytes(data[10:18])
        return cls(
            int.from_bytes(data[2:4]),
            int.from_bytes(data[4:7]),
            packed >> 44,
            packed & (1 << 36) - 1,
        )


@dataclass(frozen=True, slots=True)
class _FlacFrame:
    """A frame: its offset, and the numbers of samples before and in it."""

    at: int
    first: int
    samples: int


def read_flac(source: ByteSource, start: int) -> Container:
    """Return the container of FLAC at an offset. Raises Truncated."""
    info = StreamInfo.of(source.read_exactly(start + 8, 34))
    duration = to_seconds(info.samples, info.rate)
    begin = _first_frame(source, start + 4)

    def container(missing: str = "") -> Container:
        return Container("FLAC", "audio/flac", duration, missing)

    if begin is None:
        return container("is cut off: it has a header and no audio")
    _, tail = source.read_tail(min(_TAIL_BYTES, source.size_bytes - begin))
    if not tail.strip(b"\0"):
        return container("is cut off: it ends in zeros instead of audio")
    first = source.read(begin, 4)
    last = _last_frame(tail, first, info) if info.samples else None
    return container(_missing(tail, last, info) if last else "")


def _missing(tail: bytes, last: _FlacFrame, info: StreamInfo) -> str:
    """Return a half-sentence on frames that are missing or incomplete."""
    if last.first + last.samples < info.samples:
        return (
            f"is cut off: it has {_clock(last.first, info.rate)} "
            f"of {_clock(info.samples, info.rate)} minutes"
        )
    if not _is_whole(tail[last.at :], info.frame_bytes):
        return "is cut off: its last frame is not complete"
    return ""


def _first_frame(source: ByteSource, at: int) -> int | None:
    """Return the offset of the first frame, or None.

    Junk may precede it, as players search for a frame's header.
    """
    for _ in range(_BLOCKS_AT_MOST):
        head = source.read(at, 4)
        if len(head) < 4:
            return None
        at += 4 + int.from_bytes(head[1:])
        if head[0] & 0x80:
            break
    data = source.read(at, _SEARCH_BYTES)
    if _SYNC.match(data):
        return at
    for each in _SYNC.finditer(data):
        begin = each.start()
        if _parse_header(data[begin : begin + 16], None) is not None:
            return at + begin
    return None


def _last_frame(
    tail: bytes, first: bytes, info: StreamInfo
) -> _FlacFrame | None:
    """Return the last frame of the stream, searched from the end."""
    sync = first[:2]
    end = len(tail)
    best: _FlacFrame | None = None
    tried = 0
    while tried < _CANDIDATES:
        at = tail.rfind(sync, 0, end)
        if at < 0:
            break
        end = at + 1
        head = tail[at : at + 16]
        # All frames have the same rate and bits per sample.
        if (
            len(head) < 5
            or head[2] & 0x0F != first[2] & 0x0F
            or head[3] & 0x0F != first[3] & 0x0F
        ):
            continue
        read = _parse_header(head, info)
        if read is None or read[0] > info.samples:
            continue
        tried += 1
        found = _FlacFrame(at, *read)
        # An earlier sample number is a false match inside the last frame.
        if best is not None and found.first < best.first:
            break
        best = found
    return best


def _parse_header(
    head: bytes, info: StreamInfo | None
) -> tuple[int, int] | None:
    """Return the samples before and in a frame, from its header, or None."""
    if len(head) < 6 or head[3] & 0x01 or head[3] >> 4 > 10:
        return None
    size, rate = head[2] >> 4, head[2] & 0x0F
    if size == 0 or rate == 15:
        return None
    # A number of up to 36 bits, encoded like UTF-8 (9.1.5).
    ones = 8 - (~head[4] & 0xFF).bit_length()
    if ones in {1, 8}:
        return None
    at = 4 + max(ones, 1)
    number = head[4] & (0xFF >> ones + 1)
    for byte in head[5:at]:
        number = number << 6 | byte & 0x3F
    samples = _SIZES.get(size, 256 << size - 8 if size >= 8 else 0)
    if size in {6, 7}:
        samples = int.from_bytes(head[at : at + size - 5]) + 1
        at += size - 5
    at += {12: 1, 13: 2, 14: 2}.get(rate, 0)
    if len(head) <= at:
        return None
    crc = 0
    for byte in head[:at]:
        crc = _CRC_8[crc ^ byte]
    if crc != head[at]:
        return None
    is_by_sample = head[1] & 0x01
    if info is not None and not is_by_sample:
        number *= info.block_samples
    return number, samples


def _is_whole(frame: bytes, least: int) -> bool:
    """Return whether a frame ends within the data, with anything after it.

    The CRC of a frame including its footer is 0.
    """
    crc = 0
    least = max(least, 8)
    for count, byte in enumerate(frame, 1):
        crc = (crc << 8 & 0xFFFF) ^ _CRC_16[crc >> 8 ^ byte]
        if not crc and count >= least:
            return True
    return False


def _clock(samples: int, rate: int) -> str:
    """Return a duration as minutes and seconds: `3:05`."""
    whole = samples // rate if rate else 0
    return f"{whole // 60}:{whole % 60:02}"

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Matroska, checked by its segment's size (RFC 9559; RFC 8794, section 6).

Its length is that of the segment's `Info` (RFC 9559, section 5.1.2).

Apart as each format is, with its own specification.
"""

import struct
from collections.abc import Iterator
from typing import Final

from msrv.catalog.integrity.container_info import (
    ByteSource,
    Container,
    Truncated,
    describe_missing_bytes,
    to_seconds,
)

_SEGMENT: Final = b"\x18\x53\x80\x67"
_INFO: Final = b"\x15\x49\xa9\x66"
_CLUSTER: Final = b"\x1f\x43\xb6\x75"
_TIMESTAMP_SCALE: Final = b"\x2a\xd7\xb1"
_DURATION: Final = b"\x44\x89"
_USUAL_SCALE: Final = 1_000_000
"""Nanoseconds in a tick, unless the file states another number."""
_ELEMENTS_AT_MOST: Final = 64
_MAX_TICKS: Final = 1e15
_FLOATS: Final = {4: ">f", 8: ">d"}


def read_matroska(source: ByteSource) -> Container:
    """Return the container of Matroska or WebM. Raises Truncated."""
    size, at = _read_size(source, 4)
    at += size or 0
    if source.read(at, 4) != _SEGMENT:
        is_cut = at + 4 > source.size_bytes
        missing = (
            describe_missing_bytes(source.size_bytes, at) if is_cut else ""
        )
        return Container("Matroska", missing=missing)
    size, at = _read_size(source, at + 4)
    missing = ""
    if size is not None and at + size > source.size_bytes:
        missing = describe_missing_bytes(source.size_bytes, at + size)
    return Container(
        "Matroska",
        duration_seconds=None if missing else _duration(source, at),
        missing=missing,
    )


def _duration(source: ByteSource, at: int) -> float | None:
    """Return the duration that a segment states, or None."""
    try:
        for name, body, size in _elements(source, at, source.size_bytes):
            if name == _CLUSTER:
                break
            if name == _INFO:
                return _stated_duration(source, body, body + size)
    except Truncated:
        pass
    return None


def _stated_duration(source: ByteSource, at: int, end: int) -> float | None:
    """Return the duration in an `Info` element."""
    scale, ticks = _USUAL_SCALE, None
    for name, body, size in _elements(source, at, end):
        if name == _TIMESTAMP_SCALE and size <= 8:
            scale = source.read_uint(body, size)
        elif name == _DURATION and size in _FLOATS:
            data = source.read_exactly(body, size)
            (ticks,) = struct.unpack(_FLOATS[size], data)
    if ticks is None or not 0 < ticks < _MAX_TICKS:
        return None
    return to_seconds(int(ticks * scale), 1_000_000_000)


def _elements(
    source: ByteSource, at: int, end: int
) -> Iterator[tuple[bytes, int, int]]:
    """Yield the first elements of a range: id, offset of the data, size."""
    for _ in range(_ELEMENTS_AT_MOST):
        if at >= end:
            return
        length = 9 - source.read_uint(at, 1).bit_length()
        name = source.read_exactly(at, length)
        size, body = _read_size(source, at + length)
        if size is None:
            return
        yield name, body, size
        at = body + size


def _read_size(source: ByteSource, at: int) -> tuple[int | None, int]:
    """Return a size, None if unknown, and the offset after it."""
    first = source.read_uint(at, 1)
    length = 9 - first.bit_length()
    if length > 8:
        return None, at + 1
    mask = (1 << 7 * length) - 1
    size = source.read_uint(at, length) & mask
    return (None if size == mask else size), at + length

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Matroska, checked by its segment's size (RFC 9559; RFC 8794, section 6).

Apart as each format is, with its own specification.
"""

from typing import Final

from msrv.catalog.integrity.container_info import (
    ByteSource,
    Container,
    describe_missing_bytes,
)

_SEGMENT: Final = b"\x18\x53\x80\x67"


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
    return Container("Matroska", missing=missing)


def _read_size(source: ByteSource, at: int) -> tuple[int | None, int]:
    """Return a size, None if unknown, and the offset after it."""
    first = source.read_uint(at, 1)
    length = 9 - first.bit_length()
    if length > 8:
        return None, at + 1
    mask = (1 << 7 * length) - 1
    size = source.read_uint(at, length) & mask
    return (None if size == mask else size), at + length

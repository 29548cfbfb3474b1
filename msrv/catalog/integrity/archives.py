# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""ZIP and 7z archives, checked by the directory at their end.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.14 to
4.3.16. EPUB, CBZ, DOCX and JAR are ZIP files. A module of its own, as
for each format with a specification.
"""

from typing import Final

from msrv.catalog.integrity.container_info import (
    ByteSource,
    Container,
    describe_missing_bytes,
)

_END, _END_BYTES = b"PK\5\6", 22
_LOCATOR, _LOCATOR_BYTES = b"PK\6\7", 20
_END_64, _END_64_BYTES = b"PK\6\6", 56
_ENTRY: Final = b"PK\1\2"
_FIRST: Final = (b"PK\3\4", b"PK\5\6")
_WRAP: Final = 1 << 32
"""The Finder of macOS writes no ZIP64: its offsets are modulo this."""
_TAIL_BYTES: Final = 128 * 1024
"""The comment at the end has at most 65,535 bytes; some more for junk
after it."""


def read_zip(source: ByteSource) -> Container:
    """Return the container of a ZIP file."""
    at, tail = source.read_tail(_TAIL_BYTES)
    found = tail.rfind(_END)
    while found >= 0:
        if _is_end(source, at + found):
            return Container("ZIP")
        found = tail.rfind(_END, 0, found)
    return Container(
        "ZIP", missing="is cut off: the directory at its end is missing"
    )


def _is_end(source: ByteSource, at: int) -> bool:
    """Return whether the file's own directory ends at an offset.

    A ZIP inside it has a directory too, which may be the last one after
    truncation.
    """
    end = source.read(at, _END_BYTES)
    if len(end) < _END_BYTES:
        return False

    def number(begin: int, count: int) -> int:
        return int.from_bytes(end[begin : begin + count], "little")

    disk, entries = number(4, 2), number(10, 2)
    size, offset, comment = number(12, 4), number(16, 4), number(20, 2)
    if at + _END_BYTES + comment > source.size_bytes:
        return False
    directory_end, is_64 = at, False
    # Info-ZIP writes the larger record even where each number fits here.
    locator = source.read(at - _LOCATOR_BYTES, _LOCATOR_BYTES)
    if locator[:4] == _LOCATOR:
        big = int.from_bytes(locator[8:16], "little")
        end_64 = source.read(big, _END_64_BYTES)
        if end_64[:4] == _END_64:
            entries = int.from_bytes(end_64[32:40], "little")
            size = int.from_bytes(end_64[40:48], "little")
            offset = int.from_bytes(end_64[48:56], "little")
            directory_end, is_64 = big, True
        elif 0xFFFF in {disk, entries} or 0xFFFFFFFF in {size, offset}:
            return False
    in_front = directory_end - size - offset
    is_part = disk not in {0, 0xFFFF}  # the last of several
    begins = source.read(offset + in_front, 4)
    is_wrapped = (
        not is_64
        and in_front > 0
        and in_front % _WRAP == 0
        and begins == _ENTRY
    )
    is_inner = in_front > 0 and not is_wrapped and source.read(0, 4) in _FIRST
    return is_part or (
        in_front >= 0 and not is_inner and (not entries or begins == _ENTRY)
    )


def read_7z(source: ByteSource) -> Container:
    """Return the container of a 7z archive. Raises Truncated."""
    head = source.read_exactly(0, 32)
    offset = int.from_bytes(head[12:20], "little")
    size = int.from_bytes(head[20:28], "little")
    end = 32 + offset + size
    missing = ""
    if end > source.size_bytes:
        missing = describe_missing_bytes(source.size_bytes, end)
    elif not offset and not size and source.size_bytes > 32:
        missing = "is cut off: the directory at its end is missing"
    return Container("7z", missing=missing)

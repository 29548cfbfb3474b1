"""PDF by its end, and Matroska by its segment's size.

ISO 32000-1, 7.5.5 and Annex H, 3.4.5; RFC 9559 and RFC 8794, section 6.
"""

import re
from typing import Final

from msrv.catalog.containers.model import Container, Source, of_bytes

_LINEARIZED: Final = re.compile(
    rb"/Linearized\s[^>]{0,200}?/L\s+([0-9]{1,15})\b"
)
_END_BYTES: Final = 1024
"""Distance from the end within which readers of PDF look for `%%EOF`."""
_PADDING_BYTES: Final = 64 * 1024
_SEGMENT: Final = b"\x18\x53\x80\x67"


def pdf(source: Source) -> Container:
    """Read a PDF: it ends with `%%EOF`, and perhaps something behind."""
    stated = _LINEARIZED.search(source.read(0, 1024))
    # Its first part ends with the same mark, so that one says little.
    if stated and int(stated[1]) > source.size_bytes:
        return Container(
            "PDF", missing=of_bytes(source.size_bytes, int(stated[1]))
        )
    _, tail = source.tail(_PADDING_BYTES)
    end = tail.rstrip(b"\0 \t\r\n\f\x1a")[-_END_BYTES:]
    if b"%%EOF" in end:
        return Container("PDF")
    return Container("PDF", missing="is cut off: its end (%%EOF) is missing")


def matroska(source: Source) -> Container:
    """Read Matroska or WebM. Raises Truncated."""
    size, at = _size(source, 4)
    at += size or 0
    if source.read(at, 4) != _SEGMENT:
        is_cut = at + 4 > source.size_bytes
        missing = of_bytes(source.size_bytes, at) if is_cut else ""
        return Container("Matroska", missing=missing)
    size, at = _size(source, at + 4)
    missing = ""
    if size is not None and at + size > source.size_bytes:
        missing = of_bytes(source.size_bytes, at + size)
    return Container("Matroska", missing=missing)


def _size(source: Source, at: int) -> tuple[int | None, int]:
    """Read a size and where it ends; None is one that wasn't known."""
    first = source.number(at, 1)
    length = 9 - first.bit_length()
    if length > 8:
        return None, at + 1
    mask = (1 << 7 * length) - 1
    size = source.number(at, length) & mask
    return (None if size == mask else size), at + length

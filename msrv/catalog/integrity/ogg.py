# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ogg, checked by its last page.

https://www.rfc-editor.org/rfc/rfc3533, section 6, for the page's header.
Apart as each format is, with its own specification.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from msrv.catalog.integrity.container_info import (
    ByteSource,
    Container,
    to_seconds,
)
from msrv.catalog.integrity.flac import StreamInfo

_PAGES_AT_MOST: Final = 400
_TAIL_BYTES: Final = 256 * 1024
"""A page has at most 65,307 bytes."""
_NO_POSITION: Final = (1 << 64) - 1
_LONGEST_PAGE_SECONDS: Final = 40
"""255 packets of an Opus stream with 120 ms each are 31 s."""
_BEGINS, _ENDS = 0x02, 0x04


@dataclass(frozen=True, slots=True)
class _OggPage:
    """A page's header."""

    at: int
    size: int
    flags: int
    position: int
    serial: int
    number: int
    body: int


@dataclass(frozen=True, slots=True)
class _Codec:
    """A logical stream of audio: its rate, and the samples to skip."""

    serial: int
    rate: int
    skipped: int = 0


def read_ogg(source: ByteSource, start: int) -> Container:
    """Return the container of Ogg at an offset. Raises Truncated."""
    source.read_exactly(start, 27)
    codec: _Codec | None = None
    is_live = False
    numbers: dict[int, int] = {}
    for page in _iter_pages(source, start):
        before = numbers.get(page.serial)
        # The recording of a broadcast has its headers and then the middle.
        if before is not None and page.number != before + 1:
            is_live = True
        numbers[page.serial] = page.number
        if page.flags & _BEGINS:
            codec = codec or _parse_codec(source, page)
        elif codec and page.serial == codec.serial:
            position = page.position
            if position not in {0, _NO_POSITION}:
                most = codec.rate * _LONGEST_PAGE_SECONDS
                is_live = is_live or position > most
                break
    last, duration = _find_end(source, codec)
    missing = ""
    if not is_live:
        if last is None or not last.flags & _ENDS:
            missing = "is cut off: its last page is missing"
        elif last.at + last.size > source.size_bytes:
            missing = "is cut off: its last page is not complete"
    media_type = "audio/ogg" if codec else ""
    return Container("Ogg", media_type, duration, missing)


def _find_end(
    source: ByteSource, codec: _Codec | None
) -> tuple[_OggPage | None, float | None]:
    """Return the last page, and the duration by the last position."""
    at, tail = source.read_tail(_TAIL_BYTES)
    last: _OggPage | None = None
    found = tail.rfind(b"OggS")
    for _ in range(_PAGES_AT_MOST):
        if found < 0:
            break
        page = _parse_page(tail[found : found + 282], at + found)
        if page is not None:
            last = last or page
            if codec is None:
                return last, None
            if page.serial == codec.serial and page.position != _NO_POSITION:
                count = page.position - codec.skipped
                return last, to_seconds(count, codec.rate)
        found = tail.rfind(b"OggS", 0, found)
    return last, None


def _iter_pages(source: ByteSource, at: int) -> Iterator[_OggPage]:
    """Yield consecutive pages from an offset on."""
    for _ in range(_PAGES_AT_MOST):
        page = _parse_page(source.read(at, 282), at)
        if page is None:
            return
        yield page
        at += page.size


def _parse_page(data: bytes, at: int) -> _OggPage | None:
    if len(data) < 27 or data[:5] != b"OggS\0" or data[5] > 7:
        return None
    count = data[26]
    sizes = data[27 : 27 + count]
    # If the page's table is cut off, even more is missing than this size.
    size = 27 + count + sum(sizes)
    return _OggPage(
        at,
        size,
        data[5],
        int.from_bytes(data[6:14], "little"),
        int.from_bytes(data[14:18], "little"),
        int.from_bytes(data[18:22], "little"),
        at + 27 + count,
    )


def _parse_codec(source: ByteSource, page: _OggPage) -> _Codec | None:
    """Return the codec that a stream's first page states, if it is audio."""
    data = source.read(page.body, 80)

    def little(at: int, count: int) -> int:
        return int.from_bytes(data[at : at + count], "little")

    if data.startswith(b"\x01vorbis"):
        return _Codec(page.serial, little(12, 4))
    if data.startswith(b"OpusHead"):
        # Opus positions are always at 48 kHz (RFC 7845, section 4).
        return _Codec(page.serial, 48_000, little(10, 2))
    if data.startswith(b"\x7fFLAC"):
        return _Codec(page.serial, StreamInfo.of(data[17:51]).rate)
    if data.startswith(b"Speex   "):
        return _Codec(page.serial, little(36, 4))
    return None

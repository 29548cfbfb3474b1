# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""MP4 and QuickTime, checked for boxes that are missing or too long.

ISO/IEC 14496-12; a box's header is section 4.2. HEIF and AVIF pictures
consist of the same boxes, with `meta` instead of `moov`. Apart as each format
is, with its own specification.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from msrv.catalog.integrity.container_info import (
    ByteSource,
    Container,
    describe_missing_bytes,
    to_seconds,
)

_BOXES_AT_MOST: Final = 20_000
_CHILDREN_AT_MOST: Final = 256
_SAMPLES_AT_MOST: Final = 4096
KNOWN: Final = frozenset(
    b"ftyp moov mdat moof mfra free skip wide uuid meta sidx ssix styp emsg "
    b"prft pdin pnot imda".split()
)
"""Names of top-level boxes; anything else after complete ones is junk."""

_FRONT: Final = frozenset({b"ftyp", b"free", b"skip", b"wide"})
_BODIES: Final = frozenset({b"mdat", b"moof", b"imda"})


@dataclass(frozen=True, slots=True)
class _Box:
    """A box: its four letters, its offset, its body's and its end's."""

    name: bytes
    at: int
    body: int
    end: int
    is_open: bool = False


def read_mp4(source: ByteSource) -> Container:
    """Return the container of an MP4 file. Raises Truncated."""
    source.read_exactly(0, 8)
    moov: _Box | None = None
    data: _Box | None = None
    seen: set[bytes] = set()
    missing = ""
    for box in _iter_boxes(source, 0, source.size_bytes, _BOXES_AT_MOST):
        if box.name not in KNOWN and _is_complete(seen):
            break
        if box.end > source.size_bytes:
            missing = describe_missing_bytes(source.size_bytes, box.end)
        seen.add(box.name)
        if box.name == b"moov":
            moov = moov or box
        elif box.name == b"mdat":
            data = box
    tracks = list(_sound_tracks(source, moov)) if moov else []
    missing = missing or _missing_box(seen)
    if not missing and data and data.is_open:
        end = max((_last_byte(source, each) for each in tracks), default=0)
        if end > source.size_bytes:
            missing = describe_missing_bytes(source.size_bytes, end)
    lengths = [_duration(source, each) for each in tracks]
    length = max((each for each in lengths if each), default=None)
    if length is None and moov:
        length = _duration(source, moov, b"mvhd")
    return Container("MP4", "audio/mp4" if tracks else "", length, missing)


def _missing_box(seen: set[bytes]) -> str:
    """Return a half-sentence on a missing box that players need."""
    if b"moov" in seen:
        if seen & _BODIES:
            return ""
        return "is cut off: it has an index (moov) and nothing after it"
    if b"mdat" in seen and not seen & {b"meta", b"moof"}:
        return "is cut off: its index (moov) is missing"
    if seen <= _FRONT:
        return "is cut off: it has a header and nothing after it"
    return ""


def _is_complete(seen: set[bytes]) -> bool:
    return {b"moov", b"mdat"} <= seen or {b"moov", b"moof"} <= seen


def _iter_boxes(
    source: ByteSource, at: int, end: int, most: int
) -> Iterator[_Box]:
    """Yield the boxes of a range, `most` at most."""
    for _ in range(most):
        head = source.read(at, 16)
        if at + 8 > end or len(head) < 8:
            return
        size, name, body = int.from_bytes(head[:4]), head[4:8], at + 8
        is_open = size == 0
        if is_open:
            size = end - at
        elif size == 1:
            size, body = int.from_bytes(head[8:16]), at + 16
        # A box can't be smaller than its own header.
        if size < body - at:
            return
        yield _Box(name, at, body, at + size, is_open)
        at += size


def _find_box(source: ByteSource, box: _Box, *path: bytes) -> _Box | None:
    """Return a box inside another by its path, or None."""
    for name in path:
        children = _iter_boxes(source, box.body, box.end, _CHILDREN_AT_MOST)
        found = next((each for each in children if each.name == name), None)
        if found is None:
            return None
        box = found
    return box


def _sound_tracks(source: ByteSource, moov: _Box) -> Iterator[_Box]:
    """Yield the media box of each audio track."""
    for box in _iter_boxes(source, moov.body, moov.end, _CHILDREN_AT_MOST):
        if box.name != b"trak":
            continue
        media = _find_box(source, box, b"mdia")
        handler = _find_box(source, media, b"hdlr") if media else None
        if media and handler and source.read(handler.body + 8, 4) == b"soun":
            yield media


def _duration(
    source: ByteSource, box: _Box, name: bytes = b"mdhd"
) -> float | None:
    """Return the duration in a media or movie header: they are alike."""
    head = _find_box(source, box, name)
    if head is None:
        return None
    data = source.read(head.body, 32)
    if data[:1] == b"\1":
        rate, count = data[20:24], data[24:32]
    else:
        rate, count = data[12:16], data[16:20]
    if count in {b"\xff" * 4, b"\xff" * 8}:
        return None
    return to_seconds(int.from_bytes(count), int.from_bytes(rate))


def _last_byte(source: ByteSource, media: _Box) -> int:
    """Return the end of a track's last chunk by its tables; 0 if unknown.

    Needed where `mdat` doesn't state its size.
    """
    table = _find_box(source, media, b"minf", b"stbl")
    if table is None:
        return 0
    chunks, width = _find_box(source, table, b"stco"), 4
    if chunks is None:
        chunks, width = _find_box(source, table, b"co64"), 8
    runs = _find_box(source, table, b"stsc")
    sizes = _find_box(source, table, b"stsz")
    if chunks is None or runs is None or sizes is None:
        return 0

    def number(at: int, count: int = 4) -> int:
        return int.from_bytes(source.read(at, count))

    count = number(chunks.body + 4)
    run_count = number(runs.body + 4)
    each, samples = number(sizes.body + 4), number(sizes.body + 8)
    if not count or not run_count or not samples:
        return 0
    start = number(chunks.body + 8 + width * (count - 1), width)
    in_last = number(runs.body + 8 + 12 * (run_count - 1) + 4)
    in_last = min(in_last, samples, _SAMPLES_AT_MOST)
    if each:
        return start + each * in_last
    data = source.read(sizes.body + 12 + 4 * (samples - in_last), 4 * in_last)
    return start + sum(
        int.from_bytes(data[at : at + 4]) for at in range(0, len(data), 4)
    )

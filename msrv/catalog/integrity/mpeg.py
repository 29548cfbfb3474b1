# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""MP3, checked by the frames or bytes that its first frame states.

Where it states none, its length is that of the frames it has.

http://gabriel.mp3-tech.org/mp3infotag.html for Xing, Info and LAME's tag;
VBRI is Fraunhofer's. Apart as each format is, with its own specification.
"""

from dataclasses import dataclass
from typing import Final

from msrv.catalog.integrity.container_info import (
    ByteSource,
    Container,
    describe_missing_bytes,
    id3v2_end,
    to_seconds,
)
from msrv.catalog.integrity.trailing_tags import sound_end

_SEARCH_BYTES: Final = 512 * 1024
_CANDIDATES: Final = 4000
_FRAMES_AT_MOST: Final = 200_000
_MAX_FRAME_BYTES: Final = 4096
"""More than any frame has."""
# By version and layer: kilobits per second, in the order of the header.
_KILOBITS: Final = {
    (1, 1): "32 64 96 128 160 192 224 256 288 320 352 384 416 448",
    (1, 2): "32 48 56 64 80 96 112 128 160 192 224 256 320 384",
    (1, 3): "32 40 48 56 64 80 96 112 128 160 192 224 256 320",
    (2, 1): "32 48 56 64 80 96 112 128 144 160 176 192 224 256",
    (2, 2): "8 16 24 32 40 48 56 64 80 96 112 128 144 160",
    (2, 3): "8 16 24 32 40 48 56 64 80 96 112 128 144 160",
}
_BIT_RATES: Final = {
    key: tuple(map(int, text.split())) for key, text in _KILOBITS.items()
}
_HERTZ: Final = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}


@dataclass(frozen=True, slots=True)
class _MpegFrame:
    """A frame's header; `key` is the same for all frames of a stream."""

    size: int
    samples: int
    rate: int
    bit_rate: int
    key: bytes
    side_bytes: int


def read_mpeg(source: ByteSource, start: int) -> Container | None:
    """Return the container of an MP3 whose tags end at `start`, or None.

    A frame counts if similar ones follow or if it states their number.
    Several hundred kilobytes of junk may precede it.
    """
    if start > source.size_bytes:
        return Container(
            "MP3", missing=describe_missing_bytes(source.size_bytes, start)
        )
    found = _find_first_frame(source, start)
    if found is None:
        return None
    at, frame = found
    frames, size, is_strict = _read_stated_counts(source, at, frame)
    there = source.size_bytes - at
    missing = ""
    if size:
        if there < size - (0 if is_strict else frame.size):
            missing = describe_missing_bytes(there, size)
    elif frames and frames <= _FRAMES_AT_MOST:
        counted, _ = _count_frames(source, at + frame.size, frames)
        if counted < frames:
            missing = f"is cut off: it has {counted:,} of {frames:,} frames"
    if frames:
        duration = to_seconds(frames * frame.samples, frame.rate)
    else:
        duration = _measure(source, at, frame)
    return Container("MP3", "audio/mpeg", duration, missing)


def read_adts(source: ByteSource, start: int) -> Container | None:
    """Return the container of raw AAC (ADTS) at an offset, or None.

    ISO/IEC 13818-7, 6.2. It doesn't state its duration.
    """
    at = start
    for number in range(3):
        head = source.read(at, 7)
        if number and at == source.size_bytes:
            break
        is_header = len(head) == 7 and head[0] == 0xFF
        if not is_header or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
            return None
        size = int.from_bytes(head[3:6]) >> 5 & 0x1FFF
        if size < 7:
            return None
        at += size
    return Container("AAC", "audio/aac")


def _find_first_frame(
    source: ByteSource, start: int
) -> tuple[int, _MpegFrame] | None:
    data = source.read(start, _SEARCH_BYTES)
    at = data.find(b"\xff")
    tried = 0
    while at >= 0 and tried < _CANDIDATES:
        frame = _parse_header(data[at : at + 4])
        if frame is not None:
            tried += 1
            place = start + at
            if any(_read_stated_counts(source, place, frame)[:2]):
                return place, frame
            if _is_followed(source, place, frame):
                return _skip_false_frame(source, place, frame)
        at = data.find(b"\xff", at + 1)
    return None


def _skip_false_frame(
    source: ByteSource, at: int, frame: _MpegFrame
) -> tuple[int, _MpegFrame]:
    """Return the stream's first frame, skipping a false match before it.

    Junk may look like one more frame before the one that states the count.
    """
    following = at + frame.size
    after = _parse_header(source.read(following, 4))
    if after is not None and any(
        _read_stated_counts(source, following, after)[:2]
    ):
        return following, after
    return at, frame


def _is_followed(source: ByteSource, at: int, frame: _MpegFrame) -> bool:
    """Return whether a second frame follows, and a third or the end."""
    for number in range(2):
        at += frame.size
        after = _parse_header(source.read(at, 4))
        if after is None or after.key != frame.key:
            return number > 0 and at >= source.size_bytes
        frame = after
    return True


def _parse_header(head: bytes) -> _MpegFrame | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bits in {0, 15} or rate == 3:
        return None
    is_first = version == 3
    bit_rate = 1000 * _BIT_RATES[1 if is_first else 2, layer][bits - 1]
    hertz = _HERTZ[version][rate]
    samples = 384 if layer == 1 else 1152
    if layer == 3 and not is_first:
        samples = 576
    padding = head[2] >> 1 & 1
    if layer == 1:
        size = (12 * bit_rate // hertz + padding) * 4
    else:
        size = samples // 8 * bit_rate // hertz + padding
    is_mono = head[3] >> 6 == 3
    side = (17 if is_mono else 32) if is_first else (9 if is_mono else 17)
    # Version, layer and rate.
    key = bytes((head[1] & 0xFE, head[2] & 0x0C))
    return _MpegFrame(size, samples, hertz, bit_rate, key, side)


def _read_stated_counts(
    source: ByteSource, at: int, frame: _MpegFrame
) -> tuple[int, int, bool]:
    """Return the stated numbers of frames and bytes, 0 if not stated.

    Xing's bytes include its own frame. Programs disagree on whether VBRI's
    do, so those may be one frame too many: the third value is then False.
    """
    data = source.read(at, 64)
    place = 4 + frame.side_bytes
    # Also after a checksum of the frame.
    for each in (place, place + 2):
        if data[each : each + 4] not in {b"Xing", b"Info"}:
            continue
        fields = source.read(at + each + 4, 12)
        if len(fields) < 12:
            return 0, 0, True
        flags, first, second = (
            int.from_bytes(fields[n : n + 4]) for n in (0, 4, 8)
        )
        frames = first if flags & 1 else 0
        size = (second if flags & 1 else first) if flags & 2 else 0
        return frames, size, True
    if data[36:40] == b"VBRI":
        fields = source.read(at + 46, 8)
        size, frames = int.from_bytes(fields[:4]), int.from_bytes(fields[4:])
        return frames, size, False
    return 0, 0, True


def frames_end(source: ByteSource) -> int | None:
    """Return the offset after the last frame of an MP3, before any junk.

    None where it isn't known: for another kind of file, and where the frames
    seem to be interrupted only.
    """
    found = _find_first_frame(source, id3v2_end(source))
    if found is None:
        return None
    at, frame = found
    _, size, is_strict = _read_stated_counts(source, at, frame)
    if size and is_strict:
        end = at + size
    else:
        _, end = _count_frames(source, at, _FRAMES_AT_MOST)
    if end >= source.size_bytes or _find_first_frame(source, end) is not None:
        return None
    return end


def _measure(
    source: ByteSource, start: int, frame: _MpegFrame
) -> float | None:
    """Return the duration of frames whose number isn't stated.

    By the frames themselves, as the bit rate may vary: what follows the last
    that is counted is taken to be alike.
    """
    counted, stop = _count_frames(source, start, _FRAMES_AT_MOST)
    rest = sound_end(source) - stop
    if counted and rest > _MAX_FRAME_BYTES:
        counted += round(rest * counted / (stop - start))
    return to_seconds(counted * frame.samples, frame.rate)


def _count_frames(source: ByteSource, at: int, wanted: int) -> tuple[int, int]:
    """Return the number of whole frames, `wanted` at most, and their end."""
    for count in range(wanted):
        frame = _parse_header(source.read(at, 4))
        if frame is None or at + frame.size > source.size_bytes:
            return count, at
        at += frame.size
    return wanted, at

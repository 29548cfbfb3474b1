# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Chunked formats: RIFF (WAV, RF64, BW64, AVI, WebP), FORM (AIFF, AIFC).

https://www.itu.int/rec/R-REC-BS.2088 for BW64 and `ds64`,
https://tech.ebu.ch/docs/tech/tech3306v1_1.pdf for RF64.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from msrv.catalog.integrity.container_info import (
    ByteSource,
    Container,
    describe_missing_bytes,
    is_streamed,
    to_seconds,
)

_CHUNKS_AT_MOST: Final = 512
_SLACK_BYTES: Final = 8
"""Some programs state the file's size instead of that of what follows."""
_UNKNOWN_64: Final = frozenset({0, (1 << 64) - 1})


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk: its four letters, its body's offset and stated size."""

    name: bytes
    start: int
    size: int

    @property
    def end(self) -> int:
        """Offset of the end of its body, without padding."""
        return self.start + self.size


def read_riff(source: ByteSource) -> Container:
    """Return the container of a RIFF file. Raises Truncated."""
    magic, size, form_type = _head(source, "little")
    if form_type != b"WAVE":
        return Container("RIFF", missing=_missing_of_riff(source, size))
    name = "WAV" if magic == b"RIFF" else magic.decode()
    stated: int | None = None if is_streamed(size) else size
    sound: int | None = None
    bytes_a_second = 0
    for chunk in iter_chunks(source, 12, source.size_bytes, "little"):
        if chunk.name == b"ds64":
            size = source.read_uint(chunk.start, 8, "little")
            stated = None if size in _UNKNOWN_64 else size
            size = source.read_uint(chunk.start + 8, 8, "little")
            sound = None if size in _UNKNOWN_64 else size
        elif chunk.name == b"fmt ":
            bytes_a_second = source.read_uint(chunk.start + 8, 4, "little")
        elif chunk.name == b"data":
            if magic == b"RIFF" or chunk.size != 0xFFFFFFFF:
                sound = None if is_streamed(chunk.size) else chunk.size
            return _check_audio_chunk(
                source,
                Container(name, "audio/wav"),
                chunk.start,
                size=sound,
                stated=stated,
                order="little",
                bytes_a_second=bytes_a_second,
            )
        elif chunk.end > source.size_bytes:
            return Container(
                name, "audio/wav", None, _missing_until(source, chunk.end)
            )
    return Container(name, "audio/wav", None, "contains no audio")


def _missing_of_riff(source: ByteSource, size: int) -> str:
    """Return what a file of any kind lacks of the size that it states."""
    there = source.size_bytes
    if is_streamed(size) or 8 + size <= there:
        return ""
    chunks = iter_chunks(source, 12, there, "little")
    if 8 + size <= there + _SLACK_BYTES and all(
        each.end <= there for each in chunks
    ):
        return ""
    return describe_missing_bytes(there, 8 + size)


def read_aiff(source: ByteSource) -> Container:
    """Return the container of a FORM file. Raises Truncated."""
    _, size, kind = _head(source, "big")
    if kind not in {b"AIFF", b"AIFC"}:
        return Container("IFF")
    name = kind.decode()
    stated = None if is_streamed(size) else size
    duration = None
    for chunk in iter_chunks(source, 12, source.size_bytes, "big"):
        if chunk.name == b"COMM":
            frames = source.read_uint(chunk.start + 2, 4)
            duration = to_seconds(
                frames, _read_extended_float(source, chunk.start + 8)
            )
        elif chunk.name == b"SSND":
            sound = None if is_streamed(chunk.size) else chunk.size
            found = Container(name, "audio/aiff", duration)
            return _check_audio_chunk(
                source,
                found,
                chunk.start,
                size=sound,
                stated=stated,
                order="big",
                skip=8,
            )
        elif chunk.end > source.size_bytes:
            missing = _missing_until(source, chunk.end)
            return Container(name, "audio/aiff", duration, missing)
    return Container(name, "audio/aiff", None, "contains no audio")


def _head(
    source: ByteSource, order: Literal["big", "little"]
) -> tuple[bytes, int, bytes]:
    head = source.read_exactly(0, 12)
    return head[:4], int.from_bytes(head[4:8], order), head[8:]


def _check_audio_chunk(
    source: ByteSource,
    found: Container,
    start: int,
    *,
    size: int | None,
    stated: int | None,
    order: Literal["big", "little"],
    bytes_a_second: int = 0,
    skip: int = 0,
) -> Container:
    """Return a container checked by its audio chunk and those after it.

    `size` and `stated` are the sizes of the audio and of the whole, None if
    the program that wrote the file didn't know them.
    """
    total = source.size_bytes
    there = total - start
    duration = found.duration_seconds or to_seconds(
        min(size or there, there), bytes_a_second
    )
    missing = ""
    if there <= skip:
        missing = "contains no audio"
    elif size is not None and size > there:
        missing = describe_missing_bytes(there, size)
    if there <= skip and size is not None and size > skip:
        missing = describe_missing_bytes(max(there, 0), size)
    if not missing and size is not None and stated is not None:
        end = 8 + stated
        after = start + size
        for chunk in iter_chunks(
            source, after, min(end, total), order, is_odd=size % 2 == 1
        ):
            if chunk.end > total and _is_name(chunk.name):
                missing = _missing_until(source, chunk.end)
        # Only if more than the slack is missing after the audio.
        if not missing and end > max(total, after + size % 2) + _SLACK_BYTES:
            missing = describe_missing_bytes(total, end)
    return Container(found.name, found.media_type, duration, missing)


def iter_chunks(
    source: ByteSource,
    at: int,
    end: int,
    order: Literal["big", "little"],
    *,
    is_odd: bool = False,
) -> Iterator[Chunk]:
    """Yield the chunks from an offset on, at most 512.

    A chunk of an odd size is followed by a byte of padding, which some
    programs leave out. With `is_odd`, such a chunk ends at the offset.
    """
    for _ in range(_CHUNKS_AT_MOST):
        if at + 8 > end:
            return
        head = source.read(at, 9)
        if is_odd and _is_padded(head, source.size_bytes - at, order):
            at, head = at + 1, head[1:]
        if at + 8 > end or len(head) < 8:
            return
        size = int.from_bytes(head[4:8], order)
        yield Chunk(head[:4], at + 8, size)
        at += 8 + size
        is_odd = size % 2 == 1


def _is_padded(
    head: bytes, bytes_left: int, order: Literal["big", "little"]
) -> bool:
    """Return whether the first of these bytes is padding before a chunk.

    If both can be a chunk's name, as in `LISTA`, its size decides.
    """
    if not _is_name(head[:4]):
        return True
    if not _is_name(head[1:5]):
        return False
    padded = 1 + 8 + int.from_bytes(head[5:9], order)
    bare = 8 + int.from_bytes(head[4:8], order)
    return padded <= bytes_left or bare > bytes_left


def _is_name(name: bytes) -> bool:
    """Return whether these bytes can be a chunk's name: printable ASCII."""
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name)


def _missing_until(source: ByteSource, end: int) -> str:
    return describe_missing_bytes(source.size_bytes, end)


def _read_extended_float(source: ByteSource, at: int) -> int:
    """Return a rate from an 80-bit float, in whole hertz."""
    data = source.read_exactly(at, 10)
    exponent = (int.from_bytes(data[:2]) & 0x7FFF) - 16383 - 63
    if not -64 < exponent <= 0:
        return 0
    return int.from_bytes(data[2:]) >> -exponent

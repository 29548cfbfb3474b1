# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Body of a representation: byte strings and slices of files. Pure.

A file is one slice; a ZIP is many, with headers in between. Slicing either
costs no reading, and finds its place by bisection.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from msrv.downloads.ranges import ByteRange
from msrv.storage.model import Content


class FileSlice(NamedTuple):
    """Bytes of a file from `start` to `stop`, half-open."""

    content: Content
    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        """Size in bytes."""
        return self.stop - self.start


Chunk = bytes | FileSlice


class Body:
    """Sequence of chunks, without empty ones."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = tuple(chunk for chunk in chunks if chunk_size(chunk))
        # The offset of each chunk, and that of the end.
        self._bounds = [0, *accumulate(map(chunk_size, self.chunks))]

    @classmethod
    def of_file(cls, content: Content) -> "Body":
        """Return the body of a whole file."""
        return cls([FileSlice(content, 0, content.size_bytes)])

    @property
    def size_bytes(self) -> int:
        """Size in bytes."""
        return self._bounds[-1]

    def slice(self, wanted: ByteRange) -> Iterator[Chunk]:
        """Return the chunks of a range, which lies inside the body."""
        number = bisect_right(self._bounds, wanted.start) - 1
        start = wanted.start
        while start < wanted.stop:
            chunk_start, chunk_stop = self._bounds[number : number + 2]
            stop = min(wanted.stop, chunk_stop)
            yield _slice_chunk(
                self.chunks[number], start - chunk_start, stop - chunk_start
            )
            start, number = stop, number + 1


def chunk_size(chunk: Chunk) -> int:
    """Return the size of a chunk in bytes."""
    return chunk.size_bytes if isinstance(chunk, FileSlice) else len(chunk)


def _slice_chunk(chunk: Chunk, start: int, stop: int) -> Chunk:
    if isinstance(chunk, FileSlice):
        return chunk._replace(
            start=chunk.start + start, stop=chunk.start + stop
        )
    return chunk[start:stop]

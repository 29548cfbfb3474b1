"""What a representation is made of: bytes at hand and stretches of files.

A file is one stretch; a ZIP is many, with headers in between. Cutting a part
out of either is the same, costs no reading, and finds its place by bisection.
Pure.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from msrv.downloads.ranges import ByteRange
from msrv.storage.model import Content


class FileSlice(NamedTuple):
    """The bytes of a file from `start` up to and without `stop`."""

    content: Content
    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        """How many bytes it holds."""
        return self.stop - self.start


Chunk = bytes | FileSlice


class Body:
    """Pieces in a row. Empty pieces are left out."""

    def __init__(self, pieces: Sequence[Chunk]) -> None:
        self.pieces = tuple(piece for piece in pieces if chunk_size(piece))
        # Where each piece begins, and where the last one ends.
        self._bounds = [0, *accumulate(map(chunk_size, self.pieces))]

    @classmethod
    def of_file(cls, content: Content) -> "Body":
        """Take the whole of one file."""
        return cls([FileSlice(content, 0, content.size_bytes)])

    @property
    def size_bytes(self) -> int:
        """The length of all of it."""
        return self._bounds[-1]

    def cut(self, wanted: ByteRange) -> Iterator[Chunk]:
        """Go through the pieces of a range that lies inside the body."""
        number = bisect_right(self._bounds, wanted.start) - 1
        start = wanted.start
        while start < wanted.stop:
            begin, end = self._bounds[number : number + 2]
            stop = min(wanted.stop, end)
            yield _cut(self.pieces[number], start - begin, stop - begin)
            start, number = stop, number + 1


def chunk_size(piece: Chunk) -> int:
    """Say how many bytes a piece holds."""
    return piece.size_bytes if isinstance(piece, FileSlice) else len(piece)


def _cut(piece: Chunk, start: int, stop: int) -> Chunk:
    if isinstance(piece, FileSlice):
        return piece._replace(
            start=piece.start + start, stop=piece.start + stop
        )
    return piece[start:stop]

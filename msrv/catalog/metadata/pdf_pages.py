# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Number of pages of a PDF (ISO 32000-1, 7.5 and 7.7).

The file's end leads to its cross-reference table, that to the catalog, and
that to the root of the page tree, which states the number. Only those objects
are read. Runs in the parser process: streams are decompressed.
"""

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from msrv.catalog.integrity.container_info import ByteSource

MAX_PAGES: Final = 100_000

_HEADER_BYTES: Final = 1024
_TAIL_BYTES: Final = 4096
_OBJECT_BYTES: Final = 1 << 20
_STREAM_BYTES: Final = 8 << 20
_DECODED_BYTES: Final = 16 << 20
_MAX_SECTIONS: Final = 64
_ENTRY_BYTES: Final = 20
_PNG_PREDICTORS: Final = 10
_NONE, _SUB, _UP = 0, 1, 2
_IN_FILE, _IN_STREAM = 1, 2

_START: Final = re.compile(rb"startxref\s+([0-9]{1,15})")
_OBJECT: Final = re.compile(rb"\s*[0-9]+\s+[0-9]+\s+obj\b")
_STREAM: Final = re.compile(rb"\bstream(?:\r\n|\n|\r)")
_SUBSECTION: Final = re.compile(
    rb"\s*([0-9]{1,10})\s+([0-9]{1,10})[ \t]*\r?\n?"
)
_ROOT: Final = re.compile(rb"/Root\s+([0-9]{1,10})\s+[0-9]+\s+R")
_PAGES: Final = re.compile(rb"/Pages\s+([0-9]{1,10})\s+[0-9]+\s+R")
_WIDTHS: Final = re.compile(rb"/W\s*\[\s*([0-9])\s+([0-9])\s+([0-9])\s*\]")
_INDEX: Final = re.compile(rb"/Index\s*\[([0-9\s]{1,4000})\]")


class _Unreadable(Exception):
    """The file isn't built as the specification says, or not as expected."""


@dataclass(slots=True)
class _Sections:
    """Cross-reference sections, from the newest to the oldest.

    `tables` are the first object, the number of objects and the offset of a
    table; `streams` the same with decoded entries and the widths of a field.
    """

    root: int | None = None
    tables: list[tuple[int, int, int]] = field(default_factory=list)
    streams: list[tuple[int, int, bytes, tuple[int, ...]]] = field(
        default_factory=list
    )


def count_pages(file: BinaryIO) -> int | None:
    """Return the number of pages, None if the file doesn't say. Blocks."""
    # Offsets and sizes are whatever the file says.
    with suppress(_Unreadable, ValueError, IndexError, zlib.error):
        return _Document(ByteSource(file)).count_pages()
    return None


class _Document:
    """A PDF being read."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._begin = max(0, source.read(0, _HEADER_BYTES).find(b"%PDF-"))
        self._sections = _Sections()

    def count_pages(self) -> int | None:
        """Return the number of pages that the page tree states."""
        _, tail = self._source.read_tail(_TAIL_BYTES)
        starts = _START.findall(tail)
        if not starts:
            return None
        self._read_sections(int(starts[-1]))
        if self._sections.root is None:
            return None
        pages = _PAGES.search(self._object(self._sections.root))
        if pages is None:
            return None
        count = _number(self._object(int(pages[1])), b"Count")
        return count if count and count <= MAX_PAGES else None

    def _read_sections(self, at: int) -> None:
        seen: set[int] = set()
        todo = [at]
        while todo and len(seen) < _MAX_SECTIONS:
            at = todo.pop(0)
            if at in seen:
                continue
            seen.add(at)
            if self._read(at, 4) == b"xref":
                trailer = self._read_table(at + 4)
            else:
                trailer = self._read_stream_section(at)
            root = _ROOT.search(trailer)
            if self._sections.root is None and root:
                self._sections.root = int(root[1])
            for name in (b"XRefStm", b"Prev"):
                before = _number(trailer, name)
                if before is not None:
                    todo.append(before)

    def _read_table(self, at: int) -> bytes:
        """Read the subsections of a table; return its trailer."""
        for _ in range(_MAX_SECTIONS * 64):
            head = self._read(at, 64)
            match = _SUBSECTION.match(head)
            if match is None:
                break
            first, count = int(match[1]), int(match[2])
            at += match.end()
            self._sections.tables.append((first, count, at))
            at += count * _ENTRY_BYTES
        return self._read(at, _TAIL_BYTES)

    def _read_stream_section(self, at: int) -> bytes:
        """Read a cross-reference stream; return its dictionary."""
        dictionary, data = self._stream(at)
        found = _WIDTHS.search(dictionary)
        if found is None:
            raise _Unreadable
        widths = tuple(int(each) for each in found.groups())
        index = _INDEX.search(dictionary)
        size = _number(dictionary, b"Size") or 0
        ranges = [int(each) for each in index[1].split()] if index else []
        pairs = zip(ranges[::2], ranges[1::2], strict=True)
        begin = 0
        for first, count in pairs if ranges else [(0, size)]:
            end = begin + count * sum(widths)
            self._sections.streams.append(
                (first, count, data[begin:end], widths)
            )
            begin = end
        return dictionary

    def _object(self, number: int) -> bytes:
        """Return the text of an object."""
        for kind, first, second in self._places(number):
            if kind == _IN_FILE:
                data = self._read(first, _OBJECT_BYTES)
                match = _OBJECT.match(data)
                if match is None:
                    raise _Unreadable
                return data[match.end() :].partition(b"endobj")[0]
            if kind == _IN_STREAM:
                return self._object_in_stream(first, second)
        raise _Unreadable

    def _places(self, number: int) -> Iterator[tuple[int, int, int]]:
        """Yield where an object is, newest first: kind and two numbers."""
        for first, count, at in self._sections.tables:
            if first <= number < first + count:
                entry = self._read(at + (number - first) * _ENTRY_BYTES, 20)
                if entry[17:18] == b"n":
                    yield _IN_FILE, int(entry[:10]), 0
        for first, count, data, widths in self._sections.streams:
            if first <= number < first + count:
                at = (number - first) * sum(widths)
                fields = []
                for width in widths:
                    fields.append(int.from_bytes(data[at : at + width]))
                    at += width
                kind = fields[0] if widths[0] else _IN_FILE
                yield kind, fields[1], fields[2]

    def _object_in_stream(self, stream: int, position: int) -> bytes:
        """Return an object in an object stream, by its position in it."""
        places = [
            at for kind, at, _ in self._places(stream) if kind == _IN_FILE
        ]
        dictionary, data = self._stream(places[0])
        first = _number(dictionary, b"First") or 0
        numbers = [int(each) for each in data[:first].split()]
        offsets = numbers[1::2]
        begin = first + offsets[position]
        later = [first + each for each in offsets if first + each > begin]
        return data[begin : min(later, default=len(data))]

    def _stream(self, at: int) -> tuple[bytes, bytes]:
        """Return a stream's dictionary and its decoded data."""
        data = self._read(at, _STREAM_BYTES)
        head, body = _OBJECT.match(data), _STREAM.search(data)
        if head is None or body is None:
            raise _Unreadable
        dictionary = data[head.end() : body.start()]
        raw = data[body.end() :]
        if b"/FlateDecode" not in dictionary:
            return dictionary, raw.partition(b"endstream")[0]
        decoded = zlib.decompressobj().decompress(raw, _DECODED_BYTES)
        if (_number(dictionary, b"Predictor") or 1) >= _PNG_PREDICTORS:
            columns = _number(dictionary, b"Columns") or 1
            decoded = _without_prediction(decoded, columns)
        return dictionary, decoded

    def _read(self, at: int, count: int) -> bytes:
        return self._source.read(self._begin + at, count)


def _number(dictionary: bytes, name: bytes) -> int | None:
    """Return the value of a key that is a number, not a reference."""
    match = re.search(
        rb"/" + name + rb"\s+([0-9]{1,15})(?!\s+[0-9]+\s+R|[0-9])", dictionary
    )
    return int(match[1]) if match else None


def _without_prediction(data: bytes, columns: int) -> bytes:
    """Undo PNG's filters of rows (RFC 2083, section 6) of one-byte pixels."""
    above = bytes(columns)
    rows = bytearray()
    for at in range(0, len(data) - columns, columns + 1):
        kind, row = data[at], bytearray(data[at + 1 : at + 1 + columns])
        if kind == _UP:
            row = bytearray(
                (a + b) & 0xFF for a, b in zip(row, above, strict=True)
            )
        elif kind == _SUB:
            for place in range(1, columns):
                row[place] = (row[place] + row[place - 1]) & 0xFF
        elif kind != _NONE:
            raise _Unreadable
        rows += row
        above = bytes(row)
    return bytes(rows)

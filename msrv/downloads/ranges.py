# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Range header, parsed as RFC 9110 defines it (sections 14.1.1 to 14.2).

Many ranges, or ranges that overlap or are not ascending, are ignored, as
section 14.2 allows: they cost more than they are of use. A set of ten thousand
is rejected by counting its commas.
"""

import re
from itertools import pairwise
from typing import NamedTuple

MAX_RANGES = 8

# A list may hold empty elements, a "reasonable number" of which must be
# ignored (section 5.6.1.2): as many again as there may be ranges.
_MAX_COMMAS = 2 * MAX_RANGES

_UNIT = "bytes="
_SPEC = re.compile(r"(?P<first>[0-9]+)-(?P<last>[0-9]*)|-(?P<suffix>[0-9]+)")

# No offset in a file has more digits, and int() rejects over 4300.
_MAX_DIGITS = 19
_BEYOND = 10**_MAX_DIGITS


class ByteRange(NamedTuple):
    """Bytes from `start` to `stop`, half-open, from 0."""

    start: int
    stop: int

    @property
    def size_bytes(self) -> int:
        """Size in bytes."""
        return self.stop - self.start


def parse_range(field: str, size_bytes: int) -> tuple[ByteRange, ...] | None:
    """Parse a Range for a representation of `size_bytes`.

    Returns
    - None for a Range to ignore: of another unit, malformed or too costly
    - an empty tuple for one that is valid but not satisfiable (416)
    - otherwise 1 to MAX_RANGES ranges, ascending, without overlaps, inside
      the representation
    """
    if field[: len(_UNIT)].lower() != _UNIT or field.count(",") > _MAX_COMMAS:
        return None
    specs = [
        spec
        for element in field[len(_UNIT) :].split(",")
        if (spec := element.strip(" \t"))
    ]
    if not 0 < len(specs) <= MAX_RANGES:
        return None
    found: list[ByteRange] = []
    for spec in specs:
        wanted = _resolve(spec, size_bytes)
        if wanted is None:
            return None
        if wanted.start < wanted.stop:
            found.append(wanted)
    if any(after.start < before.stop for before, after in pairwise(found)):
        return None
    return tuple(found)


def _resolve(spec: str, size_bytes: int) -> ByteRange | None:
    """Resolve a range-spec; empty if not satisfiable, None if invalid."""
    match = _SPEC.fullmatch(spec)
    if match is None:
        return None
    if match["suffix"] is not None:
        wanted = _number(match["suffix"])
        if wanted and not size_bytes:
            # A suffix of an empty representation is satisfiable (section
            # 14.1.2), but no Content-Range can express it: ignore it.
            return None
        return ByteRange(max(0, size_bytes - wanted), size_bytes)
    first = _number(match["first"])
    if not match["last"]:
        return ByteRange(first, size_bytes)
    last = _number(match["last"])
    if last < first:
        return None
    return ByteRange(first, min(last + 1, size_bytes))


def _number(digits: str) -> int:
    significant = digits.lstrip("0") or "0"
    return _BEYOND if len(significant) > _MAX_DIGITS else int(significant)

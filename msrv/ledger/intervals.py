# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Unions of half-open byte intervals: which bytes were delivered.

A union is a sorted tuple of disjoint, non-adjacent `(start, stop)` with
0 <= start < stop. Its length is bounded: it never covers more than was added,
and may cover less. Apart from the events, and pure: the database's projection
and its tests need the arithmetic alone.
"""

from collections.abc import Iterable
from typing import Final

Intervals = tuple[tuple[int, int], ...]

MAX_INTERVALS: Final = 256
"""No real download has more gaps than this; a hostile one may."""


def union(
    *sets: Iterable[tuple[int, int]], most: int = MAX_INTERVALS
) -> Intervals:
    """Return the union of intervals in any order, overlapping or not.

    Of more than `most`, the shortest are dropped: a download then counts as
    complete a little later, and never too early.
    """
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(each for given in sets for each in given):
        if start >= stop:
            continue
        if merged and start <= merged[-1][1]:
            first, last = merged[-1]
            merged[-1] = (first, max(last, stop))
        else:
            merged.append((start, stop))
    if len(merged) > most:
        longest = sorted(merged, key=lambda each: each[0] - each[1])[:most]
        merged = sorted(longest)
    return tuple(merged)


def total_bytes(intervals: Intervals) -> int:
    """Return the number of bytes in a union."""
    return sum(stop - start for start, stop in intervals)


def covers(intervals: Intervals, size_bytes: int) -> bool:
    """Return whether a union has each of the bytes from 0 to `size_bytes`."""
    return not size_bytes or intervals == ((0, size_bytes),)


def format_intervals(intervals: Intervals) -> str:
    """Return a union as `0-500,700-900`, stops exclusive."""
    return ",".join(f"{start}-{stop}" for start, stop in intervals)


def parse_intervals(text: str) -> Intervals:
    """Parse the result of `format_intervals`. Raises ValueError."""
    found = []
    for part in text.split(",") if text else ():
        start, _, stop = part.partition("-")
        found.append((int(start), int(stop)))
    return tuple(found)

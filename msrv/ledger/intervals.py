"""Which bytes have been delivered: unions of half-open intervals. Pure.

A union here is a sorted tuple of disjoint `(start, stop)` that don't touch,
each with 0 <= start < stop. It never says more than was added, and it may say
less: its length is bounded, and what does not fit is forgotten.
"""

from collections.abc import Iterable
from typing import Final

Intervals = tuple[tuple[int, int], ...]

MOST: Final = 256
"""More holes than this no real download has; a hostile one may."""


def union(*sets: Iterable[tuple[int, int]], most: int = MOST) -> Intervals:
    """Unite intervals in any order, overlapping or not.

    Of more than `most`, the shortest are forgotten: a download counts as
    whole a little later then, and never too early.
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


def measure(intervals: Intervals) -> int:
    """Count the bytes of a union."""
    return sum(stop - start for start, stop in intervals)


def covers(intervals: Intervals, size_bytes: int) -> bool:
    """Whether a union holds each of the bytes from 0 to `size_bytes`."""
    return not size_bytes or intervals == ((0, size_bytes),)


def to_text(intervals: Intervals) -> str:
    """Write a union as `0-500,700-900`, stops exclusive."""
    return ",".join(f"{start}-{stop}" for start, stop in intervals)


def from_text(text: str) -> Intervals:
    """Read what `to_text` wrote. Raises ValueError."""
    found = []
    for part in text.split(",") if text else ():
        start, _, stop = part.partition("-")
        found.append((int(start), int(stop)))
    return tuple(found)

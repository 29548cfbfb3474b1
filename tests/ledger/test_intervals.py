# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Unions of byte intervals."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from msrv.ledger.intervals import (
    covers,
    format_intervals,
    parse_intervals,
    total_bytes,
    union,
)

SIZE = 60
INTERVALS = st.lists(
    st.tuples(st.integers(0, SIZE), st.integers(0, SIZE))
    .map(sorted)
    .map(tuple)
)


def held(intervals: list[tuple[int, int]]) -> set[int]:
    """Return the offsets of all bytes."""
    return {byte for start, stop in intervals for byte in range(start, stop)}


@given(INTERVALS, INTERVALS)
def test_union_has_the_bytes_of_both(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    both = union(one, other)
    assert held(list(both)) == held(one) | held(other)
    assert total_bytes(both) == len(held(list(both)))
    assert both == union(other, one) == union(both) == union(both, one)
    assert all(start < stop for start, stop in both)
    assert all(before[1] < after[0] for before, after in pairwise(both))
    assert parse_intervals(format_intervals(both)) == both


@given(INTERVALS, st.integers(0, SIZE))
def test_covers_requires_every_byte(
    some: list[tuple[int, int]], size: int
) -> None:
    inside = [(min(start, size), min(stop, size)) for start, stop in some]
    assert covers(union(inside), size) == (held(inside) == set(range(size)))


@given(INTERVALS, st.integers(1, 8))
def test_bounded_union_never_covers_more(
    some: list[tuple[int, int]], most: int
) -> None:
    bounded = union(some, most=most)
    assert len(bounded) <= most
    assert held(list(bounded)) <= held(some)

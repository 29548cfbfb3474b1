# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Range header, parsed as in RFC 9110.

Examples are those of sections 14.1.2 and 14.2.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.downloads.ranges import MAX_RANGES, ByteRange, parse_range
from tests.downloads.contents import field_values
from tests.processor_time import least_seconds, work_unit_seconds

TEN_THOUSAND = 10_000


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        # RFC 9110, section 14.1.2, of a representation of 10000 bytes
        ("bytes=0-499", [(0, 500)]),
        ("bytes=500-999", [(500, 1000)]),
        ("bytes=-500", [(9500, 10000)]),
        ("bytes=9500-", [(9500, 10000)]),
        ("bytes=0-0,-1", [(0, 1), (9999, 10000)]),
        (
            "bytes= 0-999, 4500-5499, -1000",
            [(0, 1000), (4500, 5500), (9000, 10000)],
        ),
        ("bytes=500-600,601-999", [(500, 601), (601, 1000)]),
        # ... and one whose ranges overlap, which section 14.2 lets us ignore
        ("bytes=500-700,601-999", None),
        # the end is left open, or lies past the end
        ("bytes=0-", [(0, 10000)]),
        ("bytes=9999-", [(9999, 10000)]),
        ("bytes=9000-999999", [(9000, 10000)]),
        ("bytes=-10000", [(0, 10000)]),
        ("bytes=-99999", [(0, 10000)]),
        # section 14.1: "All range unit names are case-insensitive"
        ("BYTES=0-1", [(0, 2)]),
        # section 5.6.1.2: empty elements and white space in a list
        ("bytes=,0-1 ,\t, 3-3,", [(0, 2), (3, 4)]),
        # leading zeros, and numbers that no machine holds
        ("bytes=0000-0001", [(0, 2)]),
        (f"bytes=1-{'9' * 5000}", [(1, 10000)]),
        (f"bytes=-{'9' * 5000}", [(0, 10000)]),
        (f"bytes={'0' * 5000}1-1", [(1, 2)]),
        # well formed, and nothing of it is there: section 15.5.17
        ("bytes=10000-", []),
        ("bytes=10000-10001", []),
        ("bytes=-0", []),
        (f"bytes={'9' * 5000}-", []),
        ("bytes=10000-,20000-", []),
        # section 14.1.2: one satisfiable range makes the set satisfiable
        ("bytes=0-1,10000-", [(0, 2)]),
        ("bytes=-0,0-1", [(0, 2)]),
        # section 14.1.1: not a ranges-specifier of bytes
        ("bytes=1-0", None),
        ("bytes=0-1,1-0", None),
        ("bytes=", None),
        ("bytes=,", None),
        ("bytes=-", None),
        ("bytes=--1", None),
        ("bytes=a-b", None),
        ("bytes=0 - 1", None),
        ("bytes=0-1;2-3", None),
        ("bytes=+0-1", None),
        ("bytes=0x0-1", None),
        ("bytes=\u0660-\u0661", None),  # digits, but not of ASCII
        ("bytes =0-1", None),
        ("bytes: 0-1", None),
        ("0-1", None),
        ("", None),
        ("seconds=0-1", None),
        ("bytes=0-1, bytes=3-4", None),  # the field, sent twice
        # section 14.2: in bad faith, or as good as
        ("bytes=3-4,0-1", None),
        ("bytes=-1,0-0", None),
        ("bytes=0-,0-,0-", None),
        ("bytes=0-0,0-0", None),
        ("bytes=" + 17 * "," + "0-1", None),
    ],
)
def test_range_is_parsed_as_in_the_rfc(
    field: str, expected: list[tuple[int, int]] | None
) -> None:
    found = parse_range(field, TEN_THOUSAND)
    assert (None if found is None else [tuple(each) for each in found]) == (
        expected
    )


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("bytes=0-", ()),
        ("bytes=0-0", ()),
        ("bytes=-0", ()),
        ("bytes=-5", None),
    ],
)
def test_empty_file_has_no_ranges(
    field: str, expected: tuple[ByteRange, ...] | None
) -> None:
    assert parse_range(field, 0) == expected


def test_number_of_ranges_is_limited() -> None:
    few = ",".join(f"{10 * n}-{10 * n}" for n in range(MAX_RANGES))
    assert len(parse_range(f"bytes={few}", TEN_THOUSAND) or ()) == MAX_RANGES
    assert parse_range(f"bytes={few},9000-", TEN_THOUSAND) is None


@pytest.mark.parametrize(
    "field",
    [
        "bytes=" + ",".join("0-" for _ in range(10_000)),
        "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 20_000, 2)),
        "bytes=" + "," * 10_000 + "0-1",
        "bytes=" + "0-1," + " " * 10_000,
        "bytes=" + "1" * 10_000,
    ],
)
def test_ten_thousand_ranges_are_rejected_fast(field: str) -> None:
    taken = least_seconds(lambda: parse_range(field, 2**40))
    # A generous bound, that parsing each would break.
    assert taken < work_unit_seconds()


@given(field_values, st.integers(0, 100))
def test_any_field_value_is_parsed_or_none(
    field: str, size_bytes: int
) -> None:
    for text in (field, f"bytes={field}"):
        for each in parse_range(text, size_bytes) or ():
            assert 0 <= each.start < each.stop <= size_bytes


@given(st.integers(1, 10**6), st.data())
def test_any_valid_range_is_parsed_exactly(
    size_bytes: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, size_bytes - 1))
    last = data.draw(st.integers(first, 2 * size_bytes))
    assert parse_range(f"bytes={first}-{last}", size_bytes) == (
        (first, min(last + 1, size_bytes)),
    )

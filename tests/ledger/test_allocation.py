# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunded amounts, as shares of the lines that they are for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.ledger.reversals.allocation import ReversedAmount, allocate_refunds

PRICES = {"album": 700, "song": 100, "gift": 0}


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ([], [0, 0, 0]),
        ([ReversedAmount(800, 800)], [700, 100, 0]),
        ([ReversedAmount(100, 800, ("song",))], [0, 100, 0]),
        ([ReversedAmount(8, 800)], [7, 1, 0]),
        ([ReversedAmount(1, 800)], [1, 0, 0]),
        # With a tax of 19% that was added to the prices.
        ([ReversedAmount(952, 952)], [700, 100, 0]),
        ([ReversedAmount(119, 952, ("song",))], [0, 100, 0]),
        # More than the line is worth: the rest is of the others.
        ([ReversedAmount(300, 800, ("song",))], [200, 100, 0]),
        ([ReversedAmount(800, 800), ReversedAmount(800, 800)], [700, 100, 0]),
        ([ReversedAmount(100, 800, ("unknown",))], [88, 12, 0]),
    ],
)
def test_amounts_are_allocated_to_their_lines(
    amounts: list[ReversedAmount], expected: list[int]
) -> None:
    assert list(allocate_refunds(PRICES, amounts).values()) == expected


@given(
    prices=st.lists(st.integers(0, 10**6), min_size=1, max_size=9),
    parts=st.lists(
        st.tuples(st.integers(1, 10**6), st.integers(0, 8)), max_size=6
    ),
    tax_percent=st.integers(0, 27),
)
def test_shares_are_exact_and_never_exceed_the_prices(
    prices: list[int], parts: list[tuple[int, int]], tax_percent: int
) -> None:
    lines = {f"i{at}": price for at, price in enumerate(prices)}
    total = sum(prices)
    paid = total + total * tax_percent // 100
    amounts = []
    left = paid
    for wanted, at in parts:
        minor = min(wanted, left)
        left -= minor
        amounts.append(ReversedAmount(minor, paid, (f"i{at}",)))
    found = allocate_refunds(lines, amounts)
    assert all(0 <= found[each] <= lines[each] for each in lines)
    gone = sum(each.amount_minor for each in amounts)
    assert sum(found.values()) == (total * gone // paid if paid else 0)
    if left:
        found = allocate_refunds(lines, [*amounts, ReversedAmount(left, paid)])
    assert found == lines or left == paid == 0 or not gone + left

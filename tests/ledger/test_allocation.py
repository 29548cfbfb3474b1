# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunded amounts, as shares of the lines that they are for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.ledger.reversals.allocation import (
    LineRefund,
    ReversedAmount,
    allocate_refunds,
)

PRICES = {"album": 700, "song": 100, "gift": 0}


def refunded_prices(
    prices: dict[str, int], refunds: dict[str, LineRefund]
) -> dict[str, int]:
    """Return the refunded part of each price."""
    return {
        item: refunds[item].part_of_price(price)
        for item, price in prices.items()
    }


@pytest.mark.parametrize(
    ("paid", "amounts", "expected"),
    [
        (800, [], [0, 0, 0]),
        (800, [ReversedAmount(800)], [700, 100, 0]),
        (800, [ReversedAmount(100, ("song",))], [0, 100, 0]),
        (800, [ReversedAmount(8)], [7, 1, 0]),
        (800, [ReversedAmount(1)], [1, 0, 0]),
        # With a tax of 19% that was added to the prices.
        (952, [ReversedAmount(952)], [700, 100, 0]),
        (952, [ReversedAmount(119, ("song",))], [0, 100, 0]),
        # With one of 7.25%: the shares of the lines are rounded.
        (858, [ReversedAmount(751, ("album",))], [700, 0, 0]),
        (858, [ReversedAmount(107, ("song",))], [0, 100, 0]),
        # More than the line is worth: the rest is of the others.
        (800, [ReversedAmount(300, ("song",))], [200, 100, 0]),
        (800, [ReversedAmount(800), ReversedAmount(800)], [700, 100, 0]),
        (800, [ReversedAmount(100, ("unknown",))], [88, 12, 0]),
    ],
)
def test_amounts_are_allocated_to_their_lines(
    paid: int, amounts: list[ReversedAmount], expected: list[int]
) -> None:
    found = allocate_refunds(PRICES, paid, amounts)
    assert list(refunded_prices(PRICES, found).values()) == expected


@pytest.mark.parametrize("rate_bp", [0, 1, 650, 725, 888, 1900, 2000, 2700])
def test_refund_of_what_was_paid_for_a_line_is_its_whole_price(
    rate_bp: int,
) -> None:
    for first in range(1, 1500, 7):
        for second in (1, 99, 300, 999):
            prices = {"first": first, "second": second}
            total = first + second
            paid = total + (2 * total * rate_bp + 10_000) // 20_000
            share = allocate_refunds(prices, paid, ())["first"].paid_minor
            found = allocate_refunds(
                prices, paid, [ReversedAmount(share, ("first",))]
            )
            assert refunded_prices(prices, found) == {
                "first": first,
                "second": 0,
            }


@given(
    prices=st.lists(st.integers(0, 10**6), min_size=1, max_size=9),
    parts=st.lists(
        st.tuples(st.integers(1, 10**6), st.integers(0, 8)), max_size=6
    ),
    tax_bp=st.integers(0, 2700),
)
def test_shares_are_exact_and_never_exceed_the_prices(
    prices: list[int], parts: list[tuple[int, int]], tax_bp: int
) -> None:
    lines = {f"i{at}": price for at, price in enumerate(prices)}
    total = sum(prices)
    paid = total + total * tax_bp // 10_000
    amounts: list[ReversedAmount] = []
    before = dict.fromkeys(lines, 0)
    left = paid
    for wanted, at in [*parts, (paid, 0)]:
        minor = min(wanted, left)
        left -= minor
        amounts.append(ReversedAmount(minor, (f"i{at}",)))
        refunds = allocate_refunds(lines, paid, amounts)
        assert sum(each.paid_minor for each in refunds.values()) == paid
        assert (
            sum(each.amount_minor for each in refunds.values()) == paid - left
        )
        found = refunded_prices(lines, refunds)
        for item, price in lines.items():
            refund = refunds[item]
            assert 0 <= refund.amount_minor <= refund.paid_minor
            assert before[item] <= found[item] <= price
            # It and the tax add up, however each of them is rounded.
            assert (
                found[item] + refund.part_of(refund.paid_minor - price)
                == refund.amount_minor
            )
        before = found
    assert before == lines


def test_payment_of_less_than_the_prices_is_refunded_by_its_lines() -> None:
    prices = {"album": 700, "song": 300}
    refunds = allocate_refunds(prices, 500, [ReversedAmount(350, ("album",))])
    assert refunded_prices(prices, refunds) == {"album": 700, "song": 0}

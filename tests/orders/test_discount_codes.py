# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Discount codes: their effect on prices, their dates and their spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.model import Discount, Shop
from msrv.money import Money, payable_step
from msrv.orders import discounts
from msrv.orders.errors import (
    DiscountEnded,
    DiscountNotApplicable,
    DiscountNotStarted,
    NoSuchDiscount,
)
from msrv.orders.pricing import apply_discount
from msrv.proofs.orders import Line

LINES = (Line("album", 700), Line("song", 150), Line("zine", 0))

prices = st.lists(st.integers(0, 10**11), min_size=1, max_size=100)


def lines_of(found: list[int]) -> tuple[Line, ...]:
    return tuple(Line(f"item-{at}", each) for at, each in enumerate(found))


def discounted(discount: Discount, *lines: Line) -> list[int]:
    reduced = apply_discount(lines, "EUR", discount)
    return [line.price_minor for line in reduced]


@pytest.mark.parametrize(
    ("discount", "wanted"),
    [
        (Discount("A", percent=20), [560, 120, 0]),
        (Discount("A", percent=33), [469, 101, 0]),
        (Discount("A", percent=100), [0, 0, 0]),
        (Discount("A", percent=50, item_ids=("song",)), [700, 75, 0]),
        (Discount("A", amount=Money(200, "EUR")), [536, 114, 0]),
        (Discount("A", amount=Money(1, "EUR")), [700, 149, 0]),
        (Discount("A", amount=Money(99_999, "EUR")), [0, 0, 0]),
        (
            Discount("A", amount=Money(200, "EUR"), item_ids=("song",)),
            [700, 0, 0],
        ),
    ],
)
def test_what_is_discounted(discount: Discount, wanted: list[int]) -> None:
    assert discounted(discount, *LINES) == wanted


@pytest.mark.parametrize(
    "discount",
    [
        Discount("A", percent=50, item_ids=("other",)),
        Discount("A", percent=50, item_ids=("zine",)),
        Discount("A", amount=Money(200, "USD")),
    ],
)
def test_discount_without_effect_is_not_applicable(discount: Discount) -> None:
    """It is reported, rather than used up for nothing."""
    with pytest.raises(DiscountNotApplicable):
        discounted(discount, *LINES)


@given(prices, st.integers(1, 100))
def test_percentage_subtracts_at_most_its_share(
    found: list[int], percent: int
) -> None:
    """Prices stay non-negative, for any prices."""
    lines = lines_of(found)
    try:
        less = discounted(Discount("A", percent=percent), *lines)
    except DiscountNotApplicable:
        return
    for before, after in zip(found, less, strict=True):
        assert 0 <= after <= before
        assert (before - after) * 100 <= before * percent


@given(prices, st.integers(1, 10**11))
def test_amount_is_subtracted_exactly(found: list[int], amount: int) -> None:
    """The parts of the lines add up to the amount, to the cent."""
    lines = lines_of(found)
    try:
        less = discounted(Discount("A", amount=Money(amount, "EUR")), *lines)
    except DiscountNotApplicable:
        assert sum(found) == 0
        return
    assert sum(found) - sum(less) == min(amount, sum(found))
    assert all(0 <= a <= b for a, b in zip(less, found, strict=True))


@given(
    currency=st.sampled_from(["EUR", "JPY", "KWD", "MGA"]),
    prices_in_steps=st.lists(st.integers(0, 10**9), min_size=1, max_size=100),
    percent=st.none() | st.integers(1, 100),
    amount_minor=st.integers(1, 10**11),
)
def test_discount_leaves_what_can_be_paid(
    currency: str,
    prices_in_steps: list[int],
    percent: int | None,
    amount_minor: int,
) -> None:
    """Each line stays a multiple of the currency's step.

    An amount is subtracted up to the step, a percentage up to a step a line.
    """
    step = payable_step(currency)
    found = [each * step for each in prices_in_steps]
    discount = (
        Discount("A", amount=Money(amount_minor, currency))
        if percent is None
        else Discount("A", percent=percent)
    )
    try:
        reduced = apply_discount(lines_of(found), currency, discount)
        less = [line.price_minor for line in reduced]
    except DiscountNotApplicable:
        less = found
    assert all(each % step == 0 for each in less)
    assert all(0 <= a <= b for a, b in zip(less, found, strict=True))
    if percent is None:
        off = min(amount_minor, sum(found))
        assert sum(found) - sum(less) == off // step * step
    else:
        for before, after in zip(found, less, strict=True):
            off = before * percent // 100
            assert before - after == off // step * step


@pytest.mark.parametrize(
    ("price_minor", "discount", "wanted"),
    [
        (1955, Discount("A", percent=15), 1670),
        (1955, Discount("A", percent=100), 0),
        (1955, Discount("A", amount=Money(1000, "KWD")), 960),
        (1955, Discount("A", amount=Money(1955, "KWD")), 0),
    ],
)
def test_discount_makes_a_price_off_the_step_payable(
    price_minor: int, discount: Discount, wanted: int
) -> None:
    (line,) = apply_discount([Line("zine", price_minor)], "KWD", discount)
    assert line.price_minor == wanted


def test_discount_is_valid_from_its_start_to_before_its_end() -> None:
    shop = Shop(discounts=(Discount("A", percent=5, begins_at=9, ends_at=11),))
    for now, error in ((8, DiscountNotStarted), (11, DiscountEnded)):
        with pytest.raises(error):
            discounts.find_valid(shop, "A", now)
    assert discounts.find_valid(shop, "A", 9) == discounts.find_valid(
        shop, "A", 10
    )
    with pytest.raises(NoSuchDiscount):
        discounts.find_valid(shop, "B", 10)


@given(st.text(max_size=200))
def test_normalized_codes_are_short_for_any_text(text: str) -> None:
    assert len(discounts.normalize(text)) <= discounts.MAX_CHARS
    assert discounts.normalize(" sprin g\n") == "SPRING"

"""What a discount takes off: exactly, and never more than there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.model import Discount, Shop
from msrv.money import Money
from msrv.orders import discount_arithmetic
from msrv.orders.discount_arithmetic import (
    NoSuchDiscount,
    NotForThis,
    NotYet,
    Over,
)
from msrv.proofs.receipts import Line

LINES = (Line("album", 700), Line("song", 150), Line("zine", 0))

prices = st.lists(st.integers(0, 10**11), min_size=1, max_size=100)


def lines_of(found: list[int]) -> tuple[Line, ...]:
    return tuple(Line(f"item-{at}", each) for at, each in enumerate(found))


def left(discount: Discount, *lines: Line) -> list[int]:
    taken = discount_arithmetic.take_off(lines, "EUR", discount)
    return [line.price_minor for line in taken]


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
def test_what_is_left(discount: Discount, wanted: list[int]) -> None:
    """A buyer pays another price than the seller has said."""
    assert left(discount, *LINES) == wanted


@pytest.mark.parametrize(
    "discount",
    [
        Discount("A", percent=50, item_ids=("other",)),
        Discount("A", percent=50, item_ids=("zine",)),
        Discount("A", amount=Money(200, "USD")),
    ],
)
def test_what_takes_nothing_off(discount: Discount) -> None:
    """A code is shown as taken, uses itself up, and saves nothing."""
    with pytest.raises(NotForThis):
        left(discount, *LINES)


@given(prices, st.integers(1, 100))
def test_a_percentage_never_gives_more(found: list[int], percent: int) -> None:
    """A discount makes a price negative, or takes off more than it says."""
    lines = lines_of(found)
    try:
        less = left(Discount("A", percent=percent), *lines)
    except NotForThis:
        return
    for before, after in zip(found, less, strict=True):
        assert 0 <= after <= before
        assert (before - after) * 100 <= before * percent


@given(prices, st.integers(1, 10**11))
def test_an_amount_is_taken_off_to_the_cent(
    found: list[int], amount: int
) -> None:
    """Rounding gives a buyer a cent too much, or takes one."""
    lines = lines_of(found)
    try:
        less = left(Discount("A", amount=Money(amount, "EUR")), *lines)
    except NotForThis:
        assert sum(found) == 0
        return
    assert sum(found) - sum(less) == min(amount, sum(found))
    assert all(0 <= a <= b for a, b in zip(less, found, strict=True))


def test_from_its_first_second_to_its_last() -> None:
    """A sale begins a day late, or goes on for one more."""
    shop = Shop(discounts=(Discount("A", percent=5, begins_at=9, ends_at=11),))
    for now, error in ((8, NotYet), (11, Over)):
        with pytest.raises(error):
            discount_arithmetic.find(shop, "A", now)
    assert discount_arithmetic.find(shop, "A", 9) == discount_arithmetic.find(
        shop, "A", 10
    )
    with pytest.raises(NoSuchDiscount):
        discount_arithmetic.find(shop, "B", 10)


@given(st.text(max_size=200))
def test_whatever_is_typed(text: str) -> None:
    """What somebody types breaks the cart."""
    assert len(discount_arithmetic.tidy(text)) <= discount_arithmetic.MAX_CHARS
    assert discount_arithmetic.tidy(" sprin g\n") == "SPRING"

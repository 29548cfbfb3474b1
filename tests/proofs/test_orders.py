"""Order ids, item ids and lines."""

import base64
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv import money
from msrv.proofs.orders import (
    MAX_PRICE_MINOR,
    Line,
    is_item_id,
    is_order_id,
    lines_from_json,
    lines_to_json,
    new_order_id,
)


@given(st.binary(min_size=15, max_size=15))
def test_any_fifteen_bytes_are_an_order_id(value: bytes) -> None:
    """Else a checkout would fail now and then, by chance."""
    order_id = new_order_id(lambda size: value[:size])
    assert len(order_id) == 24
    assert is_order_id(order_id)
    assert base64.b32decode(order_id) == value


def test_order_ids_use_all_the_randomness_they_ask_for() -> None:
    """Else two buyers could be given one order id."""
    assert (
        len({new_order_id(secrets.token_bytes) for _ in range(1000)}) == 1000
    )
    assert new_order_id(bytes) != new_order_id(lambda n: bytes(n - 1) + b"\1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A" * 23,
        "A" * 25,
        "a" * 24,
        "1" * 24,
        "A" * 23 + "=",
        "A" * 24 + "\n",
    ],
)
def test_other_texts_are_no_order_id(text: str) -> None:
    """Else an order would have a second spelling."""
    assert not is_order_id(text)


@pytest.mark.parametrize("text", ["a", "0", "night-drive", "a" * 32, "a-"])
def test_item_ids(text: str) -> None:
    """Else an item could be offered and not be sold."""
    assert is_item_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "-a", "A", "a" * 33, "a/b", "a.b", "a b", "a\n", "ä", "٣", "a_"],
)
def test_other_texts_are_no_item_id(text: str) -> None:
    """Else a link could hold a path of its own."""
    assert not is_item_id(text)


@pytest.mark.parametrize("price", [-1, True, 7.0, MAX_PRICE_MINOR + 1, "7"])
def test_a_line_has_a_price(price: object) -> None:
    """Else a receipt could state a price that nobody paid."""
    with pytest.raises(ValueError, match="number"):
        Line("a", price)  # type: ignore[arg-type]  # what JSON may bring


def test_every_price_that_a_shop_can_set_fits_a_receipt() -> None:
    """Else the dearest item could be paid, and no receipt be written."""
    assert MAX_PRICE_MINOR == money.MAX_MINOR


def test_lines_come_back_from_json_in_their_order() -> None:
    """Else a receipt would list another order than was made."""
    lines = (Line("b", 2), Line("a", 1))
    assert lines_from_json(lines_to_json(lines)) == lines

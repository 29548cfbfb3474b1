# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

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
def test_any_fifteen_bytes_make_an_order_id(value: bytes) -> None:
    order_id = new_order_id(lambda size: value[:size])
    assert len(order_id) == 24
    assert is_order_id(order_id)
    assert base64.b32decode(order_id) == value


def test_order_ids_use_all_their_random_bytes() -> None:
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
def test_malformed_order_ids_are_rejected(text: str) -> None:
    assert not is_order_id(text)


@pytest.mark.parametrize("text", ["a", "0", "night-drive", "a" * 32, "a-"])
def test_valid_item_ids_are_accepted(text: str) -> None:
    assert is_item_id(text)


@pytest.mark.parametrize(
    "text",
    ["", "-a", "A", "a" * 33, "a/b", "a.b", "a b", "a\n", "ä", "٣", "a_"],
)
def test_malformed_item_ids_are_rejected(text: str) -> None:
    assert not is_item_id(text)


@pytest.mark.parametrize("price", [-1, True, 7.0, MAX_PRICE_MINOR + 1, "7"])
def test_line_requires_a_valid_price(price: object) -> None:
    with pytest.raises(ValueError, match="number"):
        Line("a", price)  # type: ignore[arg-type]  # what JSON may bring


def test_maximum_price_of_a_shop_fits_a_line() -> None:
    assert MAX_PRICE_MINOR == money.MAX_MINOR


def test_lines_survive_json_in_order() -> None:
    lines = (Line("b", 2), Line("a", 1))
    assert lines_from_json(lines_to_json(lines)) == lines

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Amounts of money: parsing and formatting."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.money import (
    MAX_MINOR,
    Money,
    NotMoney,
    exponent_of,
    parse,
    parse_typed,
    payable_step,
)

CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "KWD", "CLP", "CHF"])


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("7.00", "EUR", 700),
        ("7", "EUR", 700),
        ("7.5", "EUR", 750),
        ("0", "EUR", 0),
        ("0.01", "EUR", 1),
        (7, "EUR", 700),
        (Decimal("7.5"), "EUR", 750),
        (Decimal("1E+2"), "EUR", 10_000),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("1000000000.00", "EUR", MAX_MINOR),
    ],
)
def test_valid_amounts_are_parsed(
    amount: object, currency: str, minor: int
) -> None:
    assert parse(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "amount",
    [
        "",
        " 7",
        "7 ",
        "7\n",
        "07",
        "7.",
        ".7",
        "7.005",
        "7,00",
        "1e2",
        "-1",
        "+1",
        "NaN",
        "€7",
        "٣",
        "1000000000.01",
        "9" * 5000,
        "0." + "0" * 5000,
        -1,
        10**5000,
        7.0,
        True,
        None,
        [7],
        Decimal("-0"),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("7.005"),
        Decimal("1E+999999999"),
        Decimal("1E-999999999"),
        Decimal("0E-999999999"),
    ],
    ids=lambda amount: repr(amount)[:20] if amount != 10**5000 else "huge",
)
def test_invalid_amounts_are_rejected(amount: object) -> None:
    with pytest.raises(NotMoney) as refused:
        parse(amount, "EUR")
    assert len(str(refused.value)) < 120


@pytest.mark.parametrize("currency", ["eur", "XYZ", "", "EURO", "€"])
def test_unknown_currency_has_no_exponent(currency: str) -> None:
    with pytest.raises(NotMoney):
        exponent_of(currency)


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(700, "EUR"), "€7.00"),
        (Money(5, "USD"), "$0.05"),
        (Money(500, "JPY"), "¥500"),
        (Money(1234, "KWD"), "KWD 1.234"),
        (Money(100, "CAD"), "CAD 1.00"),
    ],
)
def test_str_has_the_symbol_or_code_and_all_decimals(
    money: Money, text: str
) -> None:
    assert str(money) == text


@given(st.integers(0, MAX_MINOR), CURRENCIES)
def test_amount_survives_formatting_and_parsing(
    minor: int, currency: str
) -> None:
    money = Money(minor, currency)
    assert parse(money.decimal, currency) == money
    assert parse(Decimal(money.decimal), currency) == money


@given(st.text(max_size=12) | st.decimals() | st.integers(), CURRENCIES)
def test_any_value_is_an_amount_or_not_money(
    amount: object, currency: str
) -> None:
    try:
        money = parse(amount, currency)
    except NotMoney:
        return
    assert 0 <= money.minor <= MAX_MINOR
    # The parsed amount is exactly the given one.
    assert Decimal(money.decimal) == Decimal(str(amount))


@given(
    minor=st.integers(0, MAX_MINOR),
    currency=CURRENCIES,
    point=st.sampled_from([".", ",", "\N{ARABIC DECIMAL SEPARATOR}"]),
)
def test_typed_amounts_are_parsed(
    minor: int, currency: str, point: str
) -> None:
    amount = Money(minor, currency)
    text = amount.decimal.replace(".", point)
    for typed in (text, f" {text} ", f"{currency} {text}", f"00{text}"):
        assert parse_typed(typed, currency) == amount


@given(text=st.text(max_size=60))
def test_typed_nonsense_is_rejected(text: str) -> None:
    try:
        amount = parse_typed(text, "EUR")
    except NotMoney:
        return
    assert 0 <= amount.minor <= MAX_MINOR


@pytest.mark.parametrize(
    ("currency", "step"),
    [("EUR", 1), ("JPY", 1), ("ISK", 1), ("KWD", 10), ("MGA", 100)],
)
def test_payable_step_is_the_smallest_part_that_can_be_charged(
    currency: str, step: int
) -> None:
    assert payable_step(currency) == step

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tax by the seller's own rates."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.taxes.rates import TaxRules, included_tax, with_own_rate
from msrv.taxes.sale_tax import SaleTax

RULES = TaxRules("DE", (("DE", 1900), ("FI", 2550), ("MT", 0)))


@given(st.integers(0, 10**11), st.integers(0, 10_000))
def test_included_tax_is_rounded_half_up(price: int, rate_bp: int) -> None:
    tax = included_tax(price, rate_bp)
    exact = Decimal(price) * rate_bp / (10_000 + rate_bp)
    assert tax == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    assert 0 <= tax <= price


@pytest.mark.parametrize(
    ("price", "rate_bp", "tax"),
    [(119, 1900, 19), (100, 1900, 16), (3, 10_000, 2), (700, 0, 0)],
)
def test_included_tax_of_prices(price: int, rate_bp: int, tax: int) -> None:
    assert included_tax(price, rate_bp) == tax


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_tax_of_an_order_is_that_of_its_lines(prices: list[int]) -> None:
    found = with_own_rate(SaleTax("FI"), RULES, prices)
    assert found is not None
    assert found.rate_bp == 2550
    assert found.tax_minor == sum(included_tax(each, 2550) for each in prices)
    total = sum(prices)
    assert found.net_minor(total) + found.tax_minor == total


@pytest.mark.parametrize(
    ("rates", "rate_bp"),
    [((("FR", 2000),), 2000), ((("FR", 2000), ("MC", 1900)), 1900)],
)
def test_monaco_has_the_rate_of_france_or_its_own(
    rates: tuple[tuple[str, int], ...], rate_bp: int
) -> None:
    found = with_own_rate(SaleTax("MC"), TaxRules("DE", rates), [1200])
    assert found is not None
    assert (found.country, found.rate_bp) == ("MC", rate_bp)


@pytest.mark.parametrize(
    "tax",
    [
        None,
        SaleTax(""),
        SaleTax("FR"),
        SaleTax("DE", tax_minor=5, rate_bp=700),
        SaleTax("DE", tax_minor=0),
    ],
)
def test_tax_stays_where_no_own_rate_applies(tax: SaleTax | None) -> None:
    assert with_own_rate(tax, RULES, [100]) == tax

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`[tax]` in `store.toml`."""

import pytest

from msrv.catalog.config.store_config import parse_store
from msrv.taxes.rates import TaxRules
from msrv.toml_file import InvalidConfig


def _parsed(tax: str, included: str = "true") -> TaxRules:
    text = f"tax_included = {included}\n[tax]\n{tax}\n"
    return parse_store("store.toml", text).shop.tax


def test_tax_is_read() -> None:
    assert parse_store("store.toml", "").shop.tax == TaxRules()
    assert _parsed(
        'country = "DE"\nrequire_address = true\n'
        'rates = { FI = 25.5, DE = "19", XK = 18, LU = "0.25" }'
    ) == TaxRules(
        "DE",
        (("DE", 1900), ("FI", 2550), ("LU", 25), ("XK", 1800)),
        requires_address=True,
    )
    assert _parsed('country = "GR"', included="false").country == "GR"


@pytest.mark.parametrize(
    ("tax", "why"),
    [
        ('country = "EL"', "must be 'GR' for Greece, not 'EL'"),
        ('country = "de"', "two letters like 'DE'"),
        ('country = "EU"', "two letters like 'DE'"),
        ("country = 49", "two letters like 'DE'"),
        ("rates = {}", "must be a table of countries and percent"),
        ('rates = "19"', "must be a table of countries and percent"),
        ('rates = { EL = "24" }', "must be 'GR' for Greece"),
        ('rates = { DE = "19%" }', "a percent from 0 to 100 for 'DE'"),
        ('rates = { DE = "19.123" }', "with up to two decimals"),
        ('rates = { DE = "NaN" }', "a percent from 0 to 100 for 'DE'"),
        ("rates = { DE = -1 }", "a percent from 0 to 100 for 'DE'"),
        ("rates = { DE = 101 }", "a percent from 0 to 100 for 'DE'"),
        ("rates = { DE = true }", "a percent from 0 to 100 for 'DE'"),
        ("rate = 19", "rate"),
    ],
)
def test_invalid_tax_says_what_is_wrong(tax: str, why: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        _parsed(tax)
    assert why in str(caught.value)


@pytest.mark.parametrize("included", ["tax_included = false\n", ""])
def test_rates_need_prices_with_tax(included: str) -> None:
    with pytest.raises(InvalidConfig, match="set 'tax_included = true'"):
        parse_store("store.toml", f'{included}[tax]\nrates = {{ DE = "19" }}')

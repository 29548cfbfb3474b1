# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The table `[invoices]` of `store.toml`: what it means, what is missing."""

from datetime import UTC, datetime

import pytest

from msrv.catalog.config.store_config import parse_store
from msrv.catalog.details.invoicing import InvoiceRules, Seller, SeriesMode
from msrv.toml_file import InvalidConfig

GOOD = {
    "first_day": "2026-12-01",
    "name": "Wet Coats",
    "street": "Quay 1",
    "postcode": "10115",
    "city": "Berlin",
    "country": "DE",
    "vat_id": "DE 123 456 789",
}


def parse(**changes: str | None) -> InvoiceRules | None:
    """Return the rules of a table with other values, or without them."""
    values = {**GOOD, **changes}
    lines = [f'{key} = "{text}"' for key, text in values.items() if text]
    text = "\n".join(["[invoices]", *lines])
    return parse_store("store.toml", text).shop.legal.invoices


def test_store_has_invoices_where_the_table_is_there() -> None:
    assert parse_store("store.toml", "").shop.legal.invoices is None
    first = datetime(2026, 12, 1, tzinfo=UTC)
    assert parse() == InvoiceRules(
        Seller(
            "Wet Coats", "Quay 1", "10115", "Berlin", "DE", "DE123456789", ""
        ),
        int(first.timestamp()),
        "INV",
    )


@pytest.mark.parametrize(
    ("mode", "is_simulated", "expected"),
    [
        (SeriesMode.YEAR, False, "W-2026"),
        (SeriesMode.SINGLE, False, "W"),
        (SeriesMode.YEAR, True, "TEST-2026"),
        (SeriesMode.SINGLE, True, "TEST"),
    ],
)
def test_series_is_of_the_year_or_one_and_apart_for_tests(
    mode: SeriesMode, expected: str, *, is_simulated: bool
) -> None:
    rules = parse(prefix="W", series=mode)
    assert rules is not None
    last = int(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    assert rules.series(last, is_simulated=is_simulated) == expected
    if mode is SeriesMode.YEAR:
        following = rules.series(last + 1, is_simulated=is_simulated)
        assert following.endswith("-2027")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        *(({key: None}, f"{key!r} is missing") for key in list(GOOD)[:-1]),
        ({"vat_id": None}, "must have 'vat_id' or 'tax_number'"),
        ({"vat_id": "123"}, "must be a VAT number like"),
        ({"country": "Germany"}, "must be the code of a country"),
        ({"first_day": "soon"}, "must be a day"),
        ({"prefix": "TEST-A"}, "must not begin with TEST"),
        ({"prefix": "inv/"}, "must be up to 12 of A-Z and 0-9"),
        ({"series": "month"}, "must be one of 'year', 'single'"),
        ({"name": "x" * 101}, "must be a text of up to 100 characters"),
        ({"tax_exemption": "x" * 501}, "must be a text of up to 500"),
        ({"street_name": "x"}, "is not a known key"),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    changes: dict[str, str | None], problem: str
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse(**changes)
    (found,) = caught.value.problems
    assert problem in found.what

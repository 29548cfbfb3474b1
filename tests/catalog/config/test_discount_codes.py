# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Discounts in store.toml."""

from datetime import UTC, datetime

import pytest

from msrv.catalog.config.store_config import parse_store
from msrv.catalog.model import Discount
from msrv.money import Money
from msrv.toml_file import InvalidConfig


def test_discounts_are_parsed() -> None:
    config = parse_store(
        "store.toml",
        'currency = "EUR"\n'
        "[discounts.SPRING]\npercent = 20\n"
        'first_day = 2026-03-01\nlast_day = "2026-03-31"\nuses = 100\n'
        '[discounts.GIG-2]\namount = "2.00"\nitems = ["night-bus"]\n',
    )
    begins, ends = (
        int(datetime(2026, month, 1, tzinfo=UTC).timestamp())
        for month in (3, 4)
    )
    assert config.shop.discounts == (
        Discount("SPRING", 20, None, begins, ends, 100),
        Discount("GIG-2", amount=Money(200, "EUR"), item_ids=("night-bus",)),
    )


@pytest.mark.parametrize(
    ("stated", "problem"),
    [
        (
            "[discounts.spring]\npercent = 5",
            ":1: 'spring' must be a code: 3 to",
        ),
        ("[discounts.AB]\npercent = 5", ":1: 'AB' must be a code: 3 to 24"),
        ("[discounts.ABC]", ":1: 'ABC' must have either a percent or an"),
        (
            '[discounts.ABC]\npercent = 5\namount = "1"',
            ":1: 'ABC' must have either a percent or an amount",
        ),
        (
            "[discounts.ABC]\npercent = 0",
            ":2: 'percent' must be a whole number",
        ),
        (
            "[discounts.ABC]\npercent = 101",
            ":2: 'percent' must be a whole number",
        ),
        (
            "[discounts.ABC]\npercent = 2.5",
            ":2: 'percent' must be a whole number",
        ),
        ("[discounts.ABC]\namount = '-1'", ":2: 'amount' must be a price"),
        (
            "[discounts.ABC]\npercent = 5\nuses = 0",
            ":3: 'uses' must be the number of times it can be used: 1 or more",
        ),
        (
            "[discounts.ABC]\npercent = 5\nlast_day = '31.3.'",
            ":3: 'last_day' must be a day, like '2026-03-31'",
        ),
        (
            "[discounts.ABC]\npercent = 5\nitems = []",
            ":3: 'items' must be a list of ids",
        ),
        (
            "[discounts.ABC]\npercent = 5\nitems = ['A B']",
            ":3: 'items' must be a list of ids, and 'A B'",
        ),
        (
            "[discounts.ABC]\npercent = 5\nuse = 3",
            ":3: 'use' is not a known key; did you mean 'uses'?",
        ),
    ],
)
def test_invalid_discount_is_a_problem_with_its_line(
    stated: str, problem: str
) -> None:
    with pytest.raises(InvalidConfig) as broken:
        parse_store("store.toml", stated)
    assert any(
        str(each).startswith(f"store.toml{problem}")
        for each in broken.value.problems
    ), broken.value.problems

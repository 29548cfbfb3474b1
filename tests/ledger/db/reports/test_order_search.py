# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Search for orders: by numbers among other words, and by references."""

from dataclasses import replace

import pytest

from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.reports.order_search import search_orders
from tests.ledger.sample_events import order_id, sale


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (order_id(5), [5]),
        (order_id(5).lower(), [5]),
        (" ".join(order_id(5)), [5]),
        (order_id(5)[:22], [0, 1, 2, 3, 4, 5, 6]),
        (f"{order_id(5)}.", [5]),
        (f"Receipt {order_id(5)[:22]}", [0, 1, 2, 3, 4, 5, 6]),
        (f"Order No. {order_id(5)}, please help.", [5]),
        (f"from AAAA AAAA AAAA AAAA AAAA {order_id(5)[20:]} bought", [5]),
        (f"https://shop.example/orders/{order_id(5).lower()}/", [5]),
        (f"«{order_id(5)[:4]}.{order_id(5)[4:]}»", [5]),
        ("Receipt", []),
        ("word " * 3000, []),
        ("AAA", []),
        ("ZZZZ", []),
        ("pi_3", [3]),
        (" pi_3 ", [3]),
        ("PI_3", []),
        ("pi", []),
        ("' OR 1=1 --", []),
        ("%", []),
        ("", []),
        ("\udcff\0", []),
    ],
)
async def test_search_by_number_or_reference(
    seven_orders: Database, text: str, numbers: list[int]
) -> None:
    async with seven_orders.read_transaction() as at:
        found = await search_orders(at, text)
    assert [each.order_id for each in found] == [
        order_id(number) for number in numbers
    ]


async def test_reference_is_found_before_a_word_of_four_letters(
    seven_orders: Database,
) -> None:
    """`cs_aaaa` has a word that is the start of each number here."""
    made = replace(sale(9), reference="cs_aaaa_1")
    async with seven_orders.write_transaction() as connection:
        await apply_events(connection, [made])
    async with seven_orders.read_transaction() as at:
        (found,) = await search_orders(at, "cs_aaaa_1")
    assert found.order_id == order_id(9)

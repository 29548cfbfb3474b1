# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sales by item and month."""

from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.reports import item_sales
from msrv.ledger.db.reports.item_sales import ItemSales
from tests.ledger.db.conftest import SEVEN_ORDERS
from tests.ledger.sample_events import NOON, sale

DAY = 86_400


async def test_months_with_sales_are_the_latest_first(
    database: Database,
) -> None:
    async with database.write_transaction() as connection:
        await apply_events(
            connection,
            [
                *SEVEN_ORDERS,
                sale(90, at=NOON - 400 * DAY, currency="USD"),
            ],
        )
    async with database.read_transaction() as at:
        assert await item_sales.months_with_sales(at) == [
            "2027-01",
            "2026-12",
            "2025-12",
        ]


async def test_sales_of_some_items_in_some_periods(
    seven_orders: Database,
) -> None:
    async with seven_orders.read_transaction() as at:
        found = await item_sales.item_sales(
            at, ["all", "2026-12"], ["album", "nothing"]
        )
        assert set(found) == {
            ItemSales("2026-12", "album", "USD", 1, 900, 0, 0),
            ItemSales("all", "album", "EUR", 1, 700, 1, 700),
            ItemSales("all", "album", "USD", 1, 900, 0, 0),
        }
        assert len(found) == 3
        many = [f"item-{number}" for number in range(1200)]
        found = await item_sales.item_sales(at, ["all"], [*many, "song"])
        assert [(each.item_id, each.sold) for each in found] == [("song", 6)]
        assert await item_sales.item_sales(at, ["all"], []) == []


async def test_monthly_sales_have_no_years_and_continue_after_a_key(
    seven_orders: Database,
) -> None:
    async with seven_orders.read_transaction() as at:
        everything = await item_sales.monthly_sales(
            at, "2026-12", "2027-01", most=100
        )
        assert [
            (each.period, each.item_id, each.currency, each.sold, title)
            for each, title in everything
        ] == [
            ("2026-12", "album", "USD", 1, "Album"),
            ("2027-01", "album", "EUR", 1, "Album"),
            ("2027-01", "song", "EUR", 6, "Song"),
        ]
        assert everything[1][0].kept_minor == 0
        paged = []
        after = None
        while found := await item_sales.monthly_sales(
            at, "2026-12", "2027-01", after=after, most=1
        ):
            ((newest, _),) = found
            after = (newest.period, newest.item_id, newest.currency)
            paged += found
        assert paged == everything
        (only,) = await item_sales.monthly_sales(
            at, "2026-12", "2026-12", most=100
        )
        assert only == everything[0]

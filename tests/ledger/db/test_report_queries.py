# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queries for reports, and the indexes of all queries."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import order_queries, report_queries
from msrv.ledger.db.aggregates import day_of
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.refunds.listing import list_refunds
from msrv.ledger.db.reports import download_list, item_sales
from msrv.ledger.db.reports.best_sellers import best_sellers
from msrv.ledger.db.reports.order_search import search_orders
from tests.ledger.sample_events import NOON, order_id, revoked, sale

TODAY = day_of(NOON)


async def test_sales_are_by_day_and_currency(seven_orders: Database) -> None:
    async with seven_orders.read_transaction() as at:
        days = await report_queries.sales_by_day(at, TODAY - 30, TODAY)
        assert days == [
            report_queries.SalesDay(TODAY - 1, "EUR", 1, 2, 800, 0, 0),
            report_queries.SalesDay(TODAY, "EUR", 5, 5, 500, 2, 800),
        ]
        revenue = await report_queries.revenue_by_currency(at)
        assert revenue == [
            report_queries.Revenue("EUR", 6, 7, 1300, 2, 800),
            report_queries.Revenue("USD", 1, 1, 900, 0, 0),
        ]
        assert revenue[0].kept_minor == 500


async def test_best_sellers_are_by_period_and_count_refunds(
    seven_orders: Database,
) -> None:
    async with seven_orders.read_transaction() as at:
        first, *rest = await best_sellers(at)
        assert (first.item_id, first.title) == ("song", "Song")
        assert (first.sold, first.refunded) == (6, 1)
        assert {(each.item_id, each.currency) for each in rest} == {
            ("album", "EUR"),
            ("album", "USD"),
        }
        assert len(await best_sellers(at, most=1)) == 1
        of_month = await best_sellers(at, "2027-01")
        assert {each.currency for each in of_month} == {"EUR"}
        assert await best_sellers(at, "1999") == []


async def test_best_sellers_count_an_item_once_under_all_its_ids(
    database: Database,
) -> None:
    """Also where an old id alone would not have been among the best."""
    async with database.write_transaction() as at:
        await apply_events(
            at,
            [
                sale(1, ("old", 100), ("other", 50), at=NOON),
                sale(2, ("old", 100), ("other", 50), at=NOON),
                sale(3, ("new", 120), ("other", 50), at=NOON),
                sale(4, ("older", 90), at=NOON, currency="USD"),
                sale(5, ("older", 90), ("third", 10), at=NOON),
                revoked(1),
            ],
        )
    moved = {"old": "new", "older": "new", "never-sold": "third"}
    async with database.read_transaction() as at:
        found = await best_sellers(at, moved=moved, most=3)
        assert [
            (each.item_id, each.currency, each.sold, each.sold_minor)
            for each in found
        ] == [
            ("new", "EUR", 4, 410),
            ("other", "EUR", 3, 150),
            ("new", "USD", 1, 90),
        ]
        assert (found[0].refunded, found[0].refunded_minor) == (1, 100)
        (best,) = await best_sellers(at, moved=moved, most=1)
        assert best.item_id == "new"


async def test_incomplete_download_counts_as_started_only(
    seven_orders: Database,
) -> None:
    async with seven_orders.read_transaction() as at:
        (day,) = await report_queries.downloads_by_day(at, TODAY, TODAY)
        assert day == report_queries.DownloadDay(TODAY, 2, 1, 18)


Query = Callable[[AsyncConnection], Awaitable[Any]]


# MariaDB scans small tables whatever indexes there are; see the benchmark.
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "query",
    [
        lambda at: report_queries.sales_by_day(at, 0, TODAY),
        best_sellers,
        lambda at: best_sellers(at, moved={"old": "song"}),
        lambda at: report_queries.downloads_by_day(at, 0, TODAY),
        list_refunds,
        lambda at: list_refunds(at, since=NOON, before=NOON + 3),
        lambda at: order_queries.list_orders(at, item_ids=["song"]),
        lambda at: order_queries.list_orders(at, item_ids=["song", "album"]),
        lambda at: order_queries.list_orders(at, currency="USD"),
        item_sales.months_with_sales,
        lambda at: item_sales.item_sales(at, ["all"], ["song", "album"]),
        lambda at: item_sales.monthly_sales(at, "2026-01", "2027-01", most=9),
        lambda at: item_sales.monthly_sales(
            at, "2026-01", "2027-01", after=("2026-12", "a", "EUR"), most=9
        ),
        lambda at: download_list.list_downloads(
            at, since=NOON, before=NOON + 1, most=9
        ),
        lambda at: download_list.list_downloads(
            at, since=NOON, before=NOON + 1, completed=True, most=9
        ),
        order_queries.list_orders,
        lambda at: order_queries.list_orders(at, after=(NOON, order_id(3))),
        lambda at: order_queries.list_orders(at, since=NOON, before=NOON + 3),
        lambda at: search_orders(at, order_id(3)),
        lambda at: search_orders(at, "pi_3"),
        lambda at: order_queries.order_history(at, order_id(5)),
    ],
)
async def test_every_query_uses_an_index(
    seven_orders: Database, query: Query
) -> None:
    executed: list[tuple[str, Any]] = []

    def listen(*arguments: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
        executed.append((arguments[2], arguments[3]))

    engine = seven_orders._engine.sync_engine
    async with seven_orders.read_transaction() as at:
        event.listen(engine, "before_cursor_execute", listen)
        await query(at)
        event.remove(engine, "before_cursor_execute", listen)
        assert executed
        for statement, parameters in executed:
            rows = await at.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            steps = [str(row._mapping["detail"]) for row in rows]
            assert all(
                step.startswith(("SEARCH", "USE TEMP", "LIST SUBQUERY"))
                or " USING " in step
                # A row for each refund, which the list of them reads whole.
                or step == "SCAN reversals"
                for step in steps
            ), steps

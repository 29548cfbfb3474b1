"""Queries for orders and reports, and their indexes."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import order_queries, report_queries
from msrv.ledger.db.aggregates import DAY_SECONDS, day_of
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Delivered, Event, PaymentEvent
from tests.ledger.sample_events import NOON, order_id, restored, revoked, sale

TODAY = day_of(NOON)
HELD: tuple[Event, ...] = (
    *(
        sale(number, ("song", 100), at=NOON + number, reference=f"pi_{number}")
        for number in range(5)
    ),
    sale(5, ("album", 700), ("song", 100), at=NOON - DAY_SECONDS),
    sale(6, ("album", 900), at=NOON - 40 * DAY_SECONDS, currency="USD"),
    revoked(1, at=1),
    revoked(5, "album", at=2),
    revoked(6, at=3),
    restored(6, at=4),
    PaymentEvent("demo", "evt_1", "paid", order_id(5), NOON),
    Delivered(order_id(5), "song", "0" * 16, 10, ((0, 4), (6, 10)), NOON),
    Delivered(order_id(1), "song", "0" * 16, 10, ((0, 10),), NOON),
)


@pytest.fixture
async def held(database: Database) -> Database:
    """A ledger of seven orders."""
    async with database.write_transaction() as connection:
        await apply_events(connection, HELD)
    return database


async def test_sales_are_by_day_and_currency(held: Database) -> None:
    async with held.read_transaction() as at:
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
    held: Database,
) -> None:
    async with held.read_transaction() as at:
        first, *rest = await report_queries.best_sellers(at)
        assert (first.item_id, first.title) == ("song", "Song")
        assert (first.sold, first.refunded) == (6, 1)
        assert {(each.item_id, each.currency) for each in rest} == {
            ("album", "EUR"),
            ("album", "USD"),
        }
        assert len(await report_queries.best_sellers(at, most=1)) == 1
        of_month = await report_queries.best_sellers(at, "2027-01")
        assert {each.currency for each in of_month} == {"EUR"}
        assert await report_queries.best_sellers(at, "1999") == []


async def test_incomplete_download_counts_as_started_only(
    held: Database,
) -> None:
    async with held.read_transaction() as at:
        (day,) = await report_queries.downloads_by_day(at, TODAY, TODAY)
        assert day == report_queries.DownloadDay(TODAY, 2, 1, 18)


async def test_each_order_is_on_one_page(held: Database) -> None:
    seen: list[str] = []
    after: order_queries.OrderKey | None = None
    async with held.read_transaction() as at:
        while True:
            page = await order_queries.list_orders(at, after=after, most=2)
            seen += [each.order_id for each in page.orders]
            after = page.after
            if after is None:
                break
        assert seen == [order_id(each) for each in (4, 3, 2, 1, 0, 5, 6)]
        whole = await order_queries.list_orders(at)
        assert [each.order_id for each in whole.orders] == seen
        assert whole.after is None
        of_day = await order_queries.list_orders(
            at, since=NOON - DAY_SECONDS, before=NOON + 1
        )
        assert [each.order_id for each in of_day.orders] == [
            order_id(0),
            order_id(5),
        ]
        assert [
            (line.item_id, line.price_minor, line.refunded)
            for line in of_day.orders[1].lines
        ] == [("album", 700, True), ("song", 100, False)]
        assert of_day.orders[1].refunded_minor == 700


async def test_orders_of_the_same_second_are_on_one_page_each(
    database: Database,
) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, [sale(number) for number in range(30)])
    async with database.read_transaction() as at:
        found: list[str] = []
        after: order_queries.OrderKey | None = None
        while not found or after:
            page = await order_queries.list_orders(at, after=after, most=7)
            found += [each.order_id for each in page.orders]
            after = page.after
    assert len(found) == 30
    assert set(found) == {order_id(number) for number in range(30)}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (order_id(5), [5]),
        (order_id(5).lower(), [5]),
        (" ".join(order_id(5)), [5]),
        (order_id(5)[:22], [0, 1, 2, 3, 4, 5, 6]),
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
    held: Database, text: str, numbers: list[int]
) -> None:
    async with held.read_transaction() as at:
        found = await order_queries.search_orders(at, text)
    assert [each.order_id for each in found] == [
        order_id(number) for number in numbers
    ]


async def test_history_of_an_order(held: Database) -> None:
    async with held.read_transaction() as at:
        story = await order_queries.order_history(at, order_id(5))
        assert await order_queries.order_history(at, order_id(77)) is None
        refunds = await order_queries.list_refunds(at)
        rest = await order_queries.list_refunds(
            at, after=(refunds[0].changed_at_ms, refunds[0].order_id, "album")
        )
    assert story is not None
    assert story.order.total_minor == 800
    (download,) = story.downloads
    assert (download.delivered_bytes, download.completed_at) == (8, None)
    (change,) = story.changes
    assert (change.item_id, change.revoked) == ("album", True)
    (payment,) = story.payments
    assert payment.event_id == "evt_1"
    assert [each.order_id for each in refunds] == [order_id(5), order_id(1)]
    assert rest == refunds[1:]


Ask = Callable[[AsyncConnection], Awaitable[Any]]


# Of a few rows MariaDB reads all, whatever index there is; the bench has it.
@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "ask",
    [
        lambda at: report_queries.sales_by_day(at, 0, TODAY),
        report_queries.best_sellers,
        lambda at: report_queries.downloads_by_day(at, 0, TODAY),
        order_queries.list_refunds,
        order_queries.list_orders,
        lambda at: order_queries.list_orders(at, after=(NOON, order_id(3))),
        lambda at: order_queries.list_orders(at, since=NOON, before=NOON + 3),
        lambda at: order_queries.search_orders(at, order_id(3)),
        lambda at: order_queries.search_orders(at, "pi_3"),
        lambda at: order_queries.order_history(at, order_id(5)),
    ],
)
async def test_every_query_uses_an_index(held: Database, ask: Ask) -> None:
    asked: list[tuple[str, Any]] = []

    def listen(*said: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
        asked.append((said[2], said[3]))

    engine = held._engine.sync_engine
    async with held.read_transaction() as at:
        event.listen(engine, "before_cursor_execute", listen)
        await ask(at)
        event.remove(engine, "before_cursor_execute", listen)
        assert asked
        for statement, parameters in asked:
            rows = await at.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {statement}", parameters
            )
            steps = [str(row._mapping["detail"]) for row in rows]
            assert all(
                step.startswith(("SEARCH", "USE TEMP")) or " USING " in step
                for step in steps
            ), steps

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queries for orders: pages, history."""

from collections.abc import Sequence
from dataclasses import replace

from msrv.ledger.db import order_queries
from msrv.ledger.db.aggregates import DAY_SECONDS
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.refunds.listing import (
    ListedRefund,
    RefundKey,
    list_refunds,
)
from tests.ledger.sample_events import (
    NOON,
    order_id,
    reversal,
    revoked,
    sale,
)


async def test_each_order_is_on_one_page(seven_orders: Database) -> None:
    seen: list[str] = []
    after: order_queries.OrderKey | None = None
    async with seven_orders.read_transaction() as at:
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


async def test_history_of_an_order(seven_orders: Database) -> None:
    async with seven_orders.read_transaction() as at:
        history = await order_queries.order_history(at, order_id(5))
        assert await order_queries.order_history(at, order_id(77)) is None
        refunds = await list_refunds(at)
        rest = await list_refunds(
            at, after=(refunds[0].changed_at_ms, refunds[0].order_id, "album")
        )
    assert history is not None
    assert history.order.total_minor == 800
    (download,) = history.downloads
    assert (download.delivered_bytes, download.completed_at) == (8, None)
    (change,) = history.changes
    assert (change.item_id, change.revoked) == ("album", True)
    (payment,) = history.payments
    assert payment.event_id == "evt_1"
    assert [each.order_id for each in refunds] == [order_id(5), order_id(1)]
    assert rest == refunds[1:]


async def test_orders_are_listed_by_currency_and_item(
    seven_orders: Database,
) -> None:
    async with seven_orders.read_transaction() as at:

        async def numbers(
            *,
            currency: str = "",
            item_ids: Sequence[str] = (),
            after: order_queries.OrderKey | None = None,
        ) -> list[str]:
            page = await order_queries.list_orders(
                at, currency=currency, item_ids=item_ids, after=after
            )
            return [each.order_id for each in page.orders]

        assert await numbers(currency="USD") == [order_id(6)]
        assert await numbers(item_ids=["album"]) == [order_id(5), order_id(6)]
        assert await numbers(item_ids=["album"], currency="EUR") == [
            order_id(5)
        ]
        assert await numbers(item_ids=["nothing"]) == []
        songs = await order_queries.list_orders(at, item_ids=["song"], most=4)
        assert songs.after is not None
        rest = await numbers(item_ids=["song"], after=songs.after)
        assert [each.order_id for each in songs.orders] + rest == [
            order_id(number) for number in (4, 3, 2, 1, 0, 5)
        ]
        # An order with both is listed once.
        both = await numbers(item_ids=["song", "album"])
        assert sorted(both) == sorted(map(order_id, range(7)))


async def test_refunds_are_listed_by_their_time(
    seven_orders: Database,
) -> None:
    async with seven_orders.read_transaction() as at:
        everything = await list_refunds(at)
        assert len(everything) == 2
        assert (
            await list_refunds(at, since=NOON, before=NOON + 1) == everything
        )
        assert await list_refunds(at, since=NOON + 1) == []
        assert await list_refunds(at, before=NOON) == []


async def test_money_that_went_back_is_listed_beside_ended_downloads(
    database: Database,
) -> None:
    """Page by page in one order of time; what failed isn't listed."""
    later = replace(reversal(2), seen_at=NOON + 62)
    async with database.write_transaction() as at:
        await apply_events(
            at,
            [
                sale(1, ("album", 700), at=NOON),
                sale(2, ("song", 100), at=NOON),
                revoked(1, at=61_000),
                reversal(1, 300),
                replace(later, reversal_id="re_c"),
                replace(later, reversal_id="re_b"),
                replace(
                    later,
                    reversal_id="re_d",
                    status="failed",
                    is_effective=False,
                ),
            ],
        )
    async with database.read_transaction() as at:
        everything = await list_refunds(at)
        assert [each.key for each in everything] == [
            (NOON * 1000 + 62_000, order_id(2), "re_c"),
            (NOON * 1000 + 62_000, order_id(2), "re_b"),
            (NOON * 1000 + 61_000, order_id(1), ""),
            (NOON * 1000 + 60_000, order_id(1), "re_1"),
        ]
        found: list[ListedRefund] = []
        after: RefundKey | None = None
        while page := await list_refunds(at, after=after, most=1):
            found += page
            after = page[-1].key
        assert found == everything
        (of_second,) = await list_refunds(
            at, since=NOON + 60, before=NOON + 61
        )
        assert of_second.reversal is not None
        assert (of_second.reversal.amount_minor, of_second.currency) == (
            300,
            "EUR",
        )

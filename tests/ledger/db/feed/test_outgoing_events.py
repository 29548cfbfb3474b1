# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The feed of outgoing events: each cause is in it once, in order."""

import asyncio
import dataclasses

from msrv.ledger.db import order_queries, report_queries
from msrv.ledger.db.aggregates import DAY_SECONDS
from msrv.ledger.db.database import Database
from msrv.ledger.db.feed import (
    consumers,
    deliveries,
    outgoing_events,
)
from msrv.ledger.db.feed.consumers import Consumer
from msrv.ledger.db.feed.outgoing_events import (
    KEPT_SECONDS,
    EventKind,
    OutgoingEvent,
)
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Delivered, Event, PaymentEvent, Revoked
from msrv.ledger.withdrawals.events import BY_WITHDRAWAL
from tests.ledger.sample_events import (
    NOON,
    order_id,
    restored,
    reversal,
    revoked,
    sale,
)

VERSION = "0123456789abcdef"


async def record(database: Database, *events: Event) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, events)


async def feed(database: Database, after: int = 0) -> list[OutgoingEvent]:
    async with database.read_transaction() as connection:
        return await outgoing_events.read_after(
            connection, after, EventKind, 100
        )


def delivered(start: int, stop: int) -> Delivered:
    return Delivered(
        order_id(1), "song", VERSION, 1000, ((start, stop),), NOON + 5
    )


async def test_each_cause_is_one_event_however_often_it_is_recorded(
    database: Database,
) -> None:
    dispute = PaymentEvent(
        "stripe", "evt_9", "charge.dispute.created", order_id(1), NOON + 9
    )
    causes: tuple[Event, ...] = (
        sale(1, ("song", 100), ("album", 700)),
        sale(2, ("song", 0)),  # free: nothing was paid
        delivered(0, 500),
        delivered(500, 1000),
        delivered(0, 1000),
        revoked(1, "song", at=1000),
        dispute,
    )
    await record(database, *causes)
    await asyncio.gather(*(record(database, *causes) for _ in range(3)))
    for each in causes:
        await record(database, each)
    found = await feed(database)
    assert [
        (each.number, each.kind, each.order_id, each.item_ids, each.at)
        for each in found
    ] == [
        (1, EventKind.ORDER_PAID, order_id(1), (), NOON),
        (2, EventKind.ORDER_REFUNDED, order_id(1), ("song",), NOON + 1),
        (3, EventKind.ORDER_DISPUTED, order_id(1), (), NOON + 9),
        (4, EventKind.DOWNLOAD_COMPLETED, order_id(1), ("song",), NOON + 5),
    ]
    assert [each.amount_minor for each in found] == [800, 100, 0, 0]
    assert len({each.event_id for each in found}) == 4


async def test_a_second_refund_is_another_event_and_its_end_is_none(
    database: Database,
) -> None:
    await record(database, revoked(1, at=1))  # before its sale
    assert await feed(database) == []
    await record(database, sale(1))
    await record(database, restored(1, at=2))
    await record(database, revoked(1, at=3))
    found = await feed(database)
    assert [each.kind for each in found] == [
        EventKind.ORDER_PAID,
        EventKind.ORDER_REFUNDED,
        EventKind.ORDER_REFUNDED,
    ]
    assert len({each.event_id for each in found}) == 3
    assert [each.number for each in found] == [1, 2, 3]


async def test_two_refunds_of_a_line_in_one_second_are_two_events(
    database: Database,
) -> None:
    await record(database, sale(1, ("song", 200)))
    one = reversal(1, 50, "succeeded", "song")
    await record(database, one)
    await record(database, dataclasses.replace(one, reversal_id="re_2"))
    _, first, second = await feed(database)
    assert first.event_id != second.event_id
    assert first.amount_minor == second.amount_minor == 50


async def test_withdrawal_is_no_refund_until_its_money_goes_back(
    database: Database,
) -> None:
    def withdrawn(number: int, at: int) -> Revoked:
        return dataclasses.replace(revoked(number, at=at), by=BY_WITHDRAWAL)

    sales = [sale(number, ("song", 200)) for number in (1, 2)]
    await record(database, *sales, withdrawn(1, 1), withdrawn(2, 1))
    async with database.read_transaction() as connection:
        (day,) = await report_queries.sales_by_day(
            connection, NOON // DAY_SECONDS, NOON // DAY_SECONDS
        )
        held = await order_queries.order_history(connection, order_id(1))
    assert held is not None
    assert [line.refunded for line in held.order.lines] == [True]
    assert (held.order.refunded_minor, day.refunded_minor) == (0, 0)
    assert len(await feed(database)) == 2  # that they were paid
    await record(database, reversal(1, 50))
    await record(database, revoked(2, at=2))
    # A second statement takes nothing back.
    await record(database, withdrawn(2, 3), withdrawn(1, 3))
    await record(database, restored(2, at=4), withdrawn(2, 5))
    await record(database, revoked(2, at=6), withdrawn(2, 7))
    refunds = (await feed(database))[2:]
    assert {each.kind for each in refunds} == {EventKind.ORDER_REFUNDED}
    assert [(each.order_id, each.amount_minor) for each in refunds] == [
        (order_id(1), 50),
        (order_id(2), 200),
        (order_id(2), 200),
    ]
    async with database.read_transaction() as connection:
        (day,) = await report_queries.sales_by_day(
            connection, NOON // DAY_SECONDS, NOON // DAY_SECONDS
        )
    assert day.refunded_minor == 250


async def test_numbers_are_never_used_again(database: Database) -> None:
    await record(database, sale(1), sale(2))
    async with database.write_transaction() as connection:
        await outgoing_events.delete_old(connection, NOON + KEPT_SECONDS)
        assert await outgoing_events.last_number(connection) == 2
    assert len(await feed(database)) == 2
    async with database.write_transaction() as connection:
        await outgoing_events.delete_old(connection, NOON + KEPT_SECONDS + 1)
    assert await feed(database) == []
    await record(database, sale(3))
    assert [each.number for each in await feed(database)] == [3]


async def test_delivery_that_nobody_takes_is_deleted_after_its_event(
    database: Database,
) -> None:
    async with database.write_transaction() as connection:
        await deliveries.add_new(connection, "one", EventKind, NOON)
    await record(database, sale(1), sale(2))
    async with database.write_transaction() as connection:
        await deliveries.add_new(connection, "one", EventKind, NOON + 5)
    for now, left in ((KEPT_SECONDS + 1, 2), (KEPT_SECONDS + 6, 0)):
        async with database.write_transaction() as connection:
            await outgoing_events.delete_old(connection, NOON + now)
            counts = await deliveries.count_by_status(connection, "one")
        assert sum(counts.values()) == left
        assert len(await feed(database)) == left


async def test_releases_of_the_first_start_are_not_published_again(
    database: Database,
) -> None:
    for found in (["a", "b"], ["a"], ["b", "a", "c"], ["c"]):
        async with database.write_transaction() as connection:
            await outgoing_events.publish_releases(connection, found, NOON)
    (event,) = await feed(database)
    assert event.kind is EventKind.RELEASE_PUBLISHED
    assert event.item_ids == ("c",)


async def test_release_whose_id_changes_is_not_published_again(
    database: Database,
) -> None:
    moved = {"a": "b", "b-track": "other"}
    for found in (["x"], ["x", "a"], ["x", "b"], ["x", "b", "c"]):
        async with database.write_transaction() as connection:
            await outgoing_events.publish_releases(
                connection, found, NOON, moved
            )
    assert [each.item_ids for each in await feed(database)] == [
        ("a",),
        ("c",),
    ]


async def test_consumer_is_saved_with_its_pauses(database: Database) -> None:
    for state in (
        Consumer("mail", 3),
        Consumer("mail", 3),
        Consumer("mail", 7, NOON, NOON),
        Consumer("mail", 7),
    ):
        async with database.write_transaction() as connection:
            await consumers.save(connection, state)
        async with database.read_transaction() as connection:
            assert await consumers.load(connection, "mail") == state
            assert await consumers.load(connection, "other") is None

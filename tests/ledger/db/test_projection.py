# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Projection of events to the tables: repeated, late, in any order."""

import asyncio
import dataclasses
import itertools
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Table, select

from msrv.ledger.db import order_queries, schema
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import (
    Delivered,
    Event,
    PaymentEvent,
    Redeemed,
    Restored,
    Revoked,
    Sale,
)
from msrv.ledger.operators.acts import OperatorAct
from msrv.ledger.reversals.event import Reversal
from msrv.ledger.withdrawals.events import WithdrawalHandled, WithdrawalStated
from msrv.orders.fulfilment import receipt_of
from tests.ledger.sample_events import (
    CONSENT,
    NOON,
    order_id,
    restored,
    reversal,
    revoked,
    sale,
)

ALL = schema.metadata.sorted_tables
VERSION = "0123456789abcdef"


def delivered(
    *ranges: tuple[int, int], number: int = 1, at: int = NOON
) -> Delivered:
    return Delivered(order_id(number), "song", VERSION, 1000, ranges, at)


ONE_OF_EACH: tuple[Event, ...] = (
    sale(1, ("song", 100), ("album", 700), consent=CONSENT),
    revoked(1, "song", at=1),
    restored(1, "song", at=2),
    revoked(1, at=3),
    Redeemed("code-1", order_id(1), NOON),
    PaymentEvent("demo", "evt_1aB", "paid", order_id(1), NOON),
    PaymentEvent("demo", "evt_1Ab", "paid", order_id(1), NOON),
    delivered((0, 600)),
    delivered((400, 1000)),
    OperatorAct("0f" * 12, NOON * 1000, "ab" * 12, "view-order", order_id(1)),
    WithdrawalStated("receipt-1", order_id(1), NOON * 1000, "ended"),
    WithdrawalHandled("receipt-1", NOON * 1000 + 5),
    reversal(9, 100),
)


async def record(database: Database, *events: Event) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, events)


async def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of all tables except `marks`."""
    async with database.read_transaction() as connection:
        return {
            table.name: sorted(
                tuple(row) for row in await connection.execute(select(table))
            )
            for table in ALL
            if table is not schema.marks
        }


async def row(database: Database, table: Table) -> dict[str, Any]:
    """Return the only row of a table."""
    async with database.read_transaction() as connection:
        rows = (await connection.execute(select(table))).mappings().all()
    assert len(rows) == 1
    return dict(rows[0])


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda each: repr(each)[:9])
async def test_applying_an_event_twice_changes_nothing(
    database: Database, event: Event
) -> None:
    await record(database, *ONE_OF_EACH)
    before = await everything(database)
    await record(database, event)
    await record(database, event, event)
    after = await everything(database)
    for rows in (before, after):
        # The change number increases all the same.
        rows["refunds"] = [each[:-1] for each in rows["refunds"]]
    assert after == before


async def test_each_kind_of_event_has_its_rows(database: Database) -> None:
    await record(database, *ONE_OF_EACH)
    found = await everything(database)
    counts = {name: len(rows) for name, rows in found.items() if rows}
    assert counts == {
        "acts": 1,
        "consents": 1,
        "orders": 1,
        "withdrawals": 1,
        "order_items": 2,
        "refunds": 2,
        "reversals": 1,
        "redemptions": 1,
        "payment_events": 2,
        "downloads": 1,
        "days": 1,
        "download_days": 1,
        "item_periods": 6,
        "titles": 2,
        # Paid, refunded, downloaded; see feed/test_outgoing_events.
        "outgoing_events": 3,
    }
    order = await row(database, schema.orders)
    assert order["total_minor"] == order["refunded_minor"] == 800
    async with database.read_transaction() as connection:
        (held,) = (await order_queries.list_orders(connection)).orders
    assert held.consent == CONSENT
    receipt = receipt_of(held)
    assert receipt is not None
    assert receipt.consent == CONSENT


async def test_result_is_independent_of_the_order_of_changes(
    database: Database,
) -> None:
    events: tuple[Sale | Revoked | Restored, ...] = (
        sale(1, ("song", 100), ("album", 700)),
        revoked(1, at=1),
        restored(1, at=2),
        revoked(1, "album", at=3),
    )
    seen = set()
    for turn, order in enumerate(itertools.permutations(events), 2):
        moved: list[Event] = [
            dataclasses.replace(each, order_id=order_id(turn))
            for each in order
        ]
        for each in moved:
            await record(database, each)
        async with database.read_transaction() as connection:
            found = await connection.execute(
                select(schema.orders.c.refunded_minor).where(
                    schema.orders.c.order_id == order_id(turn)
                )
            )
            lines = await connection.execute(
                select(
                    schema.order_items.c.item_id, schema.order_items.c.refunded
                )
                .where(schema.order_items.c.order_id == order_id(turn))
                .order_by(schema.order_items.c.item_id)
            )
            seen.add((found.scalar_one(), tuple(map(tuple, lines))))
    assert seen == {(700, (("album", True), ("song", False)))}
    day = await row(database, schema.days)
    assert day["refunds"] == 24
    assert day["refunded_minor"] == 24 * 700
    assert day["orders"] == 24


async def test_partial_refund_affects_one_line_only(
    database: Database,
) -> None:
    await record(database, sale(1, ("song", 100), ("album", 700)), sale(2))
    await record(database, revoked(1, "song"))
    async with database.read_transaction() as connection:
        refunded = await connection.execute(
            select(
                schema.order_items.c.order_id, schema.order_items.c.item_id
            ).where(schema.order_items.c.refunded)
        )
        assert list(map(tuple, refunded)) == [(order_id(1), "song")]
    day = await row(database, schema.days)
    assert (day["refunds"], day["refunded_minor"]) == (1, 100)
    await record(database, restored(1, "song", at=1))
    day = await row(database, schema.days)
    assert (day["refunds"], day["refunded_minor"]) == (0, 0)
    assert day["sold_minor"] == 900


async def test_download_is_complete_with_its_last_byte(
    database: Database,
) -> None:
    for at, (start, stop) in enumerate(((0, 300), (200, 500), (600, 1000))):
        await record(database, delivered((start, stop), at=NOON + at))
        found = await row(database, schema.downloads)
        assert found["completed_at"] is None
    assert found["delivered_bytes"] == 900
    assert found["ranges"] == "0-500,600-1000"
    await record(database, delivered((500, 600), at=NOON + 9))
    found = await row(database, schema.downloads)
    assert found["completed_at"] == NOON + 9
    assert found["delivered_bytes"] == 1000
    # Downloading it again, on another computer, is no new download.
    await record(database, delivered((0, 1000), at=NOON + 99))
    day = await row(database, schema.download_days)
    assert (day["begun"], day["completed"], day["delivered_bytes"]) == (
        1,
        1,
        1000,
    )


async def test_concurrent_writers_count_a_sale_once(
    database: Database,
) -> None:
    many = [sale(number) for number in range(1, 40)]
    await asyncio.gather(
        *(record(database, *many[start:]) for start in (0, 5, 10, 0))
    )
    day = await row(database, schema.days)
    assert (day["orders"], day["sold_minor"]) == (39, 3900)


async def test_batch_of_thousands_of_events_is_applied(
    database: Database,
) -> None:
    many = [
        sale(number, *((f"song-{each}", each) for each in range(5)))
        for number in range(500)
    ]
    await record(database, *many)
    await record(database, *many)
    day = await row(database, schema.days)
    assert (day["orders"], day["items"]) == (500, 2500)


def _moved(event: Sale | Revoked | Reversal, number: int) -> Event:
    """Return an event of another order."""
    if isinstance(event, Reversal):
        return replace(
            event,
            order_id=order_id(number),
            reversal_id=f"{event.reversal_id}-{number}",
        )
    return replace(event, order_id=order_id(number))


async def test_reversals_count_whatever_their_order(
    database: Database,
) -> None:
    """The amount is what went back, and the latest status counts."""
    sold = sale(1, ("song", 100), ("zine", 100))
    part = replace(reversal(1, 50), reversal_id="re_part", items=("zine",))
    events: list[Sale | Revoked | Reversal] = [
        sold,
        part,
        reversal(1, 100, "pending"),
        reversal(1, 100, "failed", is_effective=False),
        replace(part, reversal_id="key", status="refused", is_effective=False),
        revoked(1, "song"),
    ]
    seen = []
    for at in range(len(events)):
        number = at + 20
        mine = [_moved(each, number) for each in events[at:] + events[:at]]
        for each in mine:
            await record(database, each)
        async with database.read_transaction() as connection:
            lines = await connection.execute(
                select(
                    schema.order_items.c.item_id,
                    schema.order_items.c.refunded,
                    schema.order_items.c.refunded_minor,
                )
                .where(schema.order_items.c.order_id == order_id(number))
                .order_by(schema.order_items.c.position)
            )
            total = await connection.scalar(
                select(schema.orders.c.refunded_minor).where(
                    schema.orders.c.order_id == order_id(number)
                )
            )
        seen.append(([tuple(line) for line in lines], total))
    # Half of the zine was refunded; the song's links were only ended.
    assert seen == [([("song", True, 0), ("zine", False, 50)], 50)] * len(
        events
    )
    day = await row(database, schema.days)
    assert (day["refunds"], day["refunded_minor"]) == (6, 300)


async def test_reversal_stated_again_was_seen_when_it_was(
    database: Database,
) -> None:
    """Each event of a payment states all of its refunds."""
    first = reversal(1, 100, "pending")
    later = replace(first, seen_at=first.seen_at + 5_000, items=("zine",))
    for made in (first, later, first):
        await record(database, made)
    stored = await row(database, schema.reversals)
    assert (stored["seen_at"], stored["items"]) == (first.seen_at, "")
    await record(database, later, replace(later, seen_at=later.seen_at + 5))
    stored = await row(database, schema.reversals)
    assert (stored["seen_at"], stored["items"]) == (first.seen_at, "zine")
    await record(database, replace(later, status="succeeded"))
    stored = await row(database, schema.reversals)
    assert stored["seen_at"] == later.seen_at

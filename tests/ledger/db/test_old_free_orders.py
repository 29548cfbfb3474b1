# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Deletion of old free orders."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from msrv.ledger.db import old_free_orders, schema
from msrv.ledger.db.database import Database
from msrv.ledger.db.old_free_orders import FreeOrderCounts
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Delivered, Event
from tests.ledger.sample_events import NOON, order_id, order_ids, revoked, sale

DAY = 86_400


def delivered(number: int, at: int) -> Delivered:
    return Delivered(order_id(number), "zine", "a" * 16, 10, ((0, 10),), at)


async def write(database: Database, *events: Event) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, list(events))


async def ids(database: Database) -> set[str]:
    async with database.read_transaction() as connection:
        found = await connection.execute(select(schema.orders.c.order_id))
        return {row.order_id for row in found}


async def count(database: Database, table: object) -> int:
    async with database.read_transaction() as connection:
        return int(
            await connection.scalar(select(func.count()).select_from(table))  # type: ignore[arg-type]
            or 0
        )


async def test_only_old_free_orders_without_refunds_are_deleted(
    database: Database,
) -> None:
    free = [
        replace(sale(number, ("zine", 0), at=NOON), provider="free")
        for number in range(1, 4)
    ]
    refunded = replace(sale(4, ("zine", 0)), provider="free")
    young = replace(sale(5, ("zine", 0), at=NOON + DAY), provider="free")
    paid = sale(6, ("song", 100))
    code = replace(sale(7, ("zine", 0)), provider="code")
    reduced = replace(sale(8, ("song", 50)), provider="free")
    kept = [refunded, young, paid, code, reduced]
    await write(
        database,
        *free,
        *kept,
        revoked(4),
        *(delivered(number, NOON) for number in (1, 6, 7)),
        # Of an order that was never recorded.
        delivered(99, NOON),
        delivered(98, NOON + DAY),
    )
    days = await count(database, schema.days)
    expected = FreeOrderCounts(orders=3, lines=3, downloads=2)
    assert (
        await old_free_orders.count_free_orders(database, NOON + 1) == expected
    )
    assert len(await ids(database)) == 8
    assert (
        await old_free_orders.delete_free_orders(database, NOON + 1)
        == expected
    )
    assert await ids(database) == order_ids(kept)
    assert await count(database, schema.order_items) == len(kept)
    assert await count(database, schema.downloads) == 3
    # Aggregates and refunds are unchanged.
    assert await count(database, schema.days) == days
    assert await count(database, schema.refunds) == 1
    assert (
        await old_free_orders.delete_free_orders(database, NOON + 1)
        == FreeOrderCounts()
    )


async def test_many_are_deleted_in_small_transactions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_free_orders, "BATCH", 7)
    await write(
        database,
        *(
            replace(sale(number, ("zine", 0)), provider="free")
            for number in range(40)
        ),
        *(delivered(100 + number, NOON) for number in range(20)),
    )
    found = await old_free_orders.delete_free_orders(database, NOON + 1)
    assert found == FreeOrderCounts(orders=40, lines=40, downloads=20)

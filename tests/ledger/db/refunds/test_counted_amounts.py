# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds that a version from before revision 0007 wrote to a newer schema."""

from typing import Any

import pytest
from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import schema
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import WHOLE_ORDER, Event, Revoked
from tests.ledger.sample_events import NOON, order_id, reversal, sale

ID = order_id(1)


async def refund_as_before(connection: AsyncConnection, sign: int) -> None:
    """Refund the album by its price, or undo that, as version 1.0.0 does."""
    items, orders, days = schema.order_items, schema.orders, schema.days
    await connection.execute(
        update(items)
        .where(items.c.item_id == "album")
        .values(refunded=sign > 0)
    )
    await connection.execute(
        update(orders).values(
            refunded_minor=orders.c.refunded_minor + sign * 150
        )
    )
    await connection.execute(
        update(days).values(
            refunds=days.c.refunds + sign,
            refunded_minor=days.c.refunded_minor + sign * 150,
        )
    )


async def only(connection: AsyncConnection, table: Table) -> dict[str, Any]:
    """Return the only row of a table."""
    return dict((await connection.execute(select(table))).mappings().one())


@pytest.mark.parametrize("money_first", [True, False])
async def test_refund_of_an_older_version_is_counted_once(
    database: Database, *, money_first: bool
) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, [sale(1, ("song", 50), ("album", 150))])
        await refund_as_before(connection, 1)
        # The same refund, as a newer replica records it.
        events: list[Event] = [
            reversal(1, 150, "succeeded", "album"),
            Revoked(ID, "album", NOON * 1000, "stripe"),
        ]
        for each in events if money_first else reversed(events):
            await apply_events(connection, [each])
        for _ in range(2):
            order = await only(connection, schema.orders)
            day = await only(connection, schema.days)
            assert order["refunded_minor"] == day["refunded_minor"] == 150
            assert day["refunds"] == 1
            await apply_events(connection, events)


async def test_refund_that_an_older_version_undid_counts_no_more(
    database: Database,
) -> None:
    async with database.write_transaction() as connection:
        await apply_events(
            connection,
            [
                sale(1, ("song", 50), ("album", 150)),
                Revoked(ID, "album", NOON * 1000, "cli"),
            ],
        )
        await refund_as_before(connection, -1)
        await connection.execute(update(schema.refunds).values(revoked=False))
        await apply_events(
            connection, [Revoked(ID, WHOLE_ORDER, NOON * 1000 + 9, "cli")]
        )
        order = await only(connection, schema.orders)
        day = await only(connection, schema.days)
        assert order["refunded_minor"] == day["refunded_minor"] == 200
        assert day["refunds"] == 2

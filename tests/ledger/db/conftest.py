# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sample ledger for the tests of queries."""

import pytest

from msrv.ledger.db.aggregates import DAY_SECONDS
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Delivered, Event, PaymentEvent
from tests.ledger.sample_events import NOON, order_id, restored, revoked, sale

SEVEN_ORDERS: tuple[Event, ...] = (
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
async def seven_orders(database: Database) -> Database:
    """Ledger of seven orders."""
    async with database.write_transaction() as connection:
        await apply_events(connection, SEVEN_ORDERS)
    return database

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Granted orders: recorded once, whoever grants them again."""

import asyncio

from msrv.ledger.db import grants as db_grants
from msrv.ledger.db.database import Database
from msrv.ledger.db.grants import GrantedOrder
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Sale
from tests.ledger.sample_events import NOON, order_id, revoked, sale


def grants(
    *numbers: int, at: int = NOON
) -> list[tuple[Sale, tuple[str, ...]]]:
    return [(sale(number, ("song", 0), at=at), ()) for number in numbers]


async def test_grant_is_recorded_once(database: Database) -> None:
    first = await db_grants.grant_orders(database, grants(1, 2))
    assert [each.is_new for each in first] == [True, True]
    again = await db_grants.grant_orders(database, grants(2, 3, at=NOON + 99))
    assert again == [
        GrantedOrder(order_id(2), NOON, "EUR", is_new=False),
        GrantedOrder(order_id(3), NOON + 99, "EUR", is_new=True),
    ]


async def test_two_replicas_grant_the_same(database: Database) -> None:
    found = await asyncio.gather(
        *(
            db_grants.grant_orders(database, grants(1, at=NOON + number))
            for number in range(8)
        )
    )
    assert len({each.granted_at for (each,) in found}) == 1
    assert sum(each.is_new for (each,) in found) == 1


async def test_order_of_a_previous_nonce_is_the_same(
    database: Database,
) -> None:
    await db_grants.grant_orders(database, grants(1))
    event = sale(2, ("song", 0), at=NOON + 5)
    (found,) = await db_grants.grant_orders(
        database, [(event, (order_id(3), order_id(1)))]
    )
    assert found == GrantedOrder(order_id(1), NOON, "EUR", is_new=False)
    assert (await db_grants.find_grants(database, grants(2)))[0].is_new


async def test_find_records_nothing(database: Database) -> None:
    for _ in range(2):
        (found,) = await db_grants.find_grants(database, grants(1))
        assert found.is_new


async def test_revoked_and_mailed_grants_are_known(
    database: Database,
) -> None:
    await db_grants.grant_orders(database, grants(1, 2))
    async with database.write_transaction() as connection:
        await apply_events(connection, [revoked(1, at=1)])
    for _ in range(2):
        await db_grants.record_grant_mails(database, [order_id(2)], NOON)
    first, second = await db_grants.find_grants(database, grants(1, 2))
    assert (first.is_revoked, first.is_mailed) == (True, False)
    assert (second.is_revoked, second.is_mailed) == (False, True)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Precedence of revocations, by the sources of changes."""

import pytest
from sqlalchemy import select

from msrv.ledger.db import commands, schema
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import WHOLE_ORDER, Event, Restored, Revoked
from tests.ledger.sample_events import order_id

ID = order_id(1)


@pytest.mark.parametrize(
    ("history", "is_revoked"),
    [
        # A refund that failed, or a dispute that was won.
        (["stripe ends", "stripe restores"], False),
        # Its event is told again when another follows, with a later time.
        (["stripe ends", "stripe restores", "cli ends"], True),
        (
            ["stripe ends", "stripe restores", "cli ends", "stripe restores"],
            True,
        ),
        (["cli ends", "stripe ends", "stripe restores"], True),
        (["studio-7 ends", "stripe restores"], True),
        (["withdrawal ends", "stripe restores"], True),
        # It was refunded, and the refund failed.
        (["withdrawal ends", "stripe ends", "stripe restores"], True),
        (["withdrawal ends", "stripe ends", "cli restores"], False),
        (["stripe ends", "withdrawal ends", "stripe restores"], False),
        # An operator restores what anybody has ended.
        (["stripe ends", "cli restores"], False),
        (["withdrawal ends", "cli restores"], False),
        (["cli ends", "stripe ends", "cli restores"], False),
        (["cli ends", "cli restores", "stripe ends"], True),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_provider_restores_only_what_it_has_revoked(
    database: Database, history: list[str], *, is_revoked: bool, at_once: bool
) -> None:
    events: list[Event] = []
    for at, (by, kind) in enumerate(map(str.split, history)):
        change = Revoked if kind == "ends" else Restored
        events.append(change(ID, WHOLE_ORDER, at, by))
    async with database.write_transaction() as connection:
        for part in [events] if at_once else [[each] for each in events]:
            await apply_events(connection, part)
        found = await connection.scalar(
            select(schema.refunds.c.revoked).where(
                schema.refunds.c.order_id == ID
            )
        )
    assert found is is_revoked


async def test_links_ended_by_the_command_line_stay_so(
    database: Database,
) -> None:
    await commands.revoke_order(database, ID, by="cli", now_ms=5_000)
    async with database.write_transaction() as connection:
        await apply_events(
            connection, [Restored(ID, WHOLE_ORDER, 9_000, "stripe")]
        )
        row = (await connection.execute(select(schema.refunds))).one()
    assert (row.revoked, row.changed_by) == (True, "cli")

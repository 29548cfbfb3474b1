# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Consumers of the feed: what each of them has been told.

A row for the mails to the seller, for each statement, and for each webhook
endpoint. Replicas share the row: whoever advances it in a transaction is the
one that tells. Apart from the events, which aren't theirs.
"""

from dataclasses import dataclass, replace

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import event_consumers


@dataclass(frozen=True, slots=True)
class Consumer:
    """State of a consumer.

    `number` is that of the last event it was told, or of the last period of
    a statement. It is told nothing before `paused_until`, nor while it is
    disabled; times are in Unix seconds, `disabled_at` is None otherwise.
    """

    name: str
    number: int
    paused_until: int = 0
    disabled_at: int | None = None

    def corrected(self, now: int, most_seconds: int) -> "Consumer":
        """Return the state, where a pause of over `most_seconds` ends now.

        There is none but that of a clock which was ahead, and was set back.
        """
        if self.paused_until <= now + most_seconds:
            return self
        return replace(self, paused_until=now)


async def load(connection: AsyncConnection, name: str) -> Consumer | None:
    """Return a consumer, None for one that is new."""
    column = event_consumers.c
    row = (
        await connection.execute(
            select(event_consumers).where(column.name == name)
        )
    ).first()
    return None if row is None else Consumer(*row)


async def save(connection: AsyncConnection, consumer: Consumer) -> None:
    """Store a consumer's state. Needs `Database.write_transaction`."""
    values = {
        "number": consumer.number,
        "paused_until": consumer.paused_until,
        "disabled_at": consumer.disabled_at,
    }
    changed = await connection.execute(
        update(event_consumers)
        .where(event_consumers.c.name == consumer.name)
        .values(values)
    )
    # MariaDB doesn't count a row whose values stay.
    if not changed.rowcount and await load(connection, consumer.name) is None:
        await connection.execute(
            insert(event_consumers), {"name": consumer.name, **values}
        )

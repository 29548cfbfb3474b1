# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Queries for acts: pages of the activity log, and the acts on an order.

Each is a page of an index: its cost doesn't grow with the number of acts.
"""

from typing import Final, NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import acts
from msrv.ledger.operators.acts import OperatorAct

MAX_ACTS: Final = 100
"""Number of acts on a page of the activity log."""


class ActKey(NamedTuple):
    """Sort key of an act."""

    at_ms: int
    act_id: str


async def list_acts(
    connection: AsyncConnection,
    after: ActKey | None = None,
    most: int = MAX_ACTS,
    *,
    actor: str | None = None,
) -> list[OperatorAct]:
    """Return a page of acts, the latest first.

    `after` is the key of the last one on the previous page, `actor` who did
    them, None for all.
    """
    query = (
        select(acts)
        .order_by(acts.c.at_ms.desc(), acts.c.act_id.desc())
        .limit(most)
    )
    if actor is not None:
        query = query.where(acts.c.actor == actor)
    if after is not None:
        query = query.where(
            tuple_(acts.c.at_ms, acts.c.act_id) < tuple_(*after)
        )
    rows = await connection.execute(query)
    return [OperatorAct(**row) for row in rows.mappings()]


async def list_actors(connection: AsyncConnection) -> list[str]:
    """Return who did anything, in their order; empty without a name."""
    return list(
        await connection.scalars(
            select(acts.c.actor).distinct().order_by(acts.c.actor)
        )
    )


async def list_order_acts(
    connection: AsyncConnection, order_id: str, most: int = MAX_ACTS
) -> list[OperatorAct]:
    """Return the latest acts whose subject is an order, or a part of it."""
    after = order_id[:-1] + chr(ord(order_id[-1]) + 1)
    rows = await connection.execute(
        select(acts)
        .where(acts.c.subject >= order_id, acts.c.subject < after)
        .order_by(acts.c.at_ms.desc())
        .limit(most)
    )
    return [OperatorAct(**row) for row in rows.mappings()]

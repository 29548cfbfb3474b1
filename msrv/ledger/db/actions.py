"""Operators' actions in the studio, as the database has them.

Apart from the queries about orders: nothing of a sale is in it.
"""

from typing import Final, NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import acts
from msrv.ledger.events import Act

MAX_ACTS: Final = 100
"""Number of actions on one page."""


class Position(NamedTuple):
    """Position of a page: after this action, towards earlier ones."""

    at_ms: int
    act_id: str


async def latest(
    connection: AsyncConnection,
    after: Position | None = None,
    most: int = MAX_ACTS,
) -> list[Act]:
    """Return up to `most` acts, the latest first."""
    query = (
        select(acts)
        .order_by(acts.c.at_ms.desc(), acts.c.act_id.desc())
        .limit(most)
    )
    if after is not None:
        query = query.where(
            tuple_(acts.c.at_ms, acts.c.act_id) < tuple_(*after)
        )
    rows = await connection.execute(query)
    return [Act(**row) for row in rows.mappings()]

"""Taking a sale back, all of it or a line, and undoing that. At once.

Past the spool: who revokes has to know that it holds.
"""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import post
from msrv.ledger.db.schema import order_items, refunds
from msrv.ledger.errors import NoSuchLine, NothingRevoked
from msrv.ledger.events import WHOLE, Event, Restored, Revoked


@dataclass(frozen=True, slots=True)
class TakenLine:
    """A line of an order, and whether it is refunded now."""

    item_id: str
    title: str
    price_minor: int
    refunded: bool


async def revoke(
    database: Database,
    order_id: str,
    item_id: str = WHOLE,
    *,
    by: str,
    now_ms: int,
) -> tuple[TakenLine, ...]:
    """Take an order back, or one line of it; the order's lines as they are.

    There are none where the ledger has not heard of the order: its links end
    all the same. `by` says who does it. Raises NoSuchLine, DatabaseError.
    """
    async with database.writing() as connection:
        await _check(connection, order_id, item_id)
        at_ms = await _next(connection, order_id, now_ms)
        await post(connection, [Revoked(order_id, item_id, at_ms, by)])
        return await _lines(connection, order_id)


async def restore(
    database: Database,
    order_id: str,
    item_id: str = WHOLE,
    *,
    by: str,
    now_ms: int,
) -> tuple[TakenLine, ...]:
    """Undo what was revoked: all of an order, or one line of it.

    A line stays refunded while the whole order is. Raises
    NothingRevoked, NoSuchLine, DatabaseError.
    """
    async with database.writing() as connection:
        await _check(connection, order_id, item_id)
        known = await connection.scalars(
            select(refunds.c.item_id).where(refunds.c.order_id == order_id)
        )
        named = [each for each in known if item_id in {WHOLE, each}]
        if not named:
            raise NothingRevoked(order_id)
        at_ms = await _next(connection, order_id, now_ms)
        events: list[Event] = [
            Restored(order_id, each, at_ms, by) for each in named
        ]
        await post(connection, events)
        return await _lines(connection, order_id)


async def _check(
    connection: AsyncConnection, order_id: str, item_id: str
) -> None:
    held = tuple(each.item_id for each in await _lines(connection, order_id))
    if item_id != WHOLE and held and item_id not in held:
        raise NoSuchLine(order_id, item_id, held)


async def _next(
    connection: AsyncConnection, order_id: str, now_ms: int
) -> int:
    """Give a time after every change that is known: this one is the last.

    Another machine's clock may be ahead of ours.
    """
    last = await connection.scalar(
        select(func.max(refunds.c.changed_at_ms)).where(
            refunds.c.order_id == order_id
        )
    )
    return max(now_ms, int(last or 0) + 1)


async def _lines(
    connection: AsyncConnection, order_id: str
) -> tuple[TakenLine, ...]:
    rows = await connection.execute(
        select(
            order_items.c.item_id,
            order_items.c.title,
            order_items.c.price_minor,
            order_items.c.refunded,
        )
        .where(order_items.c.order_id == order_id)
        .order_by(order_items.c.position)
    )
    return tuple(TakenLine(*row) for row in rows)

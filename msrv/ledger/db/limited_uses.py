"""Using what can be used a limited number of times. At once.

Past the spool: of two replicas that are asked at the same moment one has to
be told no, and only what they share can tell which. There is one writer at a
time (Database.writing), so to look and then to write is one step.
"""

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import post
from msrv.ledger.db.schema import orders, redemptions
from msrv.ledger.errors import AlreadyRedeemed, UsedUp
from msrv.ledger.events import Redeemed, Sale
from msrv.ledger.uses import Redemption


async def redeem(
    database: Database, redeemed: Redeemed, sale: Sale
) -> Redemption:
    """Turn a code into an order, with its sale, or find that it was before.

    Whoever comes again with the same order gets the redemption as it was.
    Raises AlreadyRedeemed for another order, DatabaseError.
    """
    code = redemptions.c.code_id == redeemed.code_id
    async with database.writing() as connection:
        known = (
            await connection.execute(select(redemptions).where(code))
        ).one_or_none()
        if known is None:
            await post(connection, [sale, redeemed])
            return Redemption(redeemed.redeemed_at, sale.currency)
        if known.order_id != redeemed.order_id:
            raise AlreadyRedeemed
        currency = await connection.scalar(
            select(orders.c.currency).where(
                orders.c.order_id == redeemed.order_id
            )
        )
        return Redemption(known.redeemed_at, str(currency or sale.currency))


async def use(
    database: Database, redeemed: Redeemed, start: str, most: int
) -> None:
    """Take one of `most` uses, all of whose names begin with `start`.

    Once for each order, however often it asks. Raises UsedUp, DatabaseError.
    """
    async with database.writing() as connection:
        known = await connection.scalar(
            select(redemptions.c.order_id).where(
                redemptions.c.code_id == redeemed.code_id
            )
        )
        if known is not None:
            return
        if await _count(connection, start) >= most:
            raise UsedUp
        await post(connection, [redeemed])


async def count(database: Database, start: str) -> int:
    """Count the uses whose names begin so. Raises DatabaseError."""
    async with database.reading() as connection:
        return await _count(connection, start)


async def _count(connection: AsyncConnection, start: str) -> int:
    found = await connection.scalar(
        select(func.count()).select_from(redemptions).where(_begins(start))
    )
    return int(found or 0)


def _begins(start: str) -> ColumnElement[bool]:
    """Compare so that the index is entered at the right place."""
    after = start[:-1] + chr(ord(start[-1]) + 1)
    return (redemptions.c.code_id >= start) & (redemptions.c.code_id < after)

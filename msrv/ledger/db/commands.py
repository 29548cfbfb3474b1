# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands that take effect in the database at once, past the spool.

A revocation, since the operator has to know that it is done. A limited use of
a code or discount, since of two replicas with a request for the last use, one
has to refuse it, and only the database can decide which. There is one writer
at a time (Database.write_transaction): reading and then writing is atomic.
"""

import dataclasses

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.database import Database
from msrv.ledger.db.order_queries import OrderLine
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.retries import repeated
from msrv.ledger.db.schema import (
    marks,
    order_items,
    orders,
    redemptions,
    refunds,
)
from msrv.ledger.errors import (
    AlreadyRedeemed,
    LimitReached,
    LineNotFound,
    NothingRevoked,
)
from msrv.ledger.events import (
    WHOLE_ORDER,
    Event,
    Redeemed,
    Redemption,
    Restored,
    Revoked,
    Sale,
)
from msrv.ledger.timeouts import CHECKOUT_SECONDS
from msrv.proofs.receipts import TEST_SUFFIX


async def find_paid_order(
    database: Database, provider: str, payment: str
) -> tuple[str, frozenset[str]] | None:
    """Return the id and the items of the order of a payment.

    `provider` is that of live and of test payments. None without a payment,
    and for one that the ledger doesn't have. Raises DatabaseError.
    """
    if not payment:
        return None
    async with database.read_transaction() as connection:
        order_id = await connection.scalar(
            select(orders.c.order_id).where(
                orders.c.reference == payment,
                orders.c.provider.in_((provider, provider + TEST_SUFFIX)),
            )
        )
        if order_id is None:
            return None
        lines = await _lines(connection, order_id)
    return order_id, frozenset(line.item_id for line in lines)


@repeated
async def revoke_order(
    database: Database,
    order_id: str,
    item_id: str = WHOLE_ORDER,
    *,
    by: str,
    now_ms: int,
) -> tuple[OrderLine, ...]:
    """Revoke an order, or one line of it, and return its lines as they are.

    There are none for an order that the ledger doesn't have: its links end all
    the same. `by` is recorded as the source. Raises LineNotFound,
    DatabaseError.
    """
    async with database.write_transaction() as connection:
        await _check_line(connection, order_id, item_id)
        at_ms = await _next_change_ms(connection, order_id, now_ms)
        await apply_events(connection, [Revoked(order_id, item_id, at_ms, by)])
        return await _lines(connection, order_id)


@repeated
async def restore_order(
    database: Database,
    order_id: str,
    item_id: str = WHOLE_ORDER,
    *,
    by: str,
    now_ms: int,
) -> tuple[OrderLine, ...]:
    """Undo the revocations of an order, or that of one line of it.

    A line stays revoked while the whole order is. Raises NothingRevoked,
    LineNotFound, DatabaseError.
    """
    async with database.write_transaction() as connection:
        await _check_line(connection, order_id, item_id)
        known = await connection.scalars(
            select(refunds.c.item_id).where(refunds.c.order_id == order_id)
        )
        named = [each for each in known if item_id in {WHOLE_ORDER, each}]
        if not named:
            raise NothingRevoked(order_id)
        at_ms = await _next_change_ms(connection, order_id, now_ms)
        events: list[Event] = [
            Restored(order_id, each, at_ms, by) for each in named
        ]
        await apply_events(connection, events)
        return await _lines(connection, order_id)


@repeated
async def redeem_code(
    database: Database, redeemed: Redeemed, sale: Sale
) -> Redemption:
    """Redeem a code for an order, and record its sale.

    Idempotent: the same order gets the redemption that exists already. Raises
    AlreadyRedeemed for another order, DatabaseError.
    """
    code = redemptions.c.code_id == redeemed.code_id
    async with database.write_transaction() as connection:
        known = (
            await connection.execute(select(redemptions).where(code))
        ).one_or_none()
        if known is None:
            await apply_events(connection, [sale, redeemed])
            return Redemption(redeemed.redeemed_at, sale.currency)
        if known.order_id != redeemed.order_id:
            raise AlreadyRedeemed
        currency = await connection.scalar(
            select(orders.c.currency).where(
                orders.c.order_id == redeemed.order_id
            )
        )
        return Redemption(known.redeemed_at, str(currency or sale.currency))


@repeated
async def claim_use(
    database: Database, redeemed: Redeemed, prefix: str, most: int
) -> None:
    """Claim one of `most` uses, all of whose `code_id` start with `prefix`.

    Idempotent for each order. Raises LimitReached, DatabaseError.
    """
    async with database.write_transaction() as connection:
        known = await connection.scalar(
            select(redemptions.c.order_id).where(
                redemptions.c.code_id == redeemed.code_id
            )
        )
        if known is not None:
            return
        if await _count(connection, prefix) >= most:
            raise LimitReached
        await apply_events(connection, [redeemed])


async def count_uses(database: Database, prefix: str) -> int:
    """Return how many `code_id` start with a prefix. Raises DatabaseError."""
    async with database.read_transaction(CHECKOUT_SECONDS) as connection:
        return await _count(connection, prefix)


@repeated
async def reserve_serials(
    database: Database,
    name: str,
    count: int,
    first: int | None,
    most: int,
    *,
    batch: str = "",
) -> int:
    """Reserve `count` serial numbers of a name; return the first of them.

    They follow the last ones that were reserved, from 1 on, or begin with
    `first`. None above `most` is reserved. `batch` is a name of this batch:
    it is reserved once, and found again. Raises DatabaseError.
    """
    row = marks.c.name == f"codes.{name}"
    batch_name = f"codes-made.{batch}"
    async with database.write_transaction() as connection:
        made = await connection.scalar(
            select(marks.c.value).where(marks.c.name == batch_name)
        )
        if made is not None:
            return int(made)
        known = await connection.scalar(select(marks.c.value).where(row))
        start = int(known or 0) + 1 if first is None else first
        last = max(int(known or 0), start + count - 1)
        if last > most:
            return start
        await connection.execute(
            insert(marks).values(name=f"codes.{name}", value=last)
            if known is None
            else update(marks).where(row).values(value=last)
        )
        if batch:
            await connection.execute(
                insert(marks).values(name=batch_name, value=start)
            )
    return start


async def _check_line(
    connection: AsyncConnection, order_id: str, item_id: str
) -> None:
    held = tuple(each.item_id for each in await _lines(connection, order_id))
    if item_id != WHOLE_ORDER and held and item_id not in held:
        raise LineNotFound(order_id, item_id, held)


async def _next_change_ms(
    connection: AsyncConnection, order_id: str, now_ms: int
) -> int:
    """Return a time after every known change of an order.

    Another machine's clock may be ahead of this one.
    """
    last = await connection.scalar(
        select(func.max(refunds.c.changed_at_ms)).where(
            refunds.c.order_id == order_id
        )
    )
    return max(now_ms, int(last or 0) + 1)


async def _lines(
    connection: AsyncConnection, order_id: str
) -> tuple[OrderLine, ...]:
    line = order_items.c
    names = [each.name for each in dataclasses.fields(OrderLine)]
    rows = await connection.execute(
        select(*(line[name] for name in names))
        .where(line.order_id == order_id)
        .order_by(line.position)
    )
    return tuple(OrderLine(*row) for row in rows)


async def _count(connection: AsyncConnection, prefix: str) -> int:
    found = await connection.scalar(
        select(func.count())
        .select_from(redemptions)
        .where(_starts_with(prefix))
    )
    return int(found or 0)


def _starts_with(prefix: str) -> ColumnElement[bool]:
    """Return a condition on a range, which enters the index at its start."""
    after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    code_id = redemptions.c.code_id
    return (code_id >= prefix) & (code_id < after)

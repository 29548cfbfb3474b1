# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Orders that a seller gave to former buyers, and the mails of them.

Apart from the other commands, which buyers wait for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Integer, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.retries import repeated
from msrv.ledger.db.schema import order_items, orders, redemptions
from msrv.ledger.events import Sale, grant_mail, grant_mail_id


@dataclass(frozen=True, slots=True)
class GrantedOrder:
    """Order that a seller gave to a former buyer, as the ledger has it."""

    order_id: str
    granted_at: int
    currency: str
    is_new: bool
    is_revoked: bool = False
    is_mailed: bool = False


@repeated
async def grant_orders(
    database: Database, grants: Sequence[tuple[Sale, Sequence[str]]]
) -> list[GrantedOrder]:
    """Record granted orders, unless they are known, and return them.

    With each order go the ids that it has under previous NONCEs; an order
    with one of those is the same. Idempotent. Raises DatabaseError.
    """
    async with database.write_transaction() as connection:
        known = await _known_grants(connection, grants)
        await apply_events(
            connection,
            [
                sale
                for (sale, _), found in zip(grants, known, strict=True)
                if found.is_new
            ],
        )
    return known


async def find_grants(
    database: Database, grants: Sequence[tuple[Sale, Sequence[str]]]
) -> list[GrantedOrder]:
    """Return what `grant_orders` would, and record nothing.

    Raises DatabaseError.
    """
    async with database.read_transaction() as connection:
        return await _known_grants(connection, grants)


@repeated
async def record_grant_mails(
    database: Database, order_ids: Iterable[str], now: int
) -> None:
    """Record that mails of granted orders were queued, for good.

    Raises DatabaseError.
    """
    async with database.write_transaction() as connection:
        await apply_events(
            connection, [grant_mail(each, now) for each in order_ids]
        )


async def _known_grants(
    connection: AsyncConnection, grants: Sequence[tuple[Sale, Sequence[str]]]
) -> list[GrantedOrder]:
    ids = [
        each for sale, former in grants for each in (sale.order_id, *former)
    ]
    rows = await connection.execute(
        select(
            orders.c.order_id,
            orders.c.sold_at,
            orders.c.currency,
            func.max(order_items.c.refunded.cast(Integer)).label("refunded"),
        )
        .join(order_items, order_items.c.order_id == orders.c.order_id)
        .where(orders.c.order_id.in_(ids))
        .group_by(orders.c.order_id, orders.c.sold_at, orders.c.currency)
    )
    known = {row.order_id: row for row in rows}
    mailed = await connection.scalars(
        select(redemptions.c.order_id).where(
            redemptions.c.code_id.in_([grant_mail_id(each) for each in known])
        )
    )
    mailed_ids = set(mailed)
    found = []
    for sale, former in grants:
        row = next(
            (known[i] for i in (sale.order_id, *former) if i in known), None
        )
        found.append(
            GrantedOrder(
                sale.order_id, sale.sold_at, sale.currency, is_new=True
            )
            if row is None
            else GrantedOrder(
                row.order_id,
                row.sold_at,
                row.currency,
                is_new=False,
                is_revoked=bool(row.refunded),
                is_mailed=row.order_id in mailed_ids,
            )
        )
    return found

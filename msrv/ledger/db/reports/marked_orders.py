# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Orders that are marked by a redemption, as those of a buyer are.

Apart from `order_queries`, which is long already.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.order_queries import Order, load_orders
from msrv.ledger.db.schema import orders, redemptions


async def marked_orders(
    connection: AsyncConnection, prefix: str, *, most: int = 1000
) -> tuple[Order, ...]:
    """Return orders whose marks start with a prefix, the newest first."""
    code = redemptions.c
    wanted = (
        select(orders)
        .join(redemptions, code.order_id == orders.c.order_id)
        # After every character of a `code_id`.
        .where(code.code_id >= prefix, code.code_id < f"{prefix}~")
        .order_by(orders.c.sold_at.desc())
        .limit(most)
    )
    return tuple(await load_orders(connection, wanted))

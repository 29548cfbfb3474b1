# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunded parts of an order's lines, from its reversals in the database.

Apart from `changes`, which writes them to the lines without a tax that was
added to the prices: documents state what went back, with that tax.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.order_queries import Order
from msrv.ledger.db.schema import reversals
from msrv.ledger.reversals.allocation import (
    LineRefund,
    ReversedAmount,
    allocate_refunds,
)
from msrv.ledger.reversals.event import REFUSED


def reversed_parts(
    prices: Mapping[str, int], rows: Iterable[Row[Any]]
) -> dict[str, LineRefund] | None:
    """Return what an order's reversals refunded of each line.

    None for an order without any, which was refunded by hand, if at all.
    """
    made = sorted(
        (row for row in rows if row.status != REFUSED),
        key=lambda row: (row.created_at, row.reversal_id),
    )
    if not made:
        return None
    paid_minor = max(row.paid_minor for row in made) or sum(prices.values())
    return allocate_refunds(
        prices,
        paid_minor,
        (
            ReversedAmount(row.amount_minor, tuple(row.items.split()))
            for row in made
            if row.is_effective
        ),
    )


async def load_line_refunds(
    connection: AsyncConnection, orders: Sequence[Order]
) -> dict[str, dict[str, LineRefund]]:
    """Return what was refunded of each line of some orders, by order."""
    rows: dict[str, list[Row[Any]]] = {each.order_id: [] for each in orders}
    for row in await connection.execute(
        select(reversals).where(reversals.c.order_id.in_(list(rows)))
    ):
        rows[row.order_id].append(row)
    return {
        order.order_id: _line_refunds(order, rows[order.order_id])
        for order in orders
    }


def _line_refunds(
    order: Order, rows: Iterable[Row[Any]]
) -> dict[str, LineRefund]:
    prices = {line.item_id: line.price_minor for line in order.lines}
    made = reversed_parts(prices, rows)
    if made is not None:
        return made
    return {
        line.item_id: LineRefund(
            min(line.refunded_minor, line.price_minor), line.price_minor
        )
        for line in order.lines
    }

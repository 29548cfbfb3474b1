# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Orders that events of the feed are about, as they are told.

Apart from the queries of the studio: nothing here leads to a download.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import order_items, orders

_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class EventLine:
    """Item of an order: its title and price at the time of the sale."""

    item_id: str
    title: str
    price_minor: int


@dataclass(frozen=True, slots=True)
class EventOrder:
    """An order: its currency, its total in minor units, and its lines."""

    order_id: str
    provider: str
    currency: str
    total_minor: int
    lines: tuple[EventLine, ...]

    def named(self, item_ids: Iterable[str]) -> tuple[EventLine, ...]:
        """Return the lines of these items, or all without any."""
        wanted = set(item_ids)
        return tuple(
            each for each in self.lines if not wanted or each.item_id in wanted
        )


async def load_orders(
    connection: AsyncConnection, order_ids: Iterable[str]
) -> dict[str, EventOrder]:
    """Return orders by their ids; those that the ledger lacks are left out."""
    wanted = sorted(set(order_ids) - {""})
    found: dict[str, EventOrder] = {}
    for at in range(0, len(wanted), _BATCH):
        part = wanted[at : at + _BATCH]
        lines: dict[str, list[EventLine]] = {each: [] for each in part}
        for row in await connection.execute(
            select(order_items)
            .where(order_items.c.order_id.in_(part))
            .order_by(order_items.c.order_id, order_items.c.position)
        ):
            lines[row.order_id].append(
                EventLine(row.item_id, row.title, row.price_minor)
            )
        for row in await connection.execute(
            select(orders).where(orders.c.order_id.in_(part))
        ):
            found[row.order_id] = EventOrder(
                row.order_id,
                row.provider,
                row.currency,
                row.total_minor,
                tuple(lines[row.order_id]),
            )
    return found

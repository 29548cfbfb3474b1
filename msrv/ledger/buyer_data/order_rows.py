# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rows of one order in all tables, to be exported or erased.

What a seller has to keep stays, with the reason: REASONS has it for each
table, and a test fails for a table with orders that isn't here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import old_free_orders, schema
from msrv.ledger.events import BUYER_MARK

Row = dict[str, Any]

_ACCOUNTS: Final = (
    "the accounts: tax law asks for them (Article 17(3)(b) GDPR); they have "
    "no name and no address"
)
_INVOICES: Final = (
    "invoices: tax law asks for them (Article 17(3)(b) GDPR); they have no "
    "name and no address of a buyer"
)
_PROOF: Final = "proof of the contract (Article 17(3)(e) GDPR)"

REASONS: Final[Mapping[str, str]] = {
    "orders": _ACCOUNTS,
    "order_items": _ACCOUNTS,
    "sale_taxes": _ACCOUNTS,
    "country_decisions": _ACCOUNTS,
    "invoices": _INVOICES,
    "reversals": _ACCOUNTS,
    "refunds": "downloads that were refunded have to stay ended",
    "payment_events": _ACCOUNTS,
    "consents": _PROOF,
    "withdrawals": _PROOF,
    "redemptions": "a code or discount that was used has to stay used",
    "acts": "the record of what operators did",
    "outgoing_events": "deleted by itself, once it was passed on",
}
"""Why what is left of an order can't be erased, by table."""


@dataclass(frozen=True, slots=True)
class OrderRows:
    """Rows of an order by table: those that can be erased, and the others."""

    erasable: Mapping[str, list[Row]] = field(default_factory=dict)
    kept: Mapping[str, list[Row]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """True if the ledger has nothing of the order."""
        return not self.erasable and not self.kept


async def read_rows(connection: AsyncConnection, order_id: str) -> OrderRows:
    """Return everything that the ledger has of an order."""
    erasable = await _erasable(connection, order_id)
    found: dict[str, dict[str, list[Row]]] = {"erasable": {}, "kept": {}}
    for name in ("downloads", "correction_requests", *REASONS):
        table = schema.metadata.tables[name]
        wanted = _of_order(table, order_id)
        parts = {"kept": wanted}
        if name in erasable:
            parts = {
                "erasable": and_(wanted, erasable[name]),
                "kept": and_(wanted, ~erasable[name]),
            }
        for part, condition in parts.items():
            rows = (
                await connection.execute(select(table).where(condition))
            ).mappings()
            held = [dict(row) for row in rows]
            if held:
                found[part][name] = held
    return OrderRows(**found)


async def erase_rows(connection: AsyncConnection, order_id: str) -> int:
    """Erase what can be erased of an order; return the number of rows.

    Within one `Database.write_transaction`. Totals and reports stay as they
    are: they say nothing of a buyer.
    """
    count = 0
    for name, condition in (await _erasable(connection, order_id)).items():
        table = schema.metadata.tables[name]
        done = await connection.execute(
            delete(table).where(_of_order(table, order_id), condition)
        )
        count += done.rowcount
    return count


async def _erasable(
    connection: AsyncConnection, order_id: str
) -> dict[str, ColumnElement[bool]]:
    """Return which rows of an order can be erased, by table.

    A free order can be, unless it was refunded: no tax law asks for it.
    """
    whole = schema.downloads.c.order_id == order_id
    found: dict[str, ColumnElement[bool]] = {
        "downloads": whole,
        "correction_requests": schema.correction_requests.c.order_id
        == order_id,
        "redemptions": schema.redemptions.c.code_id.startswith(BUYER_MARK),
    }
    orders = schema.orders.c
    is_free = await connection.scalar(
        select(orders.order_id).where(
            orders.order_id == order_id,
            orders.provider == old_free_orders.PROVIDER,
            orders.total_minor == 0,
        )
    )
    is_refunded = await connection.scalar(
        select(schema.refunds.c.order_id)
        .where(schema.refunds.c.order_id == order_id)
        .limit(1)
    )
    if is_free is not None and is_refunded is None:
        items = schema.order_items.c
        found["order_items"] = items.order_id == order_id
        found["sale_taxes"] = schema.sale_taxes.c.order_id == order_id
        found["orders"] = orders.order_id == order_id
    return found


def _of_order(table: Table, order_id: str) -> ColumnElement[bool]:
    if table is schema.acts:
        return table.c.subject.startswith(order_id, autoescape=True)
    return table.c.order_id == order_id

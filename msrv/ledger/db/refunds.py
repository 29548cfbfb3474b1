"""Refunds: which lines of which orders were taken back, and are they still.

A refund names a whole order or one of its lines. Both are remembered by
themselves, and a line counts as refunded while either says so.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Row, Table, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import schema
from msrv.ledger.db.aggregates import Sums
from msrv.ledger.db.database import CHANGES
from msrv.ledger.events import WHOLE, Restored, Revoked

_ASK: Final = 200


async def post_changes(
    connection: AsyncConnection, changes: Sequence[Revoked | Restored]
) -> set[str]:
    """Remember changes that are newer than what is known; their orders."""
    latest: dict[tuple[str, str], Revoked | Restored] = {}
    for each in changes:
        key = (each.order_id, each.item_id)
        if key not in latest or _rank(each) > _rank(latest[key]):
            latest[key] = each
    if not latest:
        return set()
    known = {
        (row.order_id, row.item_id): (row.changed_at_ms, row.revoked)
        for row in await _rows(
            connection, schema.refunds, {each[0] for each in latest}
        )
    }
    changed = set()
    for key, each in latest.items():
        if key in known and _rank(each) <= known[key]:
            continue
        values = {
            "revoked": isinstance(each, Revoked),
            "changed_at_ms": each.at_ms,
            "changed_by": each.by,
            "change_number": 0,  # `refresh` gives it its number
        }
        if key in known:
            await connection.execute(
                update(schema.refunds)
                .where(
                    schema.refunds.c.order_id == each.order_id,
                    schema.refunds.c.item_id == each.item_id,
                )
                .values(values)
            )
        else:
            await connection.execute(
                insert(schema.refunds),
                {
                    "order_id": each.order_id,
                    "item_id": each.item_id,
                    **values,
                },
            )
        changed.add(each.order_id)
    return changed


async def refresh(
    connection: AsyncConnection,
    sold: set[str],
    changed: set[str],
    sums: Sums,
) -> None:
    """Bring the orders of refunds up to date, and tell the replicas.

    `sold` are orders that are new, `changed` those whose refunds are.
    """
    refunds = await _rows(connection, schema.refunds, sold | changed)
    if not refunds:
        return
    touched = {row.order_id for row in refunds}
    await _tell(connection, touched)
    by_order: dict[str, list[Row[Any]]] = {each: [] for each in touched}
    for row in refunds:
        by_order[row.order_id].append(row)
    lines: dict[str, list[Row[Any]]] = {each: [] for each in touched}
    for row in await _rows(connection, schema.order_items, touched):
        lines[row.order_id].append(row)
    for order in await _rows(connection, schema.orders, touched):
        await _refresh_one(
            connection,
            order,
            lines[order.order_id],
            by_order[order.order_id],
            sums,
        )


async def _refresh_one(
    connection: AsyncConnection,
    order: Row[Any],
    lines: Sequence[Row[Any]],
    refunds: Sequence[Row[Any]],
    sums: Sums,
) -> None:
    """Mark the lines of one order as its refunds say now."""
    revoked = {row.item_id for row in refunds if row.revoked}
    refunded_at = max(row.changed_at_ms for row in refunds) // 1000
    for is_refunded in (True, False):
        # Those that the refunds say it of, and the lines do not.
        turned = [
            line
            for line in lines
            if line.refunded is not is_refunded
            and (not revoked.isdisjoint({WHOLE, line.item_id})) is is_refunded
        ]
        if not turned:
            continue
        await connection.execute(
            update(schema.order_items)
            .where(
                schema.order_items.c.order_id == order.order_id,
                schema.order_items.c.item_id.in_(
                    [line.item_id for line in turned]
                ),
            )
            .values(refunded=is_refunded)
        )
        sign = 1 if is_refunded else -1
        prices = [(line.item_id, line.price_minor) for line in turned]
        sums.add_refund(
            order.sold_at, refunded_at, order.currency, prices, sign
        )
        amount = sign * sum(price for _, price in prices)
        await connection.execute(
            update(schema.orders)
            .where(schema.orders.c.order_id == order.order_id)
            .values(refunded_minor=schema.orders.c.refunded_minor + amount)
        )


async def _tell(connection: AsyncConnection, order_ids: set[str]) -> None:
    """Give the refunds of orders the next number, which replicas ask for.

    Writers come one after the other, so that numbers become visible in order:
    whoever has seen one has seen all before it.
    """
    await connection.execute(
        update(schema.marks)
        .where(schema.marks.c.name == CHANGES)
        .values(value=schema.marks.c.value + 1)
    )
    number = await connection.scalar(
        select(schema.marks.c.value).where(schema.marks.c.name == CHANGES)
    )
    await connection.execute(
        update(schema.refunds)
        .where(schema.refunds.c.order_id == bindparam("touched"))
        .values(change_number=number),
        [{"touched": each} for each in sorted(order_ids)],
    )


async def _rows(
    connection: AsyncConnection, table: Table, order_ids: Iterable[str]
) -> list[Row[Any]]:
    """Give every row of these orders."""
    wanted = sorted(order_ids)
    rows: list[Row[Any]] = []
    for at in range(0, len(wanted), _ASK):
        part = wanted[at : at + _ASK]
        found = await connection.execute(
            select(table).where(table.c.order_id.in_(part))
        )
        rows.extend(found)
    return rows


def _rank(change: Revoked | Restored) -> tuple[int, bool]:
    """Order changes; of two in one millisecond, to revoke is the later."""
    return change.at_ms, isinstance(change, Revoked)

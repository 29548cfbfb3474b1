# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds: their projection to the tables, and the feed that replicas poll.

A refund names a whole order or one of its lines. Each is stored by itself, and
a line counts as refunded while either says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Table, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import schema
from msrv.ledger.db.aggregates import Aggregates
from msrv.ledger.db.database import CHANGES
from msrv.ledger.db.feed import causes
from msrv.ledger.db.feed.outgoing_events import OutgoingEvent
from msrv.ledger.events import WHOLE_ORDER, Restored, Revoked
from msrv.ledger.revocations import RevokedItems

_BATCH: Final = 200


async def apply_changes(
    connection: AsyncConnection, changes: Sequence[Revoked | Restored]
) -> set[str]:
    """Store changes that are newer than the stored; return their orders."""
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
            "change_number": 0,  # set by `update_orders`
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


async def update_orders(
    connection: AsyncConnection,
    sold: set[str],
    changed: set[str],
    aggregates: Aggregates,
    outgoing: list[OutgoingEvent],
) -> None:
    """Update the orders that refunds concern, and number the changes.

    `sold` are orders that are new, `changed` those whose refunds are: a refund
    may arrive before its sale. Refunds are added to `outgoing`.
    """
    refunds = await _rows(connection, schema.refunds, sold | changed)
    if not refunds:
        return
    touched = {row.order_id for row in refunds}
    await _number_changes(connection, touched)
    by_order: dict[str, list[Row[Any]]] = {each: [] for each in touched}
    for row in refunds:
        by_order[row.order_id].append(row)
    lines: dict[str, list[Row[Any]]] = {each: [] for each in touched}
    for row in await _rows(connection, schema.order_items, touched):
        lines[row.order_id].append(row)
    for order in await _rows(connection, schema.orders, touched):
        await _update_order(
            connection,
            order,
            lines[order.order_id],
            by_order[order.order_id],
            aggregates,
            outgoing=outgoing,
        )


async def _update_order(
    connection: AsyncConnection,
    order: Row[Any],
    lines: Sequence[Row[Any]],
    refunds: Sequence[Row[Any]],
    aggregates: Aggregates,
    *,
    outgoing: list[OutgoingEvent],
) -> None:
    """Set `refunded` of an order's lines according to its refunds."""
    revoked = {row.item_id for row in refunds if row.revoked}
    refunded_at = max(row.changed_at_ms for row in refunds) // 1000
    for is_refunded in (True, False):
        differing = [
            line
            for line in lines
            if line.refunded is not is_refunded
            and (not revoked.isdisjoint({WHOLE_ORDER, line.item_id}))
            is is_refunded
        ]
        if not differing:
            continue
        await connection.execute(
            update(schema.order_items)
            .where(
                schema.order_items.c.order_id == order.order_id,
                schema.order_items.c.item_id.in_(
                    [line.item_id for line in differing]
                ),
            )
            .values(refunded=is_refunded)
        )
        sign = 1 if is_refunded else -1
        prices = [(line.item_id, line.price_minor) for line in differing]
        aggregates.add_refund(
            order.sold_at, refunded_at, order.currency, prices, sign
        )
        amount = sign * sum(price for _, price in prices)
        if is_refunded:
            changed_at_ms = max(row.changed_at_ms for row in refunds)
            outgoing.append(
                causes.lines_refunded(order.order_id, prices, changed_at_ms)
            )
        await connection.execute(
            update(schema.orders)
            .where(schema.orders.c.order_id == order.order_id)
            .values(refunded_minor=schema.orders.c.refunded_minor + amount)
        )


async def _number_changes(
    connection: AsyncConnection, order_ids: set[str]
) -> None:
    """Set the refunds of orders to the next change number.

    There is one writer at a time, so numbers become visible in order: a
    replica that has seen a number has seen all before it.
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
    """Return the rows of these orders."""
    wanted = sorted(order_ids)
    rows: list[Row[Any]] = []
    for at in range(0, len(wanted), _BATCH):
        part = wanted[at : at + _BATCH]
        found = await connection.execute(
            select(table).where(table.c.order_id.in_(part))
        )
        rows.extend(found)
    return rows


def _rank(change: Revoked | Restored) -> tuple[int, bool]:
    """Return a sort key; within a millisecond, revoking counts as later."""
    return change.at_ms, isinstance(change, Revoked)


@dataclass(frozen=True, slots=True)
class RevocationChanges:
    """Changed orders up to change `number`; all of them, if `is_all`."""

    orders: Mapping[str, RevokedItems]
    number: int
    is_all: bool


async def read_revocations(
    connection: AsyncConnection, since: int | None
) -> RevocationChanges | None:
    """Return the changes after number `since`, None if there are none.

    Everything without `since`, or if this database is behind that number: it
    is another database then.
    """
    number = await connection.scalar(
        select(schema.marks.c.value).where(schema.marks.c.name == CHANGES)
    )
    number = int(number or 0)
    if since == number:
        return None
    refunds = schema.refunds
    items = schema.order_items.c
    wanted = select(refunds.c.order_id)
    is_all = since is None or since > number
    if is_all:
        wanted = wanted.where(refunds.c.revoked)
    else:
        wanted = wanted.where(refunds.c.change_number > since)
    rows = await connection.execute(
        select(refunds).where(refunds.c.order_id.in_(wanted))
    )
    held = await connection.execute(
        select(items.order_id, items.item_id).where(items.order_id.in_(wanted))
    )
    return RevocationChanges(
        _revoked_items(list(rows), list(held)), number, is_all
    )


def _revoked_items(
    rows: list[Any], held: list[Any]
) -> dict[str, RevokedItems]:
    lines: dict[str, set[str]] = {}
    for order_id, item_id in held:
        lines.setdefault(order_id, set()).add(item_id)
    revoked: dict[str, set[str]] = {}
    for row in rows:
        named = revoked.setdefault(row.order_id, set())
        if row.revoked:
            named.add(row.item_id)
    return {
        order_id: RevokedItems(
            whole=WHOLE_ORDER in named,
            items=frozenset(named - {WHOLE_ORDER}),
            kept=frozenset(lines.get(order_id, set()) - named),
        )
        for order_id, named in revoked.items()
    }

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Revocations and reversals: their projection to the tables.

A revocation names a whole order or one of its lines. Each is stored by itself,
and a line counts as refunded while either says so. How much of its price was
refunded follows from the reversals, the money that went back; an order without
any was refunded by hand, by the prices of its revoked lines. Downloads that a
withdrawal ended are no refund: its money goes back later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Row, Table, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import schema
from msrv.ledger.db.aggregates import Aggregates
from msrv.ledger.db.database import CHANGES
from msrv.ledger.db.feed import causes
from msrv.ledger.db.feed.outgoing_events import OutgoingEvent
from msrv.ledger.db.refunds.counted_amounts import counted_amounts
from msrv.ledger.db.refunds.precedence import (
    StoredChange,
    changes_that_count,
)
from msrv.ledger.db.refunds.reversed_parts import reversed_parts
from msrv.ledger.events import WHOLE_ORDER, Restored, Revoked
from msrv.ledger.reversals.event import Reversal
from msrv.ledger.withdrawals.events import BY_WITHDRAWAL

_BATCH: Final = 200


async def apply_changes(
    connection: AsyncConnection, changes: Sequence[Revoked | Restored]
) -> set[str]:
    """Store the changes that count; return their orders."""
    if not changes:
        return set()
    known = {
        (row.order_id, row.item_id): StoredChange(
            row.changed_at_ms, row.revoked, row.changed_by
        )
        for row in await _rows(
            connection, schema.refunds, {each.order_id for each in changes}
        )
    }
    changed = set()
    for key, each in changes_that_count(known, changes).items():
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


async def apply_reversals(
    connection: AsyncConnection, reversals: Sequence[Reversal]
) -> set[str]:
    """Store reversals in their latest status; return their orders."""
    latest: dict[tuple[str, str], Reversal] = {}
    for each in reversals:
        key = (each.reversal_id, each.provider)
        before = latest.get(key)
        if before is None or each.rank >= before.rank:
            latest[key] = each if before is None else _since(each, before)
    if not latest:
        return set()
    table = schema.reversals
    found = await connection.execute(
        select(table).where(
            table.c.reversal_id.in_([each[0] for each in latest])
        )
    )
    known = {(row.reversal_id, row.provider): row for row in found}
    changed = set()
    for key, each in latest.items():
        if key not in known:
            row = {**_identity(each), **_status(each)}
            await connection.execute(insert(table), row)
        elif each.rank >= known[key].status_rank:
            await connection.execute(
                update(table)
                .where(
                    table.c.reversal_id == each.reversal_id,
                    table.c.provider == each.provider,
                )
                .values(_status(_since(each, known[key])))
            )
        else:
            continue
        changed.add(each.order_id)
    return changed


def _since(each: Reversal, before: "Reversal | Row[Any]") -> Reversal:
    """Return a reversal, seen when its status was: events repeat old ones."""
    if (before.status, before.is_effective) != (
        each.status,
        each.is_effective,
    ):
        return each
    return replace(each, seen_at=min(before.seen_at, each.seen_at))


def _identity(each: Reversal) -> dict[str, Any]:
    """Return the columns that never change."""
    return {
        "reversal_id": each.reversal_id,
        "provider": each.provider,
        "order_id": each.order_id,
        "kind": each.kind,
        "amount_minor": each.amount_minor,
        "paid_minor": each.paid_minor,
        "changed_by": each.by,
        "created_at": each.created_at,
    }


def _status(each: Reversal) -> dict[str, Any]:
    """Return the columns of the latest status."""
    return {
        "status": each.status,
        "status_rank": each.rank,
        "is_effective": each.is_effective,
        "items": " ".join(each.items),
        "reason": each.reason,
        "seen_at": each.seen_at,
    }


async def update_orders(
    connection: AsyncConnection,
    sold: set[str],
    revoked: set[str],
    reversed_: set[str],
    *,
    aggregates: Aggregates,
    outgoing: list[OutgoingEvent],
) -> None:
    """Update the orders that refunds concern, and number the changes.

    `sold` are orders that are new, `revoked` those whose revocations changed
    and `reversed_` those whose reversals did: a refund may arrive before its
    sale. Refunds are added to `outgoing`.
    """
    changed = sold | revoked | reversed_
    refunds = await _rows(connection, schema.refunds, changed)
    reversals = await _rows(connection, schema.reversals, changed)
    renumbered = {row.order_id for row in refunds} & (sold | revoked)
    if renumbered:
        await _number_changes(connection, renumbered)
    touched = {row.order_id for row in (*refunds, *reversals)}
    if not touched:
        return
    lines = _by_order(
        touched, await _rows(connection, schema.order_items, touched)
    )
    refunds_of = _by_order(touched, refunds)
    reversals_of = _by_order(touched, reversals)
    for order in await _rows(connection, schema.orders, touched):
        await _update_order(
            connection,
            order,
            lines[order.order_id],
            refunds_of[order.order_id],
            reversals_of[order.order_id],
            aggregates=aggregates,
            outgoing=outgoing,
        )


def _by_order(
    order_ids: set[str], rows: Iterable[Row[Any]]
) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {each: [] for each in order_ids}
    for row in rows:
        found[row.order_id].append(row)
    return found


async def _update_order(
    connection: AsyncConnection,
    order: Row[Any],
    lines: Sequence[Row[Any]],
    refunds: Sequence[Row[Any]],
    reversals: Sequence[Row[Any]],
    *,
    aggregates: Aggregates,
    outgoing: list[OutgoingEvent],
) -> None:
    """Set what is refunded of an order's lines, and of the order."""
    flags = _covered_lines(lines, (row for row in refunds if row.revoked))
    amounts = _refunded_amounts(lines, refunds, reversals)
    counted = counted_amounts(order, lines)
    refunded_at = max(
        [row.changed_at_ms // 1000 for row in refunds]
        + [row.seen_at for row in reversals]
    )
    changed: list[tuple[str, int]] = []
    for line in lines:
        is_refunded, minor = flags[line.item_id], amounts[line.item_id]
        count = int(is_refunded) - int(line.refunded)
        change = minor - counted[line.item_id]
        if not count and not change and minor == line.refunded_minor:
            continue
        await connection.execute(
            update(schema.order_items)
            .where(
                schema.order_items.c.order_id == order.order_id,
                schema.order_items.c.item_id == line.item_id,
            )
            .values(refunded=is_refunded, refunded_minor=minor)
        )
        aggregates.add_refund(
            order.sold_at,
            refunded_at,
            order.currency,
            line.item_id,
            count=count,
            minor=change,
        )
        changed.append((line.item_id, change))
    total = sum(change for _, change in changed)
    if total > 0:
        changed_at_ms = max(
            [row.changed_at_ms for row in refunds]
            + [row.seen_at * 1000 for row in reversals]
        )
        outgoing.append(
            causes.lines_refunded(
                order.order_id,
                changed,
                changed_at_ms,
                order.refunded_minor + total,
            )
        )
    if total:
        await connection.execute(
            update(schema.orders)
            .where(schema.orders.c.order_id == order.order_id)
            .values(refunded_minor=schema.orders.c.refunded_minor + total)
        )


def _covered_lines(
    lines: Sequence[Row[Any]], revocations: Iterable[Row[Any]]
) -> dict[str, bool]:
    """Return of each line whether one of these revocations is of it."""
    named = {row.item_id for row in revocations}
    return {
        line.item_id: not named.isdisjoint({WHOLE_ORDER, line.item_id})
        for line in lines
    }


def _refunded_amounts(
    lines: Sequence[Row[Any]],
    refunds: Sequence[Row[Any]],
    reversals: Sequence[Row[Any]],
) -> dict[str, int]:
    """Return how much of each line was refunded, in minor units."""
    prices = {line.item_id: line.price_minor for line in lines}
    made = reversed_parts(prices, reversals)
    if made is not None:
        return {
            item_id: made[item_id].part_of_price(price)
            for item_id, price in prices.items()
        }
    by_hand = _covered_lines(
        lines,
        (
            row
            for row in refunds
            if row.revoked and row.changed_by != BY_WITHDRAWAL
        ),
    )
    return {
        item_id: price if by_hand[item_id] else 0
        for item_id, price in prices.items()
    }


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

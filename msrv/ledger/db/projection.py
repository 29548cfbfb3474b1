# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Projection of events to the tables.

Idempotent: applying an event twice changes nothing. Sales, payment events,
uses and acts are recognised by their keys. Of changes the latest counts,
and deliveries are unions of byte ranges: their order doesn't matter.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import schema
from msrv.ledger.db.aggregates import Aggregates
from msrv.ledger.db.feed import causes, outgoing_events
from msrv.ledger.db.feed.outgoing_events import OutgoingEvent
from msrv.ledger.db.refunds import changes
from msrv.ledger.db.schema import downloads
from msrv.ledger.db.taxes import rows as tax_rows
from msrv.ledger.events import (
    Delivered,
    Event,
    PaymentEvent,
    Redeemed,
    Restored,
    Revoked,
    Sale,
)
from msrv.ledger.intervals import (
    Intervals,
    covers,
    format_intervals,
    parse_intervals,
    total_bytes,
    union,
)
from msrv.ledger.operators.acts import OperatorAct
from msrv.ledger.reversals.event import Reversal
from msrv.ledger.withdrawals.rows import apply_withdrawals

_Kind = TypeVar("_Kind")
_BATCH: Final = 200
"""Number of keys in one query, far below SQLite's limit."""
_DOWNLOAD_KEY: Final = ("order_id", "item_id", "version")

_DownloadKey = tuple[str, str, str]


async def apply_events(
    connection: AsyncConnection, events: Sequence[Event]
) -> None:
    """Apply events within one `Database.write_transaction`."""
    aggregates = Aggregates()
    outgoing: list[OutgoingEvent] = []
    sales = _events_of(events, Sale)
    sold = await _apply_sales(connection, sales, aggregates, outgoing)
    await tax_rows.insert_taxes(connection, sales)
    revoked = await changes.apply_changes(
        connection,
        [each for each in events if isinstance(each, (Revoked, Restored))],
    )
    reversed_ = await changes.apply_reversals(
        connection, _events_of(events, Reversal)
    )
    await changes.update_orders(
        connection,
        sold,
        revoked,
        reversed_,
        aggregates=aggregates,
        outgoing=outgoing,
    )
    payments = _events_of(events, PaymentEvent)
    await _insert_new(
        connection,
        schema.payment_events,
        ("provider", "event_id"),
        (dataclasses.asdict(each) for each in payments),
    )
    outgoing += causes.orders_disputed(payments)
    await _insert_new(
        connection,
        schema.redemptions,
        ("code_id",),
        (dataclasses.asdict(each) for each in _events_of(events, Redeemed)),
    )
    await _insert_new(
        connection,
        schema.acts,
        ("act_id",),
        (dataclasses.asdict(each) for each in _events_of(events, OperatorAct)),
    )
    await _apply_deliveries(
        connection, _events_of(events, Delivered), aggregates, outgoing
    )
    await apply_withdrawals(connection, events)
    await aggregates.write(connection)
    await outgoing_events.append(connection, outgoing)


async def _apply_sales(
    connection: AsyncConnection,
    sales: Sequence[Sale],
    aggregates: Aggregates,
    outgoing: list[OutgoingEvent],
) -> set[str]:
    """Insert the orders that are new, and return their ids."""
    by_id = {each.order_id: each for each in reversed(sales)}
    new = await _missing(
        connection, schema.orders, ("order_id",), [(each,) for each in by_id]
    )
    added = [by_id[order_id] for (order_id,) in new]
    await _insert(
        connection,
        schema.orders,
        [
            {
                "order_id": each.order_id,
                "sold_at": each.sold_at,
                "provider": each.provider,
                "reference": each.reference,
                "currency": each.currency,
                "total_minor": each.total_minor,
                "refunded_minor": 0,
            }
            for each in added
        ],
    )
    await _insert(
        connection,
        schema.order_items,
        [
            {
                "order_id": each.order_id,
                "item_id": line.item_id,
                "position": position,
                "title": line.title,
                "price_minor": line.price_minor,
                "refunded": False,
            }
            for each in added
            for position, line in enumerate(each.lines)
        ],
    )
    await _insert_new(
        connection,
        schema.consents,
        ("order_id",),
        (
            {
                "order_id": each.order_id,
                "wording_sha256": each.consent.sha256,
                "language": each.consent.language,
                "given_at": each.consent.given_at,
            }
            for each in added
            if each.consent is not None
        ),
    )
    await _insert_new(
        connection,
        schema.titles,
        ("item_id",),
        (
            {"item_id": line.item_id, "title": line.title}
            for each in added
            for line in each.lines
        ),
    )
    for each in added:
        prices = {line.item_id: line.price_minor for line in each.lines}
        aggregates.add_sale(each.sold_at, each.currency, prices)
    outgoing += causes.sales_paid(added)
    return {each.order_id for each in added}


async def _apply_deliveries(
    connection: AsyncConnection,
    deliveries: Sequence[Delivered],
    aggregates: Aggregates,
    outgoing: list[OutgoingEvent],
) -> None:
    """Merge delivered ranges into the stored ones of all replicas."""
    known = await _known_downloads(
        connection, sorted({each.order_id for each in deliveries})
    )
    rows: dict[_DownloadKey, dict[str, Any]] = {}
    for each in deliveries:
        key = (each.order_id, each.item_id, each.version)
        row = rows.get(key) or known.get(key)
        changed = _unite(row, each, aggregates)
        if changed is None:
            continue
        rows[key] = changed
        if changed["completed_at"] is not None and (
            row is None or row["completed_at"] is None
        ):
            outgoing.append(causes.download_completed(each))
    await _insert(
        connection,
        downloads,
        [row for key, row in rows.items() if key not in known],
    )
    old = [row for key, row in rows.items() if key in known]
    if old:
        await connection.execute(
            update(downloads)
            .where(
                *(
                    downloads.c[name] == bindparam(_parameter(name))
                    for name in _DOWNLOAD_KEY
                )
            )
            .values(
                {
                    name: bindparam(_parameter(name))
                    for name in downloads.c.keys()  # noqa: SIM118 - columns, not a dict
                    if name not in _DOWNLOAD_KEY
                }
            ),
            [
                {_parameter(name): value for name, value in row.items()}
                for row in old
            ],
        )


def _parameter(column: str) -> str:
    """Return the name of a parameter; SQLAlchemy reserves those of columns."""
    return f"its_{column}"


def _unite(
    row: dict[str, Any] | None, delivery: Delivered, aggregates: Aggregates
) -> dict[str, Any] | None:
    """Return the row after a delivery, None if it adds nothing."""
    before: Intervals = parse_intervals(row["ranges"]) if row else ()
    after = union(before, delivery.ranges)
    if after == before:
        return None
    was_complete = row is not None and row["completed_at"] is not None
    is_complete = covers(after, delivery.size_bytes)
    aggregates.add_download(
        delivery.at,
        begun=int(row is None),
        completed=int(is_complete and not was_complete),
        delivered_bytes=total_bytes(after) - total_bytes(before),
    )
    if row is None:
        row = {
            "order_id": delivery.order_id,
            "item_id": delivery.item_id,
            "version": delivery.version,
            "size_bytes": delivery.size_bytes,
            "began_at": delivery.at,
            "last_at": delivery.at,
            "completed_at": None,
        }
    return row | {
        "delivered_bytes": total_bytes(after),
        "ranges": format_intervals(after),
        "began_at": min(row["began_at"], delivery.at),
        "last_at": max(row["last_at"], delivery.at),
        "completed_at": (
            row["completed_at"]
            if was_complete
            else delivery.at
            if is_complete
            else None
        ),
    }


async def _known_downloads(
    connection: AsyncConnection, order_ids: Sequence[str]
) -> dict[_DownloadKey, dict[str, Any]]:
    known: dict[_DownloadKey, dict[str, Any]] = {}
    for at in range(0, len(order_ids), _BATCH):
        rows = await connection.execute(
            select(downloads).where(
                downloads.c.order_id.in_(order_ids[at : at + _BATCH])
            )
        )
        for row in rows.mappings():
            key = (row["order_id"], row["item_id"], row["version"])
            known[key] = dict(row)
    return known


async def _insert_new(
    connection: AsyncConnection,
    table: Table,
    key: tuple[str, ...],
    rows: Iterable[dict[str, Any]],
) -> None:
    """Insert the rows whose key is new; of equal keys the first counts."""
    by_key: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        by_key.setdefault(tuple(row[name] for name in key), row)
    new = await _missing(connection, table, key, list(by_key))
    await _insert(connection, table, [by_key[each] for each in new])


async def _missing(
    connection: AsyncConnection,
    table: Table,
    key: tuple[str, ...],
    wanted: Sequence[tuple[Any, ...]],
) -> list[tuple[Any, ...]]:
    """Return the keys that are not in a table, in the given order."""
    columns = [table.columns[name] for name in key]
    found: set[tuple[Any, ...]] = set()
    for at in range(0, len(wanted), _BATCH):
        # The last part of a key is selective; the others are compared here.
        names = {each[-1] for each in wanted[at : at + _BATCH]}
        rows = await connection.execute(
            select(*columns).where(columns[-1].in_(names))
        )
        found.update(map(tuple, rows))
    return [each for each in wanted if each not in found]


async def _insert(
    connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]
) -> None:
    if rows:
        await connection.execute(insert(table), rows)


def _events_of(events: Iterable[Event], kind: type[_Kind]) -> list[_Kind]:
    return [each for each in events if isinstance(each, kind)]

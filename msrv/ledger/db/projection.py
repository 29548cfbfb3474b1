"""Putting events into the schema, so that twice is the same as once.

What can be told again is recognised by its key: an order's id, a provider's
event id, a code. Of changes the latest counts, and deliveries are unions:
neither cares how often or in which order it is told.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import download_projection, refunds, schema
from msrv.ledger.db.aggregates import Sums
from msrv.ledger.events import (
    Act,
    Delivered,
    Event,
    PaymentEvent,
    Redeemed,
    Restored,
    Revoked,
    Sale,
)

_Kind = TypeVar("_Kind")
_ASK: Final = 200
"""How many keys one question names: SQLite's limits are far, but there."""


async def post(connection: AsyncConnection, events: Sequence[Event]) -> None:
    """Post events within one transaction of Database.writing."""
    sums = Sums()
    sold = await _post_sales(connection, _only(events, Sale), sums)
    changed = await refunds.post_changes(
        connection,
        [each for each in events if isinstance(each, (Revoked, Restored))],
    )
    # A refund may have come before its sale: then the sale is what is new.
    await refunds.refresh(connection, sold, changed, sums)
    await _post_once(
        connection,
        schema.payment_events,
        ("provider", "event_id"),
        (
            {
                "provider": each.provider,
                "event_id": each.event_id,
                "kind": each.kind,
                "order_id": each.order_id,
                "received_at": each.received_at,
            }
            for each in _only(events, PaymentEvent)
        ),
    )
    await _post_once(
        connection,
        schema.redemptions,
        ("code_id",),
        (
            {
                "code_id": each.code_id,
                "order_id": each.order_id,
                "redeemed_at": each.redeemed_at,
            }
            for each in _only(events, Redeemed)
        ),
    )
    await _post_once(
        connection,
        schema.acts,
        ("act_id",),
        (dataclasses.asdict(each) for each in _only(events, Act)),
    )
    await download_projection.post(connection, _only(events, Delivered), sums)
    await sums.post(connection)


async def _post_sales(
    connection: AsyncConnection, sales: Sequence[Sale], sums: Sums
) -> set[str]:
    """Post the orders that are not there yet; their ids."""
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
    await _post_once(
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
        sums.add_sale(each.sold_at, each.currency, prices)
    return {each.order_id for each in added}


async def _post_once(
    connection: AsyncConnection,
    table: Table,
    key: tuple[str, ...],
    rows: Iterable[dict[str, Any]],
) -> None:
    """Insert the rows whose key is not there yet; the first one counts."""
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
    """Say which keys are not in a table, in the order they were given."""
    columns = [table.columns[name] for name in key]
    found: set[tuple[Any, ...]] = set()
    for at in range(0, len(wanted), _ASK):
        # The key's last part tells most apart; the rest is compared here.
        names = {each[-1] for each in wanted[at : at + _ASK]}
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


def _only(events: Iterable[Event], kind: type[_Kind]) -> list[_Kind]:
    return [each for each in events if isinstance(each, kind)]

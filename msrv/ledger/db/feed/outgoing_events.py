# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Outgoing events: numbered rows, written in the transaction of their cause.

The database sees each sale, refund and completed download for the first time
once, whichever replica records it and however often. A row is written in that
transaction, so that an event is told once across replicas. While the database
is unavailable the cause waits in the spool, and is told later.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import (
    marks,
    outgoing_events,
    published_releases,
    webhook_deliveries,
)

KEPT_SECONDS: Final = 30 * 86_400
"""Time for which events are kept, told or not."""
NUMBER: Final = "outgoing-events"
"""Name of the row in `marks` with the number of the last event."""
WAITING: Final = "waiting"
"""Status of a delivery to a webhook endpoint that has not ended."""
_RELEASES: Final = "published-releases"
_BATCH: Final = 200
_ID_CHARS: Final = 32


class EventKind(StrEnum):
    """Kind of an outgoing event, by its name in webhooks."""

    ORDER_PAID = "order.paid"
    ORDER_REFUNDED = "order.refunded"
    ORDER_DISPUTED = "order.disputed"
    DOWNLOAD_COMPLETED = "download.completed"
    RELEASE_PUBLISHED = "release.published"


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """Event of the feed.

    `event_id` is derived from the event, and the same on every replica.
    `item_ids` are those that were refunded, downloaded or published, and
    empty for other kinds; `amount_minor` is what was paid or refunded, in
    minor units of the order's currency. `at` is in Unix seconds. `number` is
    the place in the feed, 0 until it has one.
    """

    kind: EventKind
    event_id: str
    order_id: str
    item_ids: tuple[str, ...]
    amount_minor: int
    at: int
    number: int = 0


def new_event(
    kind: EventKind,
    *key: object,
    at: int,
    order_id: str = "",
    item_ids: Iterable[str] = (),
    amount_minor: int = 0,
) -> OutgoingEvent:
    """Return an event; `key` tells it from the others of its kind."""
    items = tuple(item_ids)
    text = "\0".join([kind, order_id, *items, *map(str, key)])
    digest = hashlib.sha256(text.encode()).hexdigest()
    return OutgoingEvent(
        kind, f"evt_{digest[:_ID_CHARS]}", order_id, items, amount_minor, at
    )


async def append(
    connection: AsyncConnection, events: Sequence[OutgoingEvent]
) -> None:
    """Number the events, and append those that are not in the feed.

    Needs `Database.write_transaction`: numbers become visible in order.
    """
    by_id = {each.event_id: each for each in events}
    wanted = sorted(by_id)
    for at in range(0, len(wanted), _BATCH):
        known = await connection.scalars(
            select(outgoing_events.c.event_id).where(
                outgoing_events.c.event_id.in_(wanted[at : at + _BATCH])
            )
        )
        for each in known:
            del by_id[each]
    if not by_id:
        return
    first = await _reserve_numbers(connection, len(by_id))
    await connection.execute(
        insert(outgoing_events),
        [
            {
                "number": number,
                "event_id": each.event_id,
                "kind": each.kind.value,
                "order_id": each.order_id,
                "item_ids": " ".join(each.item_ids),
                "amount_minor": each.amount_minor,
                "at": each.at,
            }
            for number, each in enumerate(by_id.values(), first)
        ],
    )


async def read_after(
    connection: AsyncConnection,
    number: int,
    kinds: Iterable[EventKind],
    most: int,
) -> list[OutgoingEvent]:
    """Return the events of some kinds after a number, in their order."""
    column = outgoing_events.c
    rows = await connection.execute(
        select(outgoing_events)
        .where(
            column.number > number,
            column.kind.in_([each.value for each in kinds]),
        )
        .order_by(column.number)
        .limit(most)
    )
    return [
        OutgoingEvent(
            EventKind(row.kind),
            row.event_id,
            row.order_id,
            tuple(row.item_ids.split()),
            row.amount_minor,
            row.at,
            row.number,
        )
        for row in rows
    ]


async def last_number(connection: AsyncConnection) -> int:
    """Return the number of the newest event, 0 if there was none."""
    found = await connection.scalar(
        select(marks.c.value).where(marks.c.name == NUMBER)
    )
    return int(found or 0)


async def publish_releases(
    connection: AsyncConnection,
    release_ids: Iterable[str],
    now: int,
    moved: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Append an event for each release that was never in the library.

    Those of the first call are known from then on, without an event: they
    were published before there was a feed. So is a release that was in the
    library under another id; `moved` maps former ids to present ones.
    """
    known = set(await connection.scalars(select(published_releases.c.item_id)))
    new = sorted(set(release_ids) - known)
    began = await connection.scalar(
        select(marks.c.value).where(marks.c.name == _RELEASES)
    )
    if began is None:
        await connection.execute(
            insert(marks), {"name": _RELEASES, "value": now}
        )
    if not new:
        return
    await connection.execute(
        insert(published_releases),
        [{"item_id": each, "at": now} for each in new],
    )
    renamed = {moved[each] for each in known if each in moved}
    if began is not None:
        kind = EventKind.RELEASE_PUBLISHED
        await append(
            connection,
            [
                new_event(kind, at=now, item_ids=[each])
                for each in new
                if each not in renamed
            ],
        )


async def delete_old(connection: AsyncConnection, now: int) -> None:
    """Delete events older than KEPT_SECONDS, unless they are to be delivered.

    And deliveries that didn't change for as long: those that wait longer are
    of an endpoint that is disabled, or isn't in the settings any more.
    """
    delivery = webhook_deliveries.c
    await connection.execute(
        delete(webhook_deliveries).where(
            delivery.changed_at < now - KEPT_SECONDS
        )
    )
    await connection.execute(
        delete(outgoing_events).where(
            outgoing_events.c.at < now - KEPT_SECONDS,
            outgoing_events.c.number.not_in(select(delivery.number)),
        )
    )


async def _reserve_numbers(connection: AsyncConnection, count: int) -> int:
    """Return the first of as many numbers, none of which is used again."""
    changed = await connection.execute(
        update(marks)
        .where(marks.c.name == NUMBER)
        .values(value=marks.c.value + count)
    )
    if not changed.rowcount:
        await connection.execute(
            insert(marks), {"name": NUMBER, "value": count}
        )
    return await last_number(connection) - count + 1

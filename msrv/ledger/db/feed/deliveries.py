# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Deliveries of events to webhook endpoints: created, claimed, and ended.

A delivery is claimed for some time in a transaction, so that of several
replicas one sends it; a replica that is killed meanwhile loses its claim.
Functions that write need `Database.write_transaction`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    func,
    insert,
    not_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.feed import consumers, outgoing_events
from msrv.ledger.db.feed.consumers import Consumer
from msrv.ledger.db.feed.outgoing_events import (
    WAITING,
    EventKind,
    OutgoingEvent,
)
from msrv.ledger.db.schema import outgoing_events as events
from msrv.ledger.db.schema import webhook_deliveries

_MAX_NEW: Final = 500
_MAX_WAIT_SECONDS: Final = 2 * 86_400
_MAX_CLAIM_SECONDS: Final = 600
"""Both are longer than any, also of a replica with another clock."""
_ANSWER_CHARS: Final = 100


class DeliveryStatus(StrEnum):
    """Status of a delivery."""

    WAITING = WAITING
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery of an event to an endpoint.

    `attempts` are those so far; times are in Unix seconds. `answer` is the
    result of the last attempt: a status of HTTP, or why there was none.
    """

    endpoint: str
    event: OutgoingEvent
    status: DeliveryStatus
    attempts: int
    due_at: int
    changed_at: int
    answer: str


def consumer_name(endpoint: str) -> str:
    """Return the name of an endpoint's row among the consumers."""
    return f"webhook-{endpoint}"


async def load_state(
    connection: AsyncConnection, endpoint: str, now: int
) -> Consumer | None:
    """Return an endpoint's state, None for one that is new."""
    known = await consumers.load(connection, consumer_name(endpoint))
    return known and known.corrected(now, _MAX_WAIT_SECONDS)


async def add_new(
    connection: AsyncConnection,
    endpoint: str,
    kinds: Iterable[EventKind],
    now: int,
) -> Consumer:
    """Create the deliveries of new events, and return the endpoint's state.

    An endpoint that is new gets what happens from now on.
    """
    name = consumer_name(endpoint)
    known = await load_state(connection, endpoint, now)
    newest = await outgoing_events.last_number(connection)
    if known is None:
        known = Consumer(name, newest)
        await consumers.save(connection, known)
        return known
    if known.number >= newest:
        return known
    found = await outgoing_events.read_after(
        connection, known.number, kinds, _MAX_NEW
    )
    if found:
        await connection.execute(
            insert(webhook_deliveries),
            [
                {
                    "endpoint": endpoint,
                    "number": each.number,
                    "status": WAITING,
                    "attempts": 0,
                    "due_at": now,
                    "claimed_until": 0,
                    "changed_at": now,
                    "answer": "",
                }
                for each in found
            ],
        )
    told = found[-1].number if len(found) == _MAX_NEW else newest
    known = Consumer(name, told, known.paused_until, known.disabled_at)
    await consumers.save(connection, known)
    return known


async def has_work(
    connection: AsyncConnection, endpoint: str, now: int
) -> bool:
    """Return whether there are new events, or deliveries that are due."""
    known = await load_state(connection, endpoint, now)
    if known is None:
        return True
    if known.number < await outgoing_events.last_number(connection):
        return True
    if known.disabled_at is not None or known.paused_until > now:
        return False
    due = await connection.scalar(
        select(webhook_deliveries.c.number)
        .where(_is_due(endpoint, now))
        .limit(1)
    )
    return due is not None


async def claim(
    connection: AsyncConnection,
    endpoint: str,
    now: int,
    until: int,
    most: int,
) -> list[Delivery]:
    """Claim deliveries that are due, the earliest first."""
    found = await _read(
        connection,
        _select()
        .where(_is_due(endpoint, now))
        .order_by(webhook_deliveries.c.due_at, webhook_deliveries.c.number)
        .limit(most),
    )
    if found:
        await connection.execute(
            update(webhook_deliveries)
            .where(
                webhook_deliveries.c.endpoint == endpoint,
                webhook_deliveries.c.number.in_(
                    [each.event.number for each in found]
                ),
            )
            .values(claimed_until=until)
        )
    return found


async def end_attempt(
    connection: AsyncConnection,
    delivery: Delivery,
    status: DeliveryStatus,
    *,
    answer: str,
    due_at: int,
    now: int,
) -> None:
    """Store the result of an attempt, and end its claim.

    Nothing changes for a delivery that has been delivered meanwhile.
    """
    column = webhook_deliveries.c
    await connection.execute(
        update(webhook_deliveries)
        .where(
            column.endpoint == delivery.endpoint,
            column.number == delivery.event.number,
            column.status == WAITING,
        )
        .values(
            status=status.value,
            attempts=delivery.attempts + 1,
            due_at=due_at,
            claimed_until=0,
            changed_at=now,
            answer=answer[:_ANSWER_CHARS],
        )
    )


async def send_again(
    connection: AsyncConnection, endpoint: str, number: int, now: int
) -> OutgoingEvent | None:
    """Make a delivery due, from its first attempt on.

    Returns its event, None for a delivery that there isn't.
    """
    column = webhook_deliveries.c
    found = await _read(
        connection,
        _select().where(column.endpoint == endpoint, column.number == number),
    )
    if not found:
        return None
    await connection.execute(
        update(webhook_deliveries)
        .where(column.endpoint == endpoint, column.number == number)
        .values(status=WAITING, attempts=0, due_at=now, claimed_until=0)
    )
    return found[0].event


async def list_latest(
    connection: AsyncConnection, endpoint: str, most: int
) -> list[Delivery]:
    """Return the deliveries of the newest events, the newest first."""
    column = webhook_deliveries.c
    return await _read(
        connection,
        _select()
        .where(column.endpoint == endpoint)
        .order_by(column.number.desc())
        .limit(most),
    )


async def count_by_status(
    connection: AsyncConnection, endpoint: str
) -> dict[DeliveryStatus, int]:
    """Return the number of an endpoint's deliveries in each status."""
    column = webhook_deliveries.c
    rows = await connection.execute(
        select(column.status, func.count())
        .where(column.endpoint == endpoint)
        .group_by(column.status)
    )
    return {DeliveryStatus(status): count for status, count in rows}


def _is_due(endpoint: str, now: int) -> ColumnElement[bool]:
    """Return the condition of a delivery that may be attempted.

    Times too far ahead are those of a clock that was set back since.
    """
    column = webhook_deliveries.c
    return and_(
        column.endpoint == endpoint,
        column.status == WAITING,
        not_(column.due_at.between(now + 1, now + _MAX_WAIT_SECONDS)),
        not_(column.claimed_until.between(now + 1, now + _MAX_CLAIM_SECONDS)),
    )


def _select() -> Select[Any]:
    return select(webhook_deliveries, events).join(
        events, events.c.number == webhook_deliveries.c.number
    )


async def _read(
    connection: AsyncConnection, wanted: Select[Any]
) -> list[Delivery]:
    found = []
    for row in (await connection.execute(wanted)).mappings():
        delivery, event = webhook_deliveries.c, events.c
        found.append(
            Delivery(
                row[delivery.endpoint],
                OutgoingEvent(
                    EventKind(row[event.kind]),
                    row[event.event_id],
                    row[event.order_id],
                    tuple(row[event.item_ids].split()),
                    row[event.amount_minor],
                    row[event.at],
                    row[event.number],
                ),
                DeliveryStatus(row[delivery.status]),
                row[delivery.attempts],
                row[delivery.due_at],
                row[delivery.changed_at],
                row[delivery.answer],
            )
        )
    return found

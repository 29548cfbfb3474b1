# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Events of the feed that the seller hasn't been mailed yet.

The consumer's row says how far the seller has been told, and, marked every
hour, that there are notifications. So a store whose notifications were off for
days, and are on again, tells what happened within the last day and nothing
older, as the first start with them tells nothing from before.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.feed import consumers, outgoing_events
from msrv.ledger.db.feed.consumers import Consumer
from msrv.ledger.db.feed.outgoing_events import EventKind, OutgoingEvent

MOST: Final = 1000
MARK_SECONDS: Final = 3600
"""Pause between two marks that there are notifications."""
OFF_SECONDS: Final = 86_400
"""Time without a mark after which there were no notifications."""
_MAX_PAUSE_SECONDS: Final = 2 * 3600
"""Longer than any pause, also of a replica with another clock."""
_CONSUMER: Final = "mail"


async def has_work(connection: AsyncConnection, now: int) -> bool:
    """Return whether there may be events to tell, or a mark to set."""
    known = await _load(connection, now)
    if known is None:
        return True
    if now < known.paused_until:
        return False
    newest = await outgoing_events.last_number(connection)
    return known.number < newest or now >= known.paused_until + MARK_SECONDS


async def read_unread(
    connection: AsyncConnection,
    kinds: Iterable[EventKind],
    now: int,
    *,
    may_have_been_off: bool,
) -> list[OutgoingEvent] | None:
    """Return the events to tell, None if there are none at all.

    An empty list means that those which were read are too old: there may be
    more. Needs `Database.write_transaction`, in which `mark_told` follows.
    """
    known = await _load(connection, now)
    newest = await outgoing_events.last_number(connection)
    if known is None:
        # What happened before there were notifications is known.
        await consumers.save(connection, Consumer(_CONSUMER, newest, now))
        return None
    if now < known.paused_until:
        return None  # another replica has told it
    events = await outgoing_events.read_after(
        connection, known.number, kinds, MOST
    )
    if not events:
        # Those of other topics aren't told when one is added later.
        await consumers.save(connection, Consumer(_CONSUMER, newest, now))
        return None
    if not may_have_been_off or now - known.paused_until <= OFF_SECONDS:
        return events
    recent = [each for each in events if each.at > now - OFF_SECONDS]
    if not recent:
        passed = Consumer(_CONSUMER, events[-1].number, known.paused_until)
        await consumers.save(connection, passed)
    return recent


async def mark_told(
    connection: AsyncConnection, last: OutgoingEvent, paused_until: int
) -> None:
    """Store that everything up to an event was told, and until when to wait.

    Needs `Database.write_transaction`.
    """
    await consumers.save(
        connection, Consumer(_CONSUMER, last.number, paused_until)
    )


async def _load(connection: AsyncConnection, now: int) -> Consumer | None:
    known = await consumers.load(connection, _CONSUMER)
    return known and known.corrected(now, _MAX_PAUSE_SECONDS)

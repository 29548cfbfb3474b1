# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The pace that a receiver sets by `Retry-After`."""

from msrv.ledger.db.feed import consumers, deliveries
from msrv.ledger.db.feed.outgoing_events import EventKind
from msrv.ledger.ledger import Ledger
from msrv.outgoing_webhooks import schedule
from msrv.outgoing_webhooks.worker import LEASE_SECONDS
from tests.conftest import Clock
from tests.ledger.sample_events import NOON, sale
from tests.outgoing_webhooks.conftest import NewSender, deliver, record, rows
from tests.outgoing_webhooks.receiver import (
    WebhookServer,
    retry_after,
)

HUGE_YEAR = "Fri, 15 Jan 99999999999999999999 08:05:00"


async def test_receiver_sets_the_pace_and_can_leave(
    ledger: Ledger, clock: Clock, server: WebhookServer, new_sender: NewSender
) -> None:
    sender = new_sender(server.url)
    await deliver(sender)
    await record(ledger, sale(1))
    server.answers = [retry_after(429, "900"), retry_after(503, "junk"), 410]
    await deliver(sender)
    await record(ledger, sale(2))
    clock.now += 899
    assert await deliver(sender) == 0  # the new one waits, too
    clock.now += 1
    assert await deliver(sender) == 2  # 503, 410
    clock.now += 3 * 86_400
    await record(ledger, sale(3))
    assert await deliver(sender) == 0
    name = deliveries.consumer_name(sender.receivers[0].endpoint_id)
    async with ledger.write_transaction() as connection:
        state = await consumers.load(connection, name)
        assert state is not None
        assert state.disabled_at is not None
        await consumers.save(
            connection, consumers.Consumer(name, state.number)
        )
    assert await deliver(sender) == 3
    assert len(server.effects) == 3
    assert {each[0] for each in await rows(ledger)} == {"delivered"}


def test_pause_is_a_day_at_most() -> None:
    for text, expected in (
        ("120", NOON + 120),
        ("0", NOON),
        ("999999", NOON + 86_400),
        ("Fri, 15 Jan 2027 08:05:00 GMT", NOON + 300),
        ("Fri, 15 Jan 9999 23:59:59 -2359", NOON + 86_400),
        ("junk", None),
    ):
        assert schedule.paused_until(text, NOON) == expected


async def test_hostile_retry_after_loses_no_result_of_its_batch(
    ledger: Ledger, server: WebhookServer, new_sender: NewSender
) -> None:
    sender = new_sender(server.url)
    await deliver(sender)
    await record(ledger, sale(1), sale(2))
    server.answers = [retry_after(503, f"{HUGE_YEAR} GMT"), 204]
    assert await deliver(sender) == 2
    assert sorted(await rows(ledger)) == [
        ("delivered", 1, "204"),
        ("waiting", 1, "503"),
    ]


async def test_clock_that_was_ahead_delays_no_webhook(
    ledger: Ledger, clock: Clock, server: WebhookServer, new_sender: NewSender
) -> None:
    """It paused the endpoint, and its deliveries are due long from now."""
    sender = new_sender(server.url)
    await deliver(sender)
    now = clock.now
    clock.now += 400 * 86_400
    await record(ledger, sale(1), sale(2))
    server.answers = [retry_after(503, "900"), 204]
    assert await deliver(sender) == 2
    name = sender.receivers[0].endpoint_id
    async with ledger.write_transaction() as connection:
        await deliveries.add_new(connection, name, EventKind, clock.now)
    await record(ledger, sale(3))
    async with ledger.write_transaction() as connection:
        await deliveries.add_new(connection, name, EventKind, clock.now)
        await deliveries.claim(
            connection, name, clock.now, clock.now + LEASE_SECONDS, 8
        )
    clock.now = now
    assert await deliver(sender) == 2
    assert {each[0] for each in await rows(ledger)} == {"delivered"}

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Each event once: with replicas, at a stop, after a ledger was away."""

import asyncio
import json
from typing import Any

import pytest

from msrv.ledger.db.feed import deliveries
from msrv.ledger.errors import LedgerError
from msrv.ledger.ledger import Ledger
from msrv.outgoing_webhooks.worker import LEASE_SECONDS, WebhookSender
from msrv.settings import Settings
from tests.conftest import Clock
from tests.ledger.sample_events import order_id, sale
from tests.outgoing_webhooks.conftest import (
    NewSender,
    deliver,
    record,
    rows,
    sender_of,
)
from tests.outgoing_webhooks.receiver import (
    SECRET,
    WebhookServer,
    hang,
)


async def test_sale_of_a_ledger_that_was_away_is_told_later_and_once(
    ledger: Ledger,
    settings: Settings,
    clock: Clock,
    server: WebhookServer,
    new_sender: NewSender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("msrv.ledger.db.sync._IDLE_SECONDS", 0.05)
    monkeypatch.setattr("msrv.ledger.db.sync._ORPHANS_SECONDS", 0.05)
    sender = new_sender(server.url)
    await deliver(sender)
    nowhere = "mysql://a:b@127.0.0.1:1/x"
    async with Ledger(settings.data, nowhere, clock) as away:
        await away.record_sale(sale(1))
        away_sender = sender_of(server.url, away, clock)
        with pytest.raises(LedgerError):
            await deliver(away_sender)
    await ledger.record_sale(sale(2))  # wakes the sync
    while len(server.received) < 2:
        await deliver(sender)
    await record(ledger, sale(1))  # as if its spool were read again
    assert await deliver(sender) == 0
    assert len(server.received) == len(server.effects) == 2


async def test_two_replicas_send_each_event_once(
    ledger: Ledger, server: WebhookServer, new_sender: NewSender
) -> None:
    senders = [new_sender(server.url) for _ in range(2)]
    await deliver(senders[0])
    await record(ledger, *(sale(number) for number in range(30)))

    async def all_of(sender: WebhookSender) -> None:
        while await deliver(sender):
            pass

    await asyncio.gather(*(all_of(each) for each in senders))
    assert len(server.received) == len(server.effects) == 30


async def test_result_that_is_being_stored_is_stored_before_a_stop(
    ledger: Ledger,
    server: WebhookServer,
    new_sender: NewSender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender = new_sender(server.url)
    await deliver(sender)
    await record(ledger, sale(1))
    storing, end_attempt = asyncio.Event(), deliveries.end_attempt

    async def observed(*arguments: Any, **options: Any) -> None:  # noqa: ANN401 - those of end_attempt
        storing.set()
        await end_attempt(*arguments, **options)

    monkeypatch.setattr(deliveries, "end_attempt", observed)
    task = asyncio.create_task(deliver(sender))
    await storing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await rows(ledger) == [("delivered", 1, "204")]


async def test_crash_at_any_moment_repeats_the_same_event(
    ledger: Ledger, clock: Clock, server: WebhookServer, new_sender: NewSender
) -> None:
    """Sixteen crashes: before, during and after the receiver's answer."""
    sender = new_sender(server.url)
    await deliver(sender)
    await record(ledger, *(sale(number) for number in range(6)))
    bodies: dict[str, bytes] = {}
    for crash in range(16):
        arrived = asyncio.Event()
        server.on_request = arrived.set
        server.answers = [hang] * (8 * (crash % 2))
        task = asyncio.create_task(deliver(sender))
        if crash % 4 != 3:
            await asyncio.wait(
                [task, asyncio.create_task(arrived.wait())],
                return_when=asyncio.FIRST_COMPLETED,
            )
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if crash == 3:
            await record(ledger, sale(6))
        clock.now += LEASE_SECONDS
    server.answers, server.on_request = [], lambda: None
    for _ in range(4):
        clock.now += 86_400
        await deliver(sender)
    for each in server.received:
        assert bodies.setdefault(each.event_id, each.body) == each.body
        assert each.is_signed_by(SECRET)
    orders = {json.loads(each)["data"]["order_id"] for each in bodies.values()}
    assert orders == {order_id(number) for number in range(7)}
    assert len(server.effects) == 7
    assert {each[0] for each in await rows(ledger)} == {"delivered"}

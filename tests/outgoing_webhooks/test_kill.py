# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`kill -9` between an event and its delivery: nothing is lost or doubled.

`test_worker` has sixteen crashes within a process; these four are real.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from msrv.ledger.db.projection import apply_events
from msrv.ledger.ledger import Ledger
from msrv.outgoing_webhooks.worker import LEASE_SECONDS
from msrv.settings import Settings
from tests.conftest import Clock
from tests.ledger.sample_events import sale
from tests.outgoing_webhooks.conftest import NewSender, deliver
from tests.outgoing_webhooks.receiver import WebhookServer, hang

ROOT = Path(__file__).parents[2]
KILLS = 4


@pytest.mark.slow
async def test_killed_processes_lose_no_event_and_repeat_its_id(
    ledger: Ledger,
    settings: Settings,
    clock: Clock,
    server: WebhookServer,
    new_sender: NewSender,
) -> None:
    await deliver(new_sender(server.url))  # the endpoint is known
    async with ledger.write_transaction() as connection:
        await apply_events(connection, [sale(each) for each in range(10)])
    for kill in range(KILLS):
        arrived = asyncio.Event()
        server.on_request = arrived.set
        # Killed while it waits for the answer, or as the answer arrives.
        server.answers = [*[204] * kill, *[hang] * 20 * (kill % 2)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.outgoing_webhooks.sender_process",
            str(settings.data),
            server.url,
            str(clock.now),
            cwd=ROOT,
        )
        await asyncio.wait_for(arrived.wait(), 60)
        process.kill()
        await process.wait()
        clock.now += LEASE_SECONDS
    server.answers, server.on_request = [], lambda: None
    sender = new_sender(server.url)
    for _ in range(4):
        clock.now += 86_400
        await deliver(sender)
    assert len(server.received) > 10
    assert len(server.effects) == 10

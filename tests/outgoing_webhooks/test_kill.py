# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`kill -9` of the store between a sale and its delivery to a webhook.

`test_once` has sixteen crashes within a process. These are real, of the whole
store, and few, since each takes a start: one before anything is sent, one
while the receiver answers, one after that. `MSRV_TEST_KILLS=20` makes more.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outgoing_webhooks.receiver import SECRET, WebhookServer, hang
from tests.polling import wait_until
from tests.store_process import StoreProcess, launch_store

SECONDS = 120
KILLS = int(os.environ.get("MSRV_TEST_KILLS", "3"))


@pytest.fixture
def stores() -> Iterator[list[StoreProcess]]:
    """Stores that were started: they end with the test, however it ends."""
    found: list[StoreProcess] = []
    yield found
    for each in found:
        each.stop()


async def start(
    stores: list[StoreProcess],
    folder: Path,
    library: Path,
    server: WebhookServer,
) -> StoreProcess:
    """Start the store, on the data of the one that was killed."""
    store = await asyncio.to_thread(
        lambda: launch_store(
            folder,
            MSRV_LIBRARY=str(library),
            MSRV_DEMO_PAYMENTS="1",
            MSRV_TLS="off",
            MSRV_SETTLE_SECONDS="0",
            MSRV_WEBHOOKS=f"{server.url} {SECRET}",
            MSRV_PRIVATE_HOSTS="127.0.0.1",
        )
    )
    stores.append(store)
    return store


def execute(store: StoreProcess, statement: str) -> list[object]:
    """Execute a statement on the store's database; return the first column."""
    path = Path(store.environ["MSRV_DATA"], "ledger.sqlite3")
    with sqlite3.connect(path, timeout=30) as connection:
        found = [row[0] for row in connection.execute(statement)]
    connection.close()
    return found


def knows_endpoint(store: StoreProcess) -> bool:
    """Return whether the database has the endpoint; it may have no tables."""
    with contextlib.suppress(sqlite3.OperationalError):
        return bool(execute(store, "SELECT 1 FROM event_consumers"))
    return False


@pytest.mark.slow
async def test_killed_stores_lose_no_event_and_repeat_its_id(
    tmp_path: Path,
    library: Path,
    server: WebhookServer,
    stores: list[StoreProcess],
) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    store = await start(stores, folder, library, server)
    # The endpoint is told what happens from now on.
    await wait_until(lambda: knows_endpoint(store), SECONDS)
    bought = set()
    for kill in range(KILLS):
        arrived = asyncio.Event()
        server.on_request = arrived.set
        # Killed while it waits for the answer, as the answer arrives, or
        # before it has sent anything.
        server.answers = [*[hang] * 50 * (kill % 3 == 0)]
        form = [("item", "departure"), ("provider", "demo")]
        answer = await asyncio.to_thread(
            store.request_json, "/purchases", form
        )
        bought.add(answer["order_id"])
        if kill % 3 < 2:
            await asyncio.wait_for(arrived.wait(), SECONDS)
        store.process.kill()
        await asyncio.to_thread(store.stop)
        # As if its claims had ended, which takes a minute.
        execute(
            store,
            "UPDATE webhook_deliveries SET claimed_until = 0, due_at = 0 "
            "WHERE status = 'waiting' RETURNING 1",
        )
        server.answers = []
        store = await start(stores, folder, library, server)
    server.on_request = lambda: None
    await wait_until(
        lambda: (
            len(server.effects) >= len(bought)
            and set(execute(store, "SELECT status FROM webhook_deliveries"))
            == {"delivered"}
        ),
        SECONDS,
    )
    assert await asyncio.to_thread(store.stop) == 0
    paid = [
        each for each in server.received if "order_id" in each.data["data"]
    ]
    assert len(bought) == KILLS
    assert {each.data["data"]["order_id"] for each in paid} == bought
    assert len(server.effects) == KILLS
    bodies = {each.event_id: each.body for each in paid}
    for each in paid:
        assert each.body == bodies[each.event_id]
        assert each.is_signed_by(SECRET)

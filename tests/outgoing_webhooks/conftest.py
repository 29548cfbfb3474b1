# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A ledger, a receiver, and senders between the two."""

import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import select

from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.model import Catalog, Shop
from msrv.ledger.db import schema
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Event
from msrv.ledger.ledger import Ledger
from msrv.outgoing_webhooks.worker import (
    Receiver,
    WebhookSender,
)
from msrv.settings import Settings
from msrv.settings.delivery_types import parse_webhooks
from tests.conftest import Clock
from tests.outgoing_webhooks.receiver import (
    SECRET,
    WebhookServer,
    new_receiver,
    serve,
)
from tests.polling import wait_until
from tests.shared_store_parts import SharedStoreParts

CATALOG = Catalog(Shop(), (), (), "1", {}, {})
HOSTS = ("127.0.0.1", "localhost")
NewSender = Callable[..., WebhookSender]


@pytest.fixture
async def server() -> AsyncIterator[WebhookServer]:
    """A receiver that runs."""
    found = new_receiver()
    async with serve(found):
        yield found


@pytest.fixture
async def ledger(
    settings: Settings, clock: Clock, shared_store_parts: SharedStoreParts
) -> AsyncIterator[Ledger]:
    """A ledger that is ready; its clock starts now, as the judge's does."""
    clock.now = int(time.time())
    shared_store_parts.data_folder.copy_to(settings.data)
    async with Ledger(settings.data, None, clock) as found:
        await wait_until(lambda: found.is_database_ready)
        yield found


@pytest.fixture
def new_sender(ledger: Ledger, clock: Clock) -> NewSender:
    """Return a sender that sends only when a test says so."""

    def new(line: str, hosts: tuple[str, ...] = HOSTS) -> WebhookSender:
        return sender_of(line, ledger, clock, hosts)

    return new


def sender_of(
    line: str,
    ledger: Ledger,
    clock: Callable[[], int],
    hosts: tuple[str, ...] = HOSTS,
) -> WebhookSender:
    """Return a sender to the endpoint of a line, `URL` or as the setting."""
    text = line if " " in line else f"{line} {SECRET}"
    return WebhookSender(
        [
            Receiver(each, allow_private=bool(hosts))
            for each in parse_webhooks(text, HOSTS)
        ],
        ledger=ledger,
        catalog=cast(
            "LiveCatalog",
            SimpleNamespace(current=Catalog(Shop(), (), (), "1", {}, {})),
        ),
        base_url="https://shop.example",
        clock=clock,
        rand=lambda: 0.0,
    )


async def deliver(sender: WebhookSender) -> int:
    """Make the attempts that are due, and return their number."""
    return await sender.deliver_due(sender.receivers[0])


async def record(ledger: Ledger, *events: Event) -> None:
    async with ledger.write_transaction() as connection:
        await apply_events(connection, events)


async def rows(ledger: Ledger) -> list[tuple[str, int, str]]:
    """Return status, attempts and answer of each delivery, by event."""
    column = schema.webhook_deliveries.c
    async with ledger.read_transaction() as connection:
        found = await connection.execute(
            select(column.status, column.attempts, column.answer).order_by(
                column.number
            )
        )
        return [tuple(row) for row in found]

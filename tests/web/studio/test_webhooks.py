# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The studio's page of webhooks: what was delivered, and sending it again."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from pydantic import SecretStr

from msrv.ledger.db.feed import consumers, deliveries
from msrv.settings import Settings
from tests.conftest import StartStore
from tests.ledger.sample_events import order_id, sale
from tests.outgoing_webhooks.receiver import (
    SECRET,
    WebhookServer,
    new_receiver,
    serve,
)
from tests.polling import wait_until
from tests.store_parts import store_of
from tests.web.studio.conftest import JSON, Studio

POLL_SECONDS: Final = 0.02


async def start(
    start_store: StartStore,
    settings: Settings,
    session: str,
    server: WebhookServer,
) -> Studio:
    store = await start_store(
        settings.model_copy(
            update={
                "webhooks": SecretStr(
                    f"{server.url}-private/private?key=private {SECRET}"
                ),
                "private_hosts": ("127.0.0.1",),
            }
        )
    )
    studio = Studio(store, session)
    await studio.wait_until_synced()
    return studio


async def shown(studio: Studio) -> dict[str, Any]:
    """Return the JSON of the only endpoint."""
    (found,) = (await studio.data("/studio/webhooks"))["endpoints"]
    assert isinstance(found, dict)
    return found


async def wait_for(
    studio: Studio, check: Callable[[dict[str, Any]], object]
) -> None:
    """Send what is due until the endpoint is as wanted."""
    while not check(await shown(studio)):
        store_of(studio.store).outgoing_webhooks.wake()
        await asyncio.sleep(POLL_SECONDS)


async def test_running_store_delivers_and_the_studio_sends_again(
    start_store: StartStore, settings: Settings, session: str
) -> None:
    server = new_receiver()
    server.answers = [500, 410]
    async with serve(server):
        studio = await start(start_store, settings, session, server)
        sender = store_of(studio.store).outgoing_webhooks
        (receiver,) = sender.receivers
        name = deliveries.consumer_name(receiver.endpoint_id)
        state = None
        while state is None:
            sender.wake()
            async with studio.ledger.read_transaction() as connection:
                state = await consumers.load(connection, name)
            await asyncio.sleep(POLL_SECONDS)
        assert "Nothing has happened" in await studio.text("/studio/webhooks")
        await studio.ledger.record_sale(sale(1))
        await studio.ledger.wait_until_synced()
        sender.wake()
        await wait_until(lambda: server.received)

        found = await shown(studio)
        assert found["url"] == f"http://127.0.0.1:{server.port}"
        assert found["endpoint"] == receiver.endpoint_id
        page = await studio.text("/studio/webhooks")
        assert f"{found['url']} ({receiver.endpoint_id[:6]})" in page
        assert "hook-" not in page
        assert "private" not in page
        assert SECRET not in page
        assert "order.paid" in page
        assert f'/studio/orders/{order_id(1)}"' in page
        again = {"endpoint": receiver.endpoint_id, "number": "1"}
        await wait_for(
            studio, lambda found: found["deliveries"][0]["attempts"]
        )
        answer = await studio.post("/studio/webhooks", **again)
        assert answer.status == 303
        await wait_for(studio, lambda found: found["disabled"])
        assert "(410)" in await studio.text("/studio/webhooks")
        answer = await studio.post(
            "/studio/webhooks", JSON, endpoint=receiver.endpoint_id, enable="1"
        )
        assert await answer.json() == {
            "endpoint": receiver.endpoint_id,
            "done": "enable-webhook",
        }
        await studio.post("/studio/webhooks", **again)
        await wait_for(studio, lambda found: found["delivered"] == 1)
        assert len(server.effects) == 1
        for wrong in (
            {"endpoint": "x", "number": "1"},
            {"endpoint": receiver.endpoint_id, "number": "2"},
            {"endpoint": receiver.endpoint_id, "number": "-1"},
            {"endpoint": receiver.endpoint_id},
        ):
            answer = await studio.post("/studio/webhooks", **wrong)
            assert answer.status == 404
        await studio.ledger.wait_until_synced()
        acts = await studio.text("/studio/activity")
        assert "sent a webhook again" in acts
        assert server.received[0].event_id in acts


async def test_store_without_endpoints_has_no_link_to_the_page(
    studio: Studio,
) -> None:
    page = await studio.text("/studio")
    assert "/studio/webhooks" not in page
    assert "No webhooks" in await studio.text("/studio/webhooks")

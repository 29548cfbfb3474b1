# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Limits on how many free orders the ledger records."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from yarl import URL

from msrv.ledger.db import schema
from msrv.orders import rate_limits
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.polling import wait_until
from tests.store_parts import ledger_of, rows, wait_for_database

JSON = {"Accept": "application/json"}


async def order_free_item(store: Client, client: str = "198.51.100.1") -> str:
    """Order a free item, and return the receipt's path."""
    answer = await store.post(
        "/purchases",
        data={"item": "zine"},
        headers=JSON | {"X-Forwarded-For": client},
    )
    assert answer.status == 201
    found = await answer.json()
    return URL(found["receipt"]).raw_path


@pytest.fixture
async def shop(start_store: StartStore, settings: Settings) -> Client:
    """Return a store behind a proxy that has reached its database."""
    store = await start_store(
        settings.model_copy(
            update={"trusted_proxies": (ip_network("127.0.0.0/8"),)}
        )
    )
    await wait_for_database(store)
    return store


async def test_free_orders_of_one_network_are_recorded_up_to_a_limit(
    shop: Client, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Beyond it, buyers still get their receipts."""
    burst = rate_limits.FREE_ORDER_LINES.burst
    # All but two of them.
    shop.app[STORE].limits.free_order_lines.spend(
        (4, int.from_bytes(bytes([198, 51, 100, 1]))),
        now=clock.now,
        cost=burst - 2,
    )
    paths = [await order_free_item(shop) for _ in range(10)]
    assert len(await rows(shop, schema.orders)) == 2
    # Nobody loses anything: all have receipts, and links that work.
    assert len(set(paths)) == 10
    for path in paths:
        found = await (await shop.get(path, headers=JSON)).json()
        link = URL(found["items"][0]["download"])
        answer = await shop.get(link.raw_path)
        assert answer.status == 200
        await answer.read()
    # It is said once, and counted.
    said = [r for r in caplog.records if "too many free" in r.getMessage()]
    assert len(said) == 1
    figures = await (await shop.get("/-/metrics")).text()
    assert 'msrv_limited_total{limit="free_orders"} 8.0' in figures
    # Another network's are written down, and this one's a while later.
    await order_free_item(shop, "198.51.100.2")
    clock.now += 10
    await order_free_item(shop)
    assert len(await rows(shop, schema.orders)) == 4


async def test_free_orders_of_all_networks_are_recorded_up_to_a_limit(
    shop: Client, clock: Clock
) -> None:
    limiter = shop.app[STORE].limits.free_order_lines
    each = rate_limits.ALL_FREE_ORDER_LINES.burst // 100
    for number in range(100):
        limiter.spend(number, now=clock.now, cost=each)
    await order_free_item(shop)
    assert await rows(shop, schema.orders) == []


async def test_paid_orders_are_recorded_beyond_the_limit(
    shop: Client, clock: Clock
) -> None:
    limiter = shop.app[STORE].limits.free_order_lines
    limiter.spend(
        "all", now=clock.now, cost=rate_limits.ALL_FREE_ORDER_LINES.burst
    )
    answer = await shop.post(
        "/purchases", data={"item": "night-bus"}, allow_redirects=False
    )
    await shop.post(answer.headers["Location"], data={"answer": "pay"})
    (sold,) = await rows(shop, schema.orders)
    assert sold["total_minor"] == 700


async def test_free_orders_by_a_limited_discount_are_recorded_beyond_the_limit(
    start_store: StartStore, settings: Settings, library: Path, clock: Clock
) -> None:
    with (library / "store.toml").open("a", encoding="utf-8") as file:
        file.write("\n[discounts.GIFT]\npercent = 100\nuses = 2\n")
        file.write("\n[discounts.ALL]\npercent = 100\n")
    store = await start_store(settings)
    ledger = ledger_of(store)
    await wait_until(lambda: ledger.is_database_ready)
    store.app[STORE].limits.free_order_lines.spend(
        "all", now=clock.now, cost=rate_limits.ALL_FREE_ORDER_LINES.burst
    )
    for discount in ("GIFT", "ALL"):
        answer = await store.post(
            "/purchases",
            data={"item": "night-bus", "discount": discount},
            headers=JSON,
        )
        assert answer.status == 201
    assert len(await rows(store, schema.orders)) == 1
    (used,) = await rows(store, schema.redemptions)
    assert used["code_id"].startswith("discount.gift.")

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time of the studio's pages, with ten thousand orders and with a million.

A real request over loopback, from its first byte to the last of the response,
client included, to a store on SQLite and to those on MariaDB
and PostgreSQL where installed.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from bench import ledger_data
from bench.ledger import (
    LARGE,
    SMALL,
    fill_mariadb,
    fill_postgresql,
    fill_sqlite,
)
from bench.measuring import NONCE, Figure, interleave
from msrv import settings as settings_room
from msrv.app import create_app
from msrv.ledger.ledger import Ledger
from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from msrv.web.store import STORE
from msrv.web.studio.auth import COOKIE
from tests.ledger import mariadb_server, postgresql_server
from tests.ledger.mariadb_server import MariaDBServer

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
ASKED = 5
NOW = ledger_data.NOW

PAGES = {
    "today": "/studio",
    "sales of 30 days": "/studio/sales",
    "sales of all time": "/studio/sales?span=all",
    "best sellers": "/studio/sellers",
    "releases": "/studio/releases",
    "newest orders": "/studio/orders",
    "orders of an item": "/studio/orders?item=item-1",
    "orders of a month in a currency": (
        "/studio/orders?from=2026-01-01&to=2026-01-31&currency=USD"
    ),
    "downloads of a day": "/studio/downloads/list",
    "orders, far down": (
        f"/studio/orders?after={NOW - 900 * 86_400}.{ledger_data.order_id(7)}"
    ),
    "an order by its number": (
        f"/studio/orders?q={ledger_data.order_id(77)[:8]}"
    ),
    "an order by its reference": "/studio/orders?q=ch_777",
    "one order": f"/studio/orders/{ledger_data.order_id(777)}",
    "asking to revoke": f"/studio/orders/{ledger_data.order_id(777)}/revoke",
    "downloads of 12 months": "/studio/downloads?span=year",
    "refunds": "/studio/refunds",
    "health": "/studio/health",
}


def measure(folder: Path) -> list[Figure]:
    """Measure each page; return milliseconds."""
    urls = {count: fill_sqlite(folder, count) for count in (SMALL, LARGE)}
    figures = _figures("SQLite", folder, urls)
    return figures + _mariadb_figures(folder) + _postgresql_figures(folder)


def _mariadb_figures(folder: Path) -> list[Figure]:
    program = mariadb_server.find()
    if program is None:
        print("MariaDB's server is not installed: left out")
        return []
    server = MariaDBServer(program, folder / "mariadb", pool="1G")
    server.install()
    try:
        urls = {
            count: fill_mariadb(server, folder, count)
            for count in (SMALL, LARGE)
        }
        return _figures("MariaDB", folder, urls)
    finally:
        server.stop()


def _postgresql_figures(folder: Path) -> list[Figure]:
    programs = postgresql_server.find()
    if programs is None:
        print("PostgreSQL's server is not installed: left out")
        return []
    with postgresql_server.running(programs, "1GB") as server:
        urls = {
            count: fill_postgresql(server, count) for count in (SMALL, LARGE)
        }
        return _figures("PostgreSQL", folder, urls)


def _figures(kind: str, folder: Path, urls: dict[int, str]) -> list[Figure]:
    """Request each page of a store of each size, in turns."""
    keyring = Keyring.from_nonces(NONCE, accepts_simulated=True)
    session = sign_in.issue(
        keyring, sign_in.TicketKind.SESSION, NOW, os.urandom
    )
    figures = []
    with asyncio.Runner() as runner:
        stores = {
            count: runner.run(_start(keyring, folder / f"{kind}-{count}", url))
            for count, url in urls.items()
        }
        for name, path in PAGES.items():
            candidates = {
                f"{kind}, {name}, {count:,}": _asks(
                    runner, store, path, f"{COOKIE}={session}"
                )
                for count, store in stores.items()
            }
            figures += interleave(candidates, rounds=ROUNDS, unit="ms")
        for store in stores.values():
            runner.run(store.close())
    return figures


async def _start(
    keyring: Keyring, data: Path, url: str
) -> "TestClient[Any, Any]":
    """Start a store on a ledger, at the time of its last order."""
    found = settings_room.load({"MSRV_DATA": str(data), "MSRV_DATABASE": url})
    app = create_app(found, keyring, clock=lambda: NOW)
    client = TestClient(TestServer(app))
    await client.start_server()
    await app[STORE].catalog.ready()
    ledger = app[STORE].ledger
    assert isinstance(ledger, Ledger)  # noqa: S101 - it was just made
    await ledger.wait_until_synced()
    return client


def _asks(
    runner: asyncio.Runner,
    store: "TestClient[Any, Any]",
    path: str,
    cookie: str,
) -> Callable[[], float]:
    async def run() -> float:
        taken = []
        for _ in range(ASKED):
            began = time.perf_counter()
            async with store.get(path, headers={"Cookie": cookie}) as answer:
                await answer.read()
                assert answer.status == 200  # noqa: S101 - or it means nothing
            taken.append((time.perf_counter() - began) * 1000)
        return statistics.median(taken)

    return lambda: runner.run(run())

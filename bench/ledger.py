# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Benchmark of the ledger: its part of a purchase, and the studio's queries.

Purchases with the ledger and without, in turns. Then every query of the
studio, on a ledger of 10,000 orders and on one of a million, in SQLite, and in
MariaDB and PostgreSQL where they are installed.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy.ext.asyncio import AsyncConnection

from bench import ledger_data
from bench.measuring import (
    NONCE,
    Figure,
    compare,
    interleave,
    run_rounds,
)
from msrv import settings
from msrv.app import create_app
from msrv.ledger.db import order_queries, report_queries, schema_upgrade
from msrv.ledger.db.aggregates import day_of
from msrv.ledger.db.database import Database
from msrv.ledger.db.refunds.listing import list_refunds
from msrv.ledger.db.reports.best_sellers import best_sellers
from msrv.ledger.db.reports.order_search import search_orders
from msrv.ledger.events import Event
from msrv.ledger.ledger import Ledger
from msrv.proofs.keyring import Keyring
from msrv.web.store import STORE
from tests.ledger import mariadb_server, postgresql_server
from tests.ledger.mariadb_server import MariaDBServer
from tests.ledger.postgresql_server import PostgreSQLServer

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))
PURCHASES = 100
SMALL, LARGE = 10_000, 1_000_000
REPEATS = 9
TODAY = day_of(ledger_data.NOW)

Query = Callable[[AsyncConnection], Awaitable[Any]]

QUERIES: dict[str, Query] = {
    "sales of 90 days": lambda at: report_queries.sales_by_day(
        at, TODAY - 89, TODAY
    ),
    "sales of all time": lambda at: report_queries.sales_by_day(at, 0, TODAY),
    "revenue": report_queries.revenue_by_currency,
    "best sellers": best_sellers,
    "best sellers of a month": lambda at: best_sellers(at, "2026-12"),
    "downloads of a year": lambda at: report_queries.downloads_by_day(
        at, TODAY - 364, TODAY
    ),
    "refunds": list_refunds,
    "newest orders": order_queries.list_orders,
    "orders of a day": lambda at: order_queries.list_orders(
        at,
        since=ledger_data.NOW - 500 * 86_400,
        before=ledger_data.NOW - 499 * 86_400,
    ),
    "orders, far down": lambda at: order_queries.list_orders(
        at, after=(ledger_data.NOW - 900 * 86_400, ledger_data.order_id(7))
    ),
    "an order by its number": lambda at: search_orders(
        at, ledger_data.order_id(77)[:8]
    ),
    "an order by its reference": lambda at: search_orders(at, "ch_777"),
    "one order's page": lambda at: order_queries.order_history(
        at, ledger_data.order_id(777)
    ),
}


def measure(folder: Path) -> list[Figure]:
    """Return the figures of both, in milliseconds."""
    figures = asyncio.run(_purchases(folder / "purchases"))
    figures += _query_figures(
        "SQLite", lambda count: fill_sqlite(folder, count)
    )
    return figures + mariadb_figures(folder) + postgresql_figures()


def mariadb_figures(folder: Path) -> list[Figure]:
    """Return the figures of the queries in MariaDB, if it is installed."""
    program = mariadb_server.find()
    if program is None:
        print("skipped MariaDB: its server is not installed")
        return []
    server = MariaDBServer(program, folder / "mariadb", pool="1G")
    server.install()
    try:
        return _query_figures(
            "MariaDB", lambda count: fill_mariadb(server, folder, count)
        )
    finally:
        server.stop()


def postgresql_figures() -> list[Figure]:
    """Return the figures of the queries in PostgreSQL, if it is installed."""
    programs = postgresql_server.find()
    if programs is None:
        print("skipped PostgreSQL: its server is not installed")
        return []
    with postgresql_server.running(programs, "1GB") as server:
        return _query_figures(
            "PostgreSQL", lambda count: fill_postgresql(server, count)
        )


class LedgerOff(Ledger):
    """A ledger that records nothing and has no database."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    async def reserve_space(self) -> None:
        """Return at once."""

    async def record(self, event: Event) -> None:
        """Drop the event."""

    def track_download(
        self,
        order_id: str,  # noqa: ARG002 - the ledger's
        item_id: str,  # noqa: ARG002 - the ledger's
        etag: str,  # noqa: ARG002 - the ledger's
        size_bytes: int,  # noqa: ARG002 - the ledger's
    ) -> Callable[[tuple[int, int]], None]:
        """Return a function that drops its range."""
        return lambda _: None


async def _purchases(folder: Path) -> list[Figure]:
    """Measure purchases from two stores in turns."""
    keyring = Keyring.from_nonces(NONCE, accepts_simulated=True)
    stores = {}
    for name in ("off", "on"):
        found = settings.load(
            {"MSRV_DATA": str(folder / name), "MSRV_DEMO_PAYMENTS": "1"}
        )
        app = create_app(
            found, keyring, ledger=LedgerOff(folder) if name == "off" else None
        )
        client = TestClient(TestServer(app))
        await client.start_server()
        await app[STORE].catalog.ready()
        item = app[STORE].catalog.current.releases[0].items[0].item_id
        await _buy(client, item)
        ledger = app[STORE].ledger
        if name == "on":
            await ledger.wait_until_synced()
        stores[name] = (client, item)
    loop = asyncio.get_running_loop()

    def buys(name: str) -> Callable[[], float]:
        return lambda: asyncio.run_coroutine_threadsafe(
            _buy(*stores[name]), loop
        ).result()

    try:
        taken = await asyncio.to_thread(
            run_rounds,
            {"off": buys("off"), "on": buys("on")},
            rounds=ROUNDS,
        )
    finally:
        for client, _ in stores.values():
            await client.close()
    added = [
        on - off for on, off in zip(taken["on"], taken["off"], strict=True)
    ]
    return [
        *compare(
            {
                "purchase, ledger off": taken["off"],
                "purchase, ledger on": taken["on"],
            },
            unit="ms",
        ),
        *compare({"added to a purchase": added}, unit="ms"),
    ]


async def _buy(client: "TestClient[Any, Any]", item: str) -> float:
    taken = []
    for _ in range(PURCHASES):
        began = time.perf_counter()
        async with client.post(
            "/purchases",
            data={"item": item},
            headers={"Accept": "application/json"},
        ) as answer:
            await answer.read()
            assert answer.status == 201  # noqa: S101 - or it measures nothing
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _query_figures(kind: str, fill: Callable[[int], str]) -> list[Figure]:
    """Measure each query on a small and on a large ledger, in turns."""
    urls = {count: fill(count) for count in (SMALL, LARGE)}
    figures = []
    with asyncio.Runner() as runner:
        databases = {
            count: Database(url, timeout_seconds=60)
            for count, url in urls.items()
        }
        for name, query in QUERIES.items():
            candidates = {
                f"{kind}, {name}, {count:,}": _timed(
                    runner, databases[count], query
                )
                for count in (SMALL, LARGE)
            }
            figures += interleave(candidates, rounds=ROUNDS, unit="ms")
        for database in databases.values():
            runner.run(database.close())
    return figures


def _timed(
    runner: asyncio.Runner, database: Database, query: Query
) -> Callable[[], float]:
    async def run() -> float:
        taken = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            async with database.read_transaction() as connection:
                found = await query(connection)
            assert found  # noqa: S101 - or it measures nothing
            taken.append((time.perf_counter() - began) * 1000)
        return statistics.median(taken)

    return lambda: runner.run(run())


def fill_sqlite(folder: Path, count: int) -> str:
    """Create a SQLite ledger of `count` orders, and return its URL."""
    path = folder / f"{count}.sqlite3"
    url = f"sqlite:///{path}"
    asyncio.run(_upgrade(url))
    ledger_data.fill_sqlite(path, count)
    return url


def fill_mariadb(server: MariaDBServer, folder: Path, count: int) -> str:
    """Create a MariaDB ledger of `count` orders, and return its URL."""
    name = f"ledger_{count}"
    url = server.create(name)
    asyncio.run(_upgrade(url))
    ledger_data.fill_mariadb(server, name, folder, count)
    return url


def fill_postgresql(server: PostgreSQLServer, count: int) -> str:
    """Create a PostgreSQL ledger of `count` orders, and return its URL."""
    name = f"ledger_{count}"
    url = server.create(name)
    asyncio.run(_upgrade(url))
    ledger_data.fill_postgresql(server, name, count)
    return url


async def _upgrade(url: str) -> None:
    database = Database(url)
    await schema_upgrade.upgrade_schema(database)
    await database.close()

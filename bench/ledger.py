"""What the ledger costs a buyer, and what its figures cost an operator.

A purchase with the ledger and without, in turns. Then every question of the
studio, to a ledger of 10,000 orders and to one of a million, in SQLite and in
MariaDB where it is installed.
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

from bench import books
from bench.measuring import NONCE, Figure, compare, interleave, take
from msrv import settings as settings_room
from msrv.app import create_app
from msrv.ledger.db import migrate, order_queries, report_queries
from msrv.ledger.db.aggregates import day_of
from msrv.ledger.db.database import Database
from msrv.ledger.events import Event
from msrv.ledger.ledger import Ledger
from msrv.proofs.keyring import Keyring
from msrv.web.store import STORE
from tests.ledger import mariadb_server
from tests.ledger.mariadb_server import MariaDBServer

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "9"))
BOUGHT = 100
SMALL, LARGE = 10_000, 1_000_000
ASKED = 9
TODAY = day_of(books.NOW)

Ask = Callable[[AsyncConnection], Awaitable[Any]]

QUESTIONS: dict[str, Ask] = {
    "sales of 90 days": lambda at: report_queries.sales_by_day(
        at, TODAY - 89, TODAY
    ),
    "sales of all time": lambda at: report_queries.sales_by_day(at, 0, TODAY),
    "revenue": report_queries.revenue_by_currency,
    "best sellers": report_queries.best_sellers,
    "best sellers of a month": lambda at: report_queries.best_sellers(
        at, "2026-12"
    ),
    "downloads of a year": lambda at: report_queries.downloads_by_day(
        at, TODAY - 364, TODAY
    ),
    "refunds": order_queries.list_refunds,
    "newest orders": order_queries.list_orders,
    "orders of a day": lambda at: order_queries.list_orders(
        at, since=books.NOW - 500 * 86_400, before=books.NOW - 499 * 86_400
    ),
    "order_queries, far down": lambda at: order_queries.list_orders(
        at, after=(books.NOW - 900 * 86_400, books.order_id(7))
    ),
    "an order by its number": lambda at: order_queries.search_orders(
        at, books.order_id(77)[:8]
    ),
    "an order by its reference": lambda at: order_queries.search_orders(
        at, "ch_777"
    ),
    "one order's page": lambda at: order_queries.order_history(
        at, books.order_id(777)
    ),
}


def measure(folder: Path) -> list[Figure]:
    """Measure both; milliseconds."""
    figures = asyncio.run(_purchases(folder / "purchases"))
    figures += _figures("SQLite", lambda count: fill_sqlite(folder, count))
    program = mariadb_server.find()
    if program is None:
        print("MariaDB's server is not installed: left out")
        return figures
    server = MariaDBServer(program, folder / "mariadb", pool="1G")
    server.install()
    try:
        figures += _figures(
            "MariaDB", lambda count: fill_mariadb(server, folder, count)
        )
    finally:
        server.stop()
    return figures


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

    async def ready_to_sell(self) -> None:
        """Return at once."""

    async def record(self, event: Event) -> None:
        """Drop the event."""

    def on_sent(
        self,
        order_id: str,  # noqa: ARG002 - the ledger's
        item_id: str,  # noqa: ARG002 - the ledger's
        etag: str,  # noqa: ARG002 - the ledger's
        size_bytes: int,  # noqa: ARG002 - the ledger's
    ) -> Callable[[tuple[int, int]], None]:
        """Return a function that drops its range."""
        return lambda _: None


async def _purchases(folder: Path) -> list[Figure]:
    """Buy one thing after the other, from two stores in turns."""
    keyring = Keyring.from_nonces(NONCE, accepts_pretend=True)
    stores = {}
    for name in ("off", "on"):
        found = settings_room.load(
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
            take,
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
    for _ in range(BOUGHT):
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


def _figures(kind: str, fill: Callable[[int], str]) -> list[Figure]:
    """Ask each question of a small and of a large ledger, in turns."""
    urls = {count: fill(count) for count in (SMALL, LARGE)}
    figures = []
    with asyncio.Runner() as runner:
        databases = {
            count: Database(url, timeout_seconds=60)
            for count, url in urls.items()
        }
        for name, question in QUESTIONS.items():
            candidates = {
                f"{kind}, {name}, {count:,}": _asks(
                    runner, databases[count], question
                )
                for count in (SMALL, LARGE)
            }
            figures += interleave(candidates, rounds=ROUNDS, unit="ms")
        for database in databases.values():
            runner.run(database.close())
    return figures


def _asks(
    runner: asyncio.Runner, database: Database, question: Ask
) -> Callable[[], float]:
    async def run() -> float:
        taken = []
        for _ in range(ASKED):
            began = time.perf_counter()
            async with database.read_transaction() as connection:
                found = await question(connection)
            assert found  # noqa: S101 - or it measures nothing
            taken.append((time.perf_counter() - began) * 1000)
        return statistics.median(taken)

    return lambda: runner.run(run())


def fill_sqlite(folder: Path, count: int) -> str:
    """Make a SQLite ledger of so many orders; its address."""
    path = folder / f"{count}.sqlite3"
    url = f"sqlite:///{path}"
    asyncio.run(_upgrade(url))
    books.fill_sqlite(path, count)
    return url


def fill_mariadb(server: MariaDBServer, folder: Path, count: int) -> str:
    """Make a ledger of so many orders in MariaDB; its address."""
    name = f"ledger_{count}"
    url = server.create(name)
    asyncio.run(_upgrade(url))
    books.fill_mariadb(server, name, folder, count)
    return url


async def _upgrade(url: str) -> None:
    database = Database(url)
    await migrate.upgrade_schema(database)
    await database.close()

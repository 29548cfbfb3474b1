# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ledger with its database, without it, and after a kill."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from msrv import tasks
from msrv.ledger import segments, timeouts
from msrv.ledger.db import commands, schema, schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.sync import DatabaseSync
from msrv.ledger.errors import (
    DatabaseError,
    DatabaseUnavailable,
    DatabaseUnusable,
)
from msrv.ledger.events import Event, Redeemed
from msrv.ledger.ledger import Ledger
from msrv.ledger.orphaned_spools import SET_ASIDE_NAME
from msrv.ledger.segments import SegmentWriter
from tests.ledger.mariadb_server import MariaDBServer
from tests.ledger.postgresql_server import PostgreSQLServer
from tests.ledger.sample_events import NOON, order_id, sale
from tests.polling import wait_until
from tests.store_process import free_port


async def count(database: Database) -> int:
    """Return the number of orders."""
    async with database.read_transaction() as connection:
        found = await connection.scalar(
            select(func.count()).select_from(schema.orders)
        )
        return int(found or 0)


async def test_sales_reach_the_database(
    database: Database, url: str, tmp_path: Path
) -> None:
    async with Ledger(tmp_path / "data", url) as ledger:
        await asyncio.gather(
            *(ledger.record_sale(sale(each)) for each in range(50))
        )
        await wait_until(lambda: ledger.status().posted_events == 50)
        assert ledger.status().state == "ok"
        assert ledger.status().waiting_events == 0
    assert await count(database) == 50
    assert list((tmp_path / "data" / "spool").iterdir()) == []


async def test_last_sale_before_a_stop_is_synced(
    database: Database, url: str, tmp_path: Path
) -> None:
    async with Ledger(tmp_path, url) as ledger:
        await ledger.record_sale(sale(1))
        await wait_until(lambda: ledger.status().posted_events)
        await ledger.record_sale(sale(2))
    assert await count(database) == 2


async def test_two_replicas_share_one_data_folder(
    database: Database, url: str, tmp_path: Path
) -> None:
    async with Ledger(tmp_path, url) as one, Ledger(tmp_path, url) as other:
        for number in range(20):
            await (one if number % 2 else other).record_sale(sale(number))
        # Both record the same sale, as after a double click.
        await asyncio.gather(
            one.record_sale(sale(99)), other.record_sale(sale(99))
        )
        await asyncio.gather(
            one.wait_until_synced(), other.wait_until_synced()
        )
        assert await count(database) == 21


async def test_events_of_a_killed_process_are_recovered(
    database: Database, url: str, tmp_path: Path
) -> None:
    writer = SegmentWriter(tmp_path / "spool")
    writer.write(b"".join(map(segments.encode_record, [sale(1), sale(2)])))
    writer.write(segments.encode_record(sale(3)))
    torn = writer.segments[0].path
    writer.close()
    torn.write_bytes(torn.read_bytes()[:-7])
    async with Ledger(tmp_path, url) as ledger:
        await wait_until(lambda: ledger.status().posted_events == 2)
        await wait_until(lambda: not list((tmp_path / "spool").iterdir()))
    assert await count(database) == 2


async def test_spool_of_another_version_is_reported_and_left_alone(
    database: Database,
    url: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = tmp_path / "spool" / "0000000000001-abcdabcd"
    folder.mkdir(parents=True)
    path = folder / "00000001.log"
    path.write_bytes(b"msrv-spool 9\nwhatever\n")
    async with Ledger(tmp_path, url) as ledger:
        await ledger.record_sale(sale(1))
        await wait_until(lambda: ledger.status().troubles)
        assert ledger.status().state == "degraded"
        assert (
            "run the version that wrote it once" in ledger.status().troubles[0]
        )
        await wait_until(lambda: ledger.status().posted_events)
    assert path.exists()
    assert await count(database) == 1
    assert len([each for each in caplog.records if "spool" in each.msg]) <= 1


async def test_rejected_event_is_set_aside_and_others_are_synced(
    database: Database, url: str, tmp_path: Path
) -> None:
    async with database.schema_transaction() as connection:
        await connection.execute(text("DROP TABLE redemptions"))
        await connection.execute(
            text(
                "CREATE TABLE redemptions (code_id CHAR(64) PRIMARY KEY, "
                "order_id CHAR(24), redeemed_at BIGINT "
                "CHECK (redeemed_at < 5))"
            )
        )
    async with Ledger(tmp_path, url) as ledger:
        bad: Event = Redeemed("code", order_id(1), NOON)
        await asyncio.gather(
            ledger.record_sale(sale(1)),
            ledger.record(bad),
            ledger.record_sale(sale(2)),
        )
        await wait_until(lambda: ledger.status().set_aside_lines)
        await ledger.wait_until_synced()
        assert ledger.status().state == "ok"
    assert await count(database) == 2
    aside = (tmp_path / "spool" / SET_ASIDE_NAME).read_bytes()
    assert segments.decode_record(aside) == bad


@contextlib.asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """Yield the port of a server that accepts connections, but is silent."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        yield port


async def prepare(url: str) -> None:
    """Check a database, with a short time-out."""
    database = Database(url, timeout_seconds=0.5)
    try:
        await schema_upgrade.prepare_schema(database)
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("address", "line"),
    [
        (
            "sqlite:////proc/nowhere/file",
            "unable to open|can't|No such|denied",
        ),
        ("sqlite:///{text}", "file is not a database"),
        ("mysql://a:b@127.0.0.1:{free}/x", r"Can't connect to MySQL server"),
        (
            "mysql://a:b@127.0.0.1:{silent_server}/x",
            r"did not answer within 0\.5 s",
        ),
        ("mysql://a:b@no.such.invalid/x", r"can't resolve the host name"),
    ],
    ids=["nowhere", "no database", "refuses", "hangs", "unknown host"],
)
async def test_unavailable_database_raises_an_error_that_says_why(
    tmp_path: Path, address: str, line: str
) -> None:
    async with silent_server() as port:
        words = tmp_path / "words"
        words.write_text("so many words " * 100, encoding="utf-8")
        url = address.format(free=free_port(), silent_server=port, text=words)
        with pytest.raises((DatabaseError, OSError), match=line):
            await prepare(url)


async def test_buyer_waits_briefly_for_the_uses_of_a_discount(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The page is shown without the answer, however the database behaves."""
    assert timeouts.CHECKOUT_SECONDS < timeouts.TRANSACTION_SECONDS
    monkeypatch.setattr(commands, "CHECKOUT_SECONDS", 0.25)
    async with silent_server() as port:
        database = Database(f"mysql://a:b@127.0.0.1:{port}/x")
        with pytest.raises(
            DatabaseUnavailable, match=r"did not answer within 0\.25 s"
        ):
            await commands.count_uses(database, "discount-FEW-")
        await database.close()


async def test_hanging_server_times_out_and_sales_continue(
    database_server: MariaDBServer | PostgreSQLServer, tmp_path: Path
) -> None:
    server = database_server
    url = await asyncio.to_thread(server.create, "stands_still")
    database = Database(url, timeout_seconds=0.5)
    await schema_upgrade.upgrade_schema(database)
    async with Ledger(tmp_path, url) as ledger:
        await ledger.record_sale(sale(1))
        await ledger.wait_until_synced()
        server.send(signal.SIGSTOP)
        try:
            for _ in range(3):
                with pytest.raises(
                    DatabaseUnavailable, match="did not answer"
                ):
                    await count(database)
            # The server is still stopped, so this didn't wait for it.
            async with asyncio.timeout(60):
                await ledger.record_sale(sale(2))
            assert ledger.status().waiting_events == 1
        finally:
            server.send(signal.SIGCONT)
        await wait_until(lambda: ledger.status().posted_events == 2)
    assert await count(database) == 2
    await database.close()


async def test_sales_are_spooled_without_a_database(tmp_path: Path) -> None:
    url = f"mysql://a:b@127.0.0.1:{free_port()}/x"
    async with Ledger(tmp_path, url) as ledger:
        await ledger.reserve_space()
        assert ledger.status().waiting_bytes == 0
        async with asyncio.timeout(60):
            await ledger.record_sale(sale(1))
        await wait_until(lambda: ledger.status().state == "degraded")
        assert ledger.status().waiting_events == 1
        assert ledger.status().waiting_bytes > 100
        with pytest.raises(DatabaseUnavailable):
            async with ledger.read_transaction():
                pass
    assert list((tmp_path / "spool").glob("*/*.log"))


@pytest.mark.parametrize("loop", ["_sync", "_sync_own"])
async def test_ledger_stops_although_a_cancellation_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: str
) -> None:
    """As `asyncio.wait_for` loses one, while it connects to a database."""
    monkeypatch.setattr(tasks, "CANCEL_AGAIN_SECONDS", 0.01)
    began, lost = asyncio.Event(), asyncio.Event()

    async def work(_: object) -> bool:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if lost.is_set():
                raise
            lost.set()
        return False

    monkeypatch.setattr(DatabaseSync, loop, work)
    async with asyncio.timeout(60):
        async with Ledger(tmp_path):
            await began.wait()
    assert lost.is_set()


async def test_refused_login_is_reported_without_the_password(
    mariadb: MariaDBServer,
) -> None:
    database = Database(mariadb.url("x").replace("p%40ss", "wrong"))
    with pytest.raises(DatabaseUnusable, match="Access denied") as caught:
        await schema_upgrade.prepare_schema(database)
    assert "wrong" not in str(caught.value)
    await database.close()
    database = Database(mariadb.url("no_such_database"))
    with pytest.raises(DatabaseUnusable, match="Unknown database"):
        await schema_upgrade.prepare_schema(database)
    await database.close()


async def test_missing_tables_are_logged_once_and_used_once_created(
    mariadb: MariaDBServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts: list[Database] = []

    async def prepare_and_count(database: Database) -> None:
        attempts.append(database)
        await original(database)

    original = schema_upgrade.prepare_schema
    monkeypatch.setattr(schema_upgrade, "prepare_schema", prepare_and_count)
    url = await asyncio.to_thread(mariadb.create, "without_tables")
    async with Ledger(tmp_path, url) as ledger:
        await ledger.record_sale(sale(1))
        await wait_until(lambda: len(attempts) >= 3)
        (line,) = ledger.status().troubles
        assert "msrv ledger upgrade" in line
        errors = [
            each for each in caplog.records if each.levelno >= logging.ERROR
        ]
        assert len(errors) == 1
        # Creating the tables needs no restart.
        database = Database(url)
        await schema_upgrade.upgrade_schema(database)
        await wait_until(lambda: ledger.status().posted_events == 1)
        assert ledger.status().state == "ok"
        assert await count(database) == 1
        await database.close()


async def test_full_database_is_reported_and_loses_no_sale(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'small.sqlite3'}"
    database = Database(url)
    await schema_upgrade.upgrade_schema(database)
    async with Ledger(tmp_path, url) as ledger:
        await ledger.wait_until_synced()
        assert ledger._database is not None
        async with ledger._database._engine.connect() as connection:
            pages = await connection.scalar(text("PRAGMA page_count"))
            await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        many = [
            sale(number, *((f"item-{each}", 1) for each in range(90)))
            for number in range(100)
        ]
        await asyncio.gather(*map(ledger.record_sale, many))
        await wait_until(lambda: ledger.status().troubles)
        assert "is full" in ledger.status().troubles[0]
    async with Ledger(tmp_path, url) as ledger:
        await wait_until(lambda: not list((tmp_path / "spool").iterdir()))
    assert await count(database) == 100
    await database.close()

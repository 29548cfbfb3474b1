# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reports are read from a replica, unless it is away."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.engines import replica
from msrv.ledger.db.schema import marks
from msrv.ledger.errors import DatabaseError, DatabaseUnavailable
from msrv.settings import WrongSetting, load
from tests.ledger.postgresql_server import PostgreSQLServer, running


async def marked(url: str, name: str | None) -> None:
    """Create tables, unless `name` is None, and a row that tells whose."""
    database = Database(url)
    if name is not None:
        await schema_upgrade.upgrade_schema(database)
        async with database.write_transaction() as connection:
            await connection.execute(insert(marks), {"name": name, "value": 1})
    await database.close()


@pytest.fixture
async def writer(tmp_path: Path) -> str:
    """URL of a database that says it is the writer."""
    url = f"sqlite:///{tmp_path / 'writer'}"
    await marked(url, "writer's")
    return url


async def read(database: Database, *, for_report: bool = True) -> str:
    """Return whose rows are read."""
    async with database.read_transaction(for_report=for_report) as connection:
        found = await connection.scalar(
            select(marks.c.name).where(marks.c.name != "changes")
        )
    return str(found)


async def test_only_reports_are_read_from_the_replica(
    writer: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'replica'}"
    await marked(url, "replica's")
    database = Database(writer, rules=ConnectionRules(read_url=url))
    assert await read(database) == "replica's"
    assert await read(database, for_report=False) == "writer's"
    await database.close()


async def test_replica_without_tables_is_left_alone_for_a_while(
    writer: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "msrv")
    url = f"sqlite:///{tmp_path / 'replica'}"
    await marked(url, None)
    database = Database(writer, rules=ConnectionRules(read_url=url))
    assert [await read(database) for _ in range(3)] == ["writer's"] * 3
    await marked(url, "replica's")
    assert await read(database) == "writer's"
    monkeypatch.setattr(database._reads, "_away_until", 0)
    assert await read(database) == "replica's"
    assert [each.levelname for each in caplog.records] == ["WARNING", "INFO"]
    await database.close()


async def test_replica_that_fails_while_it_is_read_is_left_alone(
    writer: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'replica'}"
    await marked(url, "replica's")
    database = Database(writer, rules=ConnectionRules(read_url=url))
    with pytest.raises(DatabaseError):
        async with database.read_transaction(for_report=True) as connection:
            await connection.execute(text("SELECT nothing FROM nowhere"))
    assert await read(database) == "writer's"
    await database.close()


@contextlib.asynccontextmanager
async def silent_port() -> AsyncIterator[int]:
    """Port of a server that accepts connections and says nothing."""
    ended = asyncio.Event()

    async def wait(_: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        await ended.wait()
        out.close()

    server = await asyncio.start_server(wait, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        ended.set()


async def test_silent_replica_does_not_hold_up_a_page(
    writer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "_PATIENCE_SECONDS", 0.1)
    async with silent_port() as port:
        url = f"mysql://a:b@127.0.0.1:{port}/x"
        database = Database(writer, rules=ConnectionRules(read_url=url))
        async with asyncio.timeout(4):  # less than connecting may take
            assert await read(database) == "writer's"
        await database.close()


@pytest.fixture
def primary(postgres: Path) -> Iterator[PostgreSQLServer]:
    """PostgreSQL server that a standby may follow."""
    with running(postgres) as server:
        yield server


async def test_standby_of_postgresql_is_read_until_it_stops(
    primary: PostgreSQLServer,
) -> None:
    url = await asyncio.to_thread(primary.create, "msrv")
    await marked(url, "sold")
    standby = await asyncio.to_thread(primary.standby)
    try:
        database = Database(
            url, rules=ConnectionRules(read_url=standby.url("msrv"))
        )
        assert await read(database) == "sold"
        async with database.read_transaction(for_report=True) as connection:
            assert await connection.scalar(text("SELECT pg_is_in_recovery()"))
        # As the database itself, it is refused.
        alone = Database(standby.url("msrv"))
        with pytest.raises(DatabaseUnavailable, match="standby"):
            await read(alone)
        await alone.close()
    finally:
        await asyncio.to_thread(standby.stop)
    assert await read(database) == "sold"
    async with database.read_transaction(for_report=True) as connection:
        assert not await connection.scalar(text("SELECT pg_is_in_recovery()"))
    await database.close()


def test_replica_is_read_from_the_settings_and_is_a_secret() -> None:
    both = {
        "MSRV_DATABASE": "mysql://u:p@db/msrv",
        "MSRV_DATABASE_READ": "mysql://u:hunter2@replica/msrv",
    }
    rules = ConnectionRules.of(load(both))
    assert rules.read_url == both["MSRV_DATABASE_READ"]
    assert "hunter2" not in repr(rules)
    with pytest.raises(WrongSetting, match="MSRV_DATABASE as well"):
        load({"MSRV_DATABASE_READ": both["MSRV_DATABASE_READ"]})

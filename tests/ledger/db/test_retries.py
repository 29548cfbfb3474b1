# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Retries of interrupted transactions, on real databases."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.engine import make_url

from msrv.ledger.db import retries, schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.retries import repeated
from msrv.ledger.db.schema import marks
from msrv.ledger.errors import (
    DatabaseUnavailable,
    EventRejected,
    TransactionInterrupted,
)
from msrv.tasks import Backoff
from tests.ledger.mariadb_server import MariaDBServer
from tests.ledger.postgresql_server import PostgreSQLServer

DIE = {
    "mariadb": "KILL CONNECTION_ID()",
    "postgresql": "SELECT pg_terminate_backend(pg_backend_pid())",
}


async def test_transaction_whose_connection_is_killed_is_repeated(
    database_server: MariaDBServer | PostgreSQLServer,
) -> None:
    database = Database(
        await asyncio.to_thread(database_server.create, "interrupted")
    )
    await schema_upgrade.upgrade_schema(database)
    attempts: list[int] = []

    @repeated
    async def add_row(name: str) -> int:
        attempts.append(1)
        async with database.write_transaction() as connection:
            await connection.execute(insert(marks), {"name": name, "value": 1})
            if len(attempts) < 3:
                await connection.execute(text(DIE[database.dialect.kind]))
        return len(attempts)

    assert await add_row("once") == 3
    async with database.read_transaction() as connection:
        found = await connection.scalars(
            select(marks.c.name).where(marks.c.name == "once")
        )
        assert list(found) == ["once"]
    with pytest.raises(EventRejected):
        await add_row("once")
    assert len(attempts) == 4  # that isn't repeated
    await database.close()


async def test_transaction_waits_longer_for_the_lock_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk may keep another transaction from ending."""
    monkeypatch.setattr("msrv.ledger.db.engines.sqlite.CONNECT_SECONDS", 0.1)
    path = tmp_path / "ledger.sqlite3"
    database = Database(make_url(f"sqlite:///{path}"))
    await schema_upgrade.upgrade_schema(database)
    failures: list[DatabaseUnavailable] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        @repeated
        async def add_row() -> None:
            try:
                async with database.write_transaction() as connection:
                    await connection.execute(
                        insert(marks), {"name": "once", "value": 1}
                    )
            except DatabaseUnavailable as error:
                failures.append(error)
                other.execute("COMMIT")
                raise

        await add_row()
    assert [str(each) for each in failures] == [
        "database error: database is locked (SQLITE_BUSY)"
    ]
    await database.close()


@pytest.mark.parametrize(
    ("error", "expected"),
    [(TransactionInterrupted, 8), (DatabaseUnavailable, 1)],
)
async def test_number_of_attempts_is_limited(
    monkeypatch: pytest.MonkeyPatch,
    error: type[DatabaseUnavailable],
    expected: int,
) -> None:
    monkeypatch.setattr(
        retries, "_BACKOFF", Backoff(first_seconds=0, max_seconds=0)
    )
    attempts = 0

    @repeated
    async def fail() -> None:
        nonlocal attempts
        attempts += 1
        raise error("again")

    with pytest.raises(error):
        await fail()
    assert attempts == expected


async def test_no_attempt_starts_after_six_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr("msrv.ledger.db.retries.monotonic", lambda: now)
    attempts = 0

    @repeated
    async def fail() -> None:
        nonlocal attempts, now
        attempts += 1
        now += 5
        raise TransactionInterrupted("a lock is held")

    with pytest.raises(TransactionInterrupted):
        await fail()
    assert attempts == 2

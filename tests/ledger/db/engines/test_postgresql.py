# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What the ledger does differently with PostgreSQL."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import insert, select, text, update

from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.engines import postgresql_connection
from msrv.ledger.db.schema import marks, titles
from msrv.ledger.errors import DatabaseUnavailable, EventRejected
from tests.ledger.postgresql_server import PostgreSQLServer


@pytest.fixture
def url(postgresql: PostgreSQLServer) -> Iterator[str]:
    """URL of an empty database."""
    with postgresql.borrowed() as url:
        yield url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """Database with the tables of this version."""
    database = Database(url)
    await schema_upgrade.upgrade_schema(database)
    yield database
    await database.close()


async def test_texts_are_compared_by_their_bytes(database: Database) -> None:
    """In English, `a` comes before `B`, and a hyphen doesn't count."""
    async with database.write_transaction() as connection:
        await connection.execute(
            insert(titles),
            [{"item_id": each, "title": "T"} for each in ("a", "B", "a-b")],
        )
        found = await connection.scalars(
            select(titles.c.item_id).order_by(titles.c.item_id)
        )
        assert list(found) == ["B", "a", "a-b"]
        others = await connection.execute(
            text(
                "SELECT table_name, column_name, collation_name "
                "FROM information_schema.columns "
                "WHERE table_schema = 'public' "
                "AND data_type IN ('character varying', 'text') "
                "AND collation_name IS DISTINCT FROM 'C' "
                "AND table_name <> 'alembic_version'"
            )
        )
        assert others.all() == []


async def test_title_with_nul_is_stored(database: Database) -> None:
    async with database.write_transaction() as connection:
        await connection.execute(
            insert(titles), {"item_id": "a", "title": "one\0two"}
        )
    async with database.read_transaction() as connection:
        found = await connection.scalar(
            select(titles.c.title).where(titles.c.item_id == "a")
        )
        assert found == "one\N{REPLACEMENT CHARACTER}two"
        # As an address in a request may have it.
        assert not await connection.scalar(
            select(titles.c.title).where(titles.c.item_id == "a\0")
        )


@pytest.mark.parametrize(
    "row",
    [
        {"name": "number", "value": 2**63},
        {"name": "changes", "value": 0},
        {"name": "private" * 10, "value": 0},
    ],
    ids=["number", "key", "length"],
)
async def test_rejected_row_is_told_from_a_failure_without_its_values(
    database: Database, row: dict[str, object]
) -> None:
    with pytest.raises(EventRejected) as caught:
        async with database.write_transaction() as connection:
            await connection.execute(insert(marks), row)
    for value in ("private", "changes", str(2**63)):
        assert value not in str(caught.value)


async def _terminate_others(database: Database) -> None:
    async with database.read_transaction() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()"
            )
        )


async def test_connections_of_a_server_that_restarted_are_replaced(
    database: Database, url: str
) -> None:
    other = Database(url)
    with pytest.raises(DatabaseUnavailable):  # noqa: PT012 - while it is open
        async with database.write_transaction() as connection:
            await _terminate_others(other)
            await connection.execute(select(marks))
    for _ in range(2):  # an idle one, too
        async with database.write_transaction() as connection:
            assert (await connection.execute(select(marks))).all()
        await _terminate_others(other)
    await other.close()


async def test_replica_that_stopped_in_a_transaction_loses_its_lock(
    url: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        postgresql_connection,
        "_SETUP",
        "SET idle_in_transaction_session_timeout = '100ms'",
    )
    stopped = Database(url)
    mark = update(marks).where(marks.c.name == "changes")
    with pytest.raises(DatabaseUnavailable):  # noqa: PT012 - while it is open
        async with stopped.write_transaction() as connection:
            await connection.execute(mark.values(value=7))
            async with database.write_transaction() as later:
                await later.execute(mark.values(value=marks.c.value + 1))
    await stopped.close()
    async with database.read_transaction() as connection:
        assert await connection.scalar(select(marks.c.value)) == 1

"""The tables: made, brought up to date, left alone where they are ahead."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from msrv.ledger.db import migrate
from msrv.ledger.db.database import Database
from msrv.ledger.db.schema import metadata
from msrv.ledger.errors import SchemaTooNew, SchemaTooOld


def test_every_script_is_listed() -> None:
    """An older store takes a newer database for its own."""
    names = sorted(
        path.name.partition("_")[0]
        for path in Path(migrate.SCRIPTS, "versions").glob("*.py")
    )
    assert tuple(names) == migrate.REVISIONS


def differences(connection: Connection) -> list[Any]:
    found = compare_metadata(MigrationContext.configure(connection), metadata)
    return list(found)


@pytest.mark.parametrize("start", ["base", *migrate.REVISIONS])
async def test_from_every_earlier_revision(
    empty: Database, start: str
) -> None:
    """After an upgrade the store asks for a column that isn't there."""
    if start != "base":
        async with empty.schema_transaction() as connection:
            await connection.run_sync(migrate.run_migrations, start)
    await migrate.upgrade_schema(empty)
    async with empty.read_transaction() as connection:
        assert await migrate.read_revision(connection) == migrate.HEAD
        assert await connection.run_sync(differences) == []
        mark = await connection.execute(text("SELECT name, value FROM marks"))
        assert [tuple(row) for row in mark] == [("changes", 0)]
    assert await migrate.upgrade_schema(empty) == migrate.HEAD


async def test_two_that_upgrade_at_once(empty: Database, url: str) -> None:
    """Two replicas that start together trip over each other's tables."""
    other = Database(url)
    found = await asyncio.gather(
        migrate.upgrade_schema(empty), migrate.upgrade_schema(other)
    )
    await other.close()
    assert sorted(map(str, found)) == [migrate.HEAD, "None"]


async def test_an_upgrade_that_was_cut_short(empty: Database) -> None:
    """A kill between two tables needs a person who knows SQL."""
    async with empty.schema_transaction() as connection:
        await connection.run_sync(
            metadata.create_all, tables=metadata.sorted_tables[:4]
        )
    await migrate.upgrade_schema(empty)
    async with empty.read_transaction() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_database_that_is_ahead(database: Database) -> None:
    """An old replica writes into tables that it does not understand."""
    async with database.schema_transaction() as connection:
        await connection.execute(
            text("UPDATE alembic_version SET version_num = '9999'")
        )
    with pytest.raises(SchemaTooNew, match=r"at revision 9999.*up to 0003"):
        await migrate.prepare(database)
    with pytest.raises(SchemaTooNew):
        await migrate.upgrade_schema(database)


async def test_a_database_without_tables(empty: Database) -> None:
    """A server's tables are changed behind its operator's back."""
    if empty.is_embedded:
        await migrate.prepare(empty)
        await migrate.prepare(empty)
    else:
        with pytest.raises(SchemaTooOld, match="msrv ledger upgrade"):
            await migrate.prepare(empty)


async def test_two_stores_in_a_process_make_their_tables_at_once(
    tmp_path: Path,
) -> None:
    """As a program does that embeds two, and the bench."""
    databases = [
        Database(f"sqlite:///{tmp_path / str(number)}") for number in range(4)
    ]
    try:
        found = await asyncio.gather(*map(migrate.upgrade_schema, databases))
        assert found == [None] * 4
        for database in databases:
            await migrate.prepare(database)
    finally:
        for database in databases:
            await database.close()

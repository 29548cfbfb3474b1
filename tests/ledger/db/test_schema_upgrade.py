# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Schema revisions and upgrades."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.schema import metadata
from msrv.ledger.errors import SchemaTooNew, SchemaTooOld


def test_revisions_are_those_of_the_scripts() -> None:
    names = sorted(
        path.name.partition("_")[0]
        for path in Path(schema_upgrade.SCRIPTS, "versions").glob("*.py")
    )
    assert tuple(names) == schema_upgrade.REVISIONS


def differences(connection: Connection) -> list[Any]:
    found = compare_metadata(MigrationContext.configure(connection), metadata)
    return list(found)


@pytest.mark.parametrize("start", ["base", *schema_upgrade.REVISIONS])
async def test_upgrade_from_every_revision_ends_at_the_schema(
    empty: Database, start: str
) -> None:
    if start != "base":
        async with empty.schema_transaction() as connection:
            await connection.run_sync(schema_upgrade.run_migrations, start)
    await schema_upgrade.upgrade_schema(empty)
    async with empty.read_transaction() as connection:
        assert (
            await schema_upgrade.read_revision(connection)
            == schema_upgrade.HEAD
        )
        assert await connection.run_sync(differences) == []
        mark = await connection.execute(text("SELECT name, value FROM marks"))
        assert [tuple(row) for row in mark] == [("changes", 0)]
    assert await schema_upgrade.upgrade_schema(empty) == schema_upgrade.HEAD


async def test_refunded_lines_of_earlier_versions_keep_their_amount(
    empty: Database,
) -> None:
    """Until revision 0007, a refunded line was refunded by its price."""
    async with empty.schema_transaction() as connection:
        await connection.run_sync(schema_upgrade.run_migrations, "0006")
        for item, is_refunded in (("song", True), ("album", False)):
            await connection.execute(
                text(
                    "INSERT INTO order_items (order_id, item_id, position, "
                    "title, price_minor, refunded) VALUES "
                    "('A', :item, 0, 'T', 700, :refunded)"
                ),
                {"item": item, "refunded": is_refunded},
            )
    await schema_upgrade.upgrade_schema(empty)
    async with empty.read_transaction() as connection:
        rows = await connection.execute(
            text("SELECT item_id, refunded_minor FROM order_items")
        )
        assert sorted(tuple(row) for row in rows) == [
            ("album", 0),
            ("song", 700),
        ]


async def test_concurrent_upgrades_run_one_after_the_other(
    empty: Database, url: str
) -> None:
    other = Database(url)
    found = await asyncio.gather(
        schema_upgrade.upgrade_schema(empty),
        schema_upgrade.upgrade_schema(other),
    )
    await other.close()
    assert sorted(map(str, found)) == [schema_upgrade.HEAD, "None"]


async def test_interrupted_upgrade_is_completed(empty: Database) -> None:
    async with empty.schema_transaction() as connection:
        await connection.run_sync(
            metadata.create_all, tables=metadata.sorted_tables[:4]
        )
    await schema_upgrade.upgrade_schema(empty)
    async with empty.read_transaction() as connection:
        assert await connection.run_sync(differences) == []


async def test_newer_schema_is_left_alone(database: Database) -> None:
    async with database.schema_transaction() as connection:
        await connection.execute(
            text("UPDATE alembic_version SET version_num = '9999'")
        )
    with pytest.raises(SchemaTooNew, match=r"at revision 9999.*up to 0014"):
        await schema_upgrade.prepare_schema(database)
    with pytest.raises(SchemaTooNew):
        await schema_upgrade.upgrade_schema(database)


async def test_missing_tables_are_created_in_the_file_and_not_on_a_server(
    empty: Database,
) -> None:
    if empty.is_embedded:
        await schema_upgrade.prepare_schema(empty)
        await schema_upgrade.prepare_schema(empty)
    else:
        with pytest.raises(SchemaTooOld, match="msrv ledger upgrade"):
            await schema_upgrade.prepare_schema(empty)


async def test_stores_in_one_process_upgrade_concurrently(
    tmp_path: Path,
) -> None:
    databases = [
        Database(f"sqlite:///{tmp_path / str(number)}") for number in range(4)
    ]
    try:
        found = await asyncio.gather(
            *map(schema_upgrade.upgrade_schema, databases)
        )
        assert found == [None] * 4
        for database in databases:
            await schema_upgrade.prepare_schema(database)
    finally:
        for database in databases:
            await database.close()

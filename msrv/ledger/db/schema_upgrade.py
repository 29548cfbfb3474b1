# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Schema revision of a database, and its upgrade to that of this version.

A database with a newer schema is left alone: an older version might write to
newer tables in ways that corrupt them unnoticed.
"""

import asyncio
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.database import Database
from msrv.ledger.errors import SchemaTooNew, SchemaTooOld

REVISIONS: Final = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
)
"""Oldest first, as in `migrations/versions`."""
HEAD: Final = REVISIONS[-1]
SCRIPTS: Final = Path(__file__).with_name("migrations")

_upgrading: Final[
    WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]
] = WeakKeyDictionary()


async def read_revision(connection: AsyncConnection) -> str | None:
    """Return the revision of a database's tables, None without tables."""
    return await connection.run_sync(_read_revision)


def check_revision(found: str | None) -> None:
    """Raise SchemaTooOld or SchemaTooNew unless it is this version's."""
    if found == HEAD:
        return
    if found is None or found in REVISIONS:
        raise SchemaTooOld(found)
    raise SchemaTooNew(found, HEAD)


async def require_revision(connection: AsyncConnection) -> None:
    """Raise SchemaTooOld or SchemaTooNew unless the tables are as here."""
    check_revision(await read_revision(connection))


async def prepare_schema(database: Database) -> None:
    """Raise DatabaseError unless the tables are this version's.

    The SQLite file belongs to this store, and is upgraded. A server's tables
    may belong to another user, and are upgraded when the operator says so.
    """
    async with database.read_transaction() as connection:
        found = await read_revision(connection)
    try:
        check_revision(found)
    except SchemaTooOld:
        if not database.is_embedded:
            raise
        await upgrade_schema(database)


async def upgrade_schema(
    database: Database, revision: str = HEAD
) -> str | None:
    """Upgrade the tables to a revision, and return their previous one.

    Concurrent upgrades run one after the other. Raises SchemaTooNew, and
    DatabaseError.
    """
    # Alembic takes a tenth of a second to import, and schemas change once a
    # release.
    await asyncio.to_thread(_import_alembic)
    # Alembic has global state: one upgrade at a time in a process.
    lock = _upgrading.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with (
        lock,
        database.schema_transaction() as connection,
        database.dialect.upgrade_lock(connection),
    ):
        found = await read_revision(connection)
        try:
            check_revision(found)
        except SchemaTooOld:
            await connection.run_sync(run_migrations, revision)
    return found


def run_migrations(connection: Connection, target: str) -> None:
    """Run Alembic's migrations up to a revision, on this connection."""
    from alembic import command  # noqa: PLC0415 - slow to import
    from alembic.config import Config  # noqa: PLC0415 - slow to import

    config = Config()
    # Alembic interpolates percent signs in its configuration.
    scripts = str(SCRIPTS).replace("%", "%%")
    config.set_main_option("script_location", scripts)
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def _import_alembic() -> None:
    from alembic import command, config  # noqa: F401, PLC0415 - slow to import


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).first()
    return None if row is None else str(row[0])

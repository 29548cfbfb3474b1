"""Which tables a database has, and bringing them up to this version's.

A database that is ahead is left alone: what an older program writes into
newer tables may be wrong in ways that nobody sees.
"""

import asyncio
import importlib
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.database import Database
from msrv.ledger.errors import Ahead, Behind, Unreachable

REVISIONS: Final = ("0001", "0002", "0003")
"""Oldest first, as the files of `migrations/versions` have them."""
HEAD: Final = REVISIONS[-1]
SCRIPTS: Final = Path(__file__).with_name("migrations")

_LOCK: Final = "msrv-ledger-upgrade"
_LOCK_SECONDS: Final = 60
_upgrading: Final[
    WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]
] = WeakKeyDictionary()


async def revision(connection: AsyncConnection) -> str | None:
    """Give the revision that a database's tables are at; None for none."""
    return await connection.run_sync(_revision)


def check(found: str | None) -> None:
    """See that tables are those of this version. Raises Behind, Ahead."""
    if found == HEAD:
        return
    if found is None or found in REVISIONS:
        raise Behind(found)
    raise Ahead(found, HEAD)


async def make_ready(database: Database) -> None:
    """See that the tables are this version's. Raises DatabaseError.

    The file is ours alone, and is upgraded. A server's tables may be for
    another user to change, at a time of the operator's choosing.
    """
    async with database.reading() as connection:
        found = await revision(connection)
    try:
        check(found)
    except Behind:
        if not database.is_embedded:
            raise
        await upgrade(database)


async def upgrade(database: Database) -> str | None:
    """Bring the tables up to HEAD; the revision that they were at.

    Two that do it at once do it one after the other. Raises Ahead where they
    are beyond it, and DatabaseError.
    """
    # Imported here, as it takes a tenth of a second that a start can do
    # without: tables change once a release.
    alembics = await asyncio.to_thread(
        importlib.import_module, "msrv.ledger.db.alembic_runner"
    )
    # Alembic keeps what it works on in globals: one at a time in a process.
    lock = _upgrading.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with lock, database.changing() as connection:
        if not database.is_embedded:
            # Held until the connection ends: DDL ends a transaction there.
            locked = await connection.scalar(
                text("SELECT GET_LOCK(:name, :seconds)"),
                {"name": _LOCK, "seconds": _LOCK_SECONDS},
            )
            if not locked:
                raise Unreachable("someone else is upgrading the database")
        try:
            found = await revision(connection)
            try:
                check(found)
            except Behind:
                await connection.run_sync(alembics.to_head)
        finally:
            if not database.is_embedded:
                await connection.execute(
                    text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK}
                )
    return found


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).first()
    return None if row is None else str(row[0])

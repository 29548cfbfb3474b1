# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""SQLite: a file in the data folder."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, Connection
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    create_async_engine,
)

from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db.engines.dialect import (
    POOL,
    WRITES,
    Dialect,
    no_more_locks,
)
from msrv.ledger.timeouts import CONNECT_SECONDS


def _open(url: URL, rules: ConnectionRules) -> AsyncEngine:  # noqa: ARG001 - as the servers
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        pool_size=POOL,
        connect_args={"timeout": CONNECT_SECONDS},
    )
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "begin", _start_transaction)
    return engine


def _prepare(connection: Any, record: object) -> None:  # noqa: ANN401, ARG001 - DB-API
    # Otherwise the driver starts transactions by itself.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # Committed events are deleted from the spool: they have to be on disk.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _start_transaction(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    # Otherwise two that read and then write would deadlock.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def _prepare_long(connection: AsyncConnection) -> None:
    """Do nothing: a file waits for its reader."""


@contextlib.asynccontextmanager
async def _upgrade_lock(
    connection: AsyncConnection,  # noqa: ARG001 - the writer's lock is enough
) -> AsyncIterator[None]:
    yield


SQLITE = Dialect(
    "sqlite",
    "SQLite",
    _open,
    _prepare_long,
    no_more_locks,
    _upgrade_lock,
    read_state=None,
)

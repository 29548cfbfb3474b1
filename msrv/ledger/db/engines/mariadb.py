# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""MariaDB and MySQL."""

import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Any, Final

from sqlalchemy import event, insert, text, update
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db.engines.dialect import Dialect, ServerState
from msrv.ledger.db.engines.transport import (
    open_server,
    unsupported_option,
    without_authority,
)
from msrv.ledger.db.schema import marks
from msrv.ledger.errors import DatabaseUnavailable
from msrv.ledger.timeouts import (
    CONNECT_SECONDS,
    UPGRADE_LOCK_SECONDS,
    UPGRADE_SECONDS,
)

WRITER: Final = "writer"
"""Name of the row in `marks` that each writer changes on Galera."""
_CLUSTERED: Final = "clustered"
_LOCK: Final = "msrv-ledger-upgrade"


def _open(url: URL, rules: ConnectionRules) -> AsyncEngine:
    from msrv.ledger.db.engines.mariadb_connection import (  # noqa: PLC0415 - an extra
        connect,
    )

    url, rules = without_authority(url, rules, "ssl_ca")
    for name in url.query:
        if name.startswith("ssl"):
            raise unsupported_option(name)
    engine = open_server(
        url.set(drivername="mysql+aiomysql"),
        {
            "async_creator_fn": functools.partial(connect, rules),
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_SECONDS,
            "init_command": (
                "SET SESSION sql_mode = "
                "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION "
                f"innodb_lock_wait_timeout = {CONNECT_SECONDS}"
            ),
        },
    )
    event.listen(engine.sync_engine, "connect", _note_cluster)
    return engine


def _note_cluster(connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401 - DB-API
    cursor = connection.cursor()
    cursor.execute("SHOW VARIABLES LIKE 'wsrep_on'")
    row = cursor.fetchone()
    cursor.close()
    record.info[_CLUSTERED] = row is not None and row[1] == "ON"


async def _lock_writers(connection: AsyncConnection) -> None:
    """Conflict with every other writer of a Galera cluster.

    A lock of a row is held on one node only. Of two transactions that change
    a row on two nodes, the second is rolled back: so even with a writer on
    each node, what was read at first is true until the end.
    """
    info = await connection.run_sync(lambda each: each.info)
    if not info[_CLUSTERED]:
        return
    row = marks.c.name == WRITER
    changed = await connection.execute(
        update(marks).where(row).values(value=marks.c.value + 1)
    )
    if not changed.rowcount:
        await connection.execute(insert(marks), {"name": WRITER, "value": 1})


async def _prepare_long(connection: AsyncConnection) -> None:
    # The reader of a backup may be slow.
    await connection.exec_driver_sql(
        f"SET SESSION net_write_timeout = {UPGRADE_SECONDS:.0f}"
    )


@contextlib.asynccontextmanager
async def _upgrade_lock(connection: AsyncConnection) -> AsyncIterator[None]:
    # Held until the connection ends: DDL ends a transaction there.
    locked = await connection.scalar(
        text("SELECT GET_LOCK(:name, :seconds)"),
        {"name": _LOCK, "seconds": UPGRADE_LOCK_SECONDS},
    )
    if not locked:
        raise DatabaseUnavailable("another process is upgrading the database")
    try:
        yield
    finally:
        await connection.execute(
            text("SELECT RELEASE_LOCK(:name)"), {"name": _LOCK}
        )


async def _read_state(connection: AsyncConnection) -> ServerState:
    status = await connection.execute(
        text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    )
    row = status.one_or_none()
    now = await connection.scalar(text("SELECT UNIX_TIMESTAMP(NOW(6))"))
    return ServerState(row[1] if row else "", float(now))


MARIADB = Dialect(
    "mariadb",
    "MariaDB",
    _open,
    _prepare_long,
    _lock_writers,
    _upgrade_lock,
    _read_state,
)

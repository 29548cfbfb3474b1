# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""PostgreSQL."""

import contextlib
import functools
from collections.abc import AsyncIterator
from typing import Any, Final

from sqlalchemy import event, exc, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db.engines.dialect import (
    Dialect,
    ServerState,
    no_more_locks,
)
from msrv.ledger.db.engines.error_codes import error_code
from msrv.ledger.db.engines.transport import (
    open_server,
    unsupported_option,
    without_authority,
)
from msrv.ledger.errors import DatabaseUnavailable
from msrv.ledger.timeouts import (
    UPGRADE_LOCK_SECONDS,
    UPGRADE_SECONDS,
)

_LOCK: Final = int.from_bytes(b"msrv-led")
"""Key of the advisory lock of upgrades."""
_LOCK_TIMEOUT: Final = "55P03"
_VERIFIED: Final = frozenset({"require", "verify-ca", "verify-full"})
"""Modes of TLS that promise no more than is always done."""


def _open(url: URL, rules: ConnectionRules) -> AsyncEngine:
    from msrv.ledger.db.engines.postgresql_connection import (  # noqa: PLC0415 - an extra
        connect,
    )

    url, rules = without_authority(url, rules, "sslrootcert")
    if url.query.get("sslmode") in _VERIFIED:
        url = url.difference_update_query(["sslmode"])
    for name, value in url.query.items():
        if name != "host" or not isinstance(value, str):
            raise unsupported_option(name)
    engine = open_server(
        url.set(drivername="postgresql+asyncpg"),
        {"async_creator_fn": functools.partial(connect, rules)},
    )
    event.listen(
        engine.sync_engine, "before_cursor_execute", _without_nul, retval=True
    )
    return engine


def _without_nul(
    _connection: object,
    _cursor: object,
    statement: str,
    parameters: Any,  # noqa: ANN401 - of one execution, or of many
    _context: object,
    executemany: bool,  # noqa: FBT001 - SQLAlchemy's
) -> tuple[str, Any]:
    """Replace NUL, which its texts can't contain, by U+FFFD.

    The other databases accept a title with it: its sale isn't lost here.
    """
    if not executemany:
        return statement, _replace_nul(parameters)
    return statement, [_replace_nul(each) for each in parameters]


def _replace_nul(values: tuple[object, ...]) -> tuple[object, ...]:
    if not any(isinstance(each, str) and "\0" in each for each in values):
        return values
    return tuple(
        each.replace("\0", "\N{REPLACEMENT CHARACTER}")
        if isinstance(each, str)
        else each
        for each in values
    )


async def _prepare_long(connection: AsyncConnection) -> None:
    # A backup's reader, or an upgrade of large tables, may be slow.
    await connection.exec_driver_sql(
        "SET LOCAL idle_in_transaction_session_timeout = "
        f"'{UPGRADE_SECONDS:.0f}s'"
    )


@contextlib.asynccontextmanager
async def _upgrade_lock(connection: AsyncConnection) -> AsyncIterator[None]:
    await connection.exec_driver_sql(
        f"SET LOCAL lock_timeout = '{UPGRADE_LOCK_SECONDS}s'"
    )
    try:
        # Held until the end of the transaction, which changes all tables.
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK}
        )
    except exc.DBAPIError as error:
        if error_code(error) != _LOCK_TIMEOUT:
            raise
        raise DatabaseUnavailable(
            "another process is upgrading the database"
        ) from error
    yield


async def _read_state(connection: AsyncConnection) -> ServerState:
    cipher = await connection.scalar(
        text("SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    )
    now = await connection.scalar(
        text("SELECT extract(epoch FROM clock_timestamp())")
    )
    return ServerState(cipher or "", float(now))


POSTGRESQL = Dialect(
    "postgresql",
    "PostgreSQL",
    _open,
    _prepare_long,
    no_more_locks,
    _upgrade_lock,
    _read_state,
)

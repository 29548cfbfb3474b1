# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Database of the ledger: SQLite in the data folder, or MariaDB.

On either there is one writer at a time: a writer holds a lock until the end of
its transaction, so that replicas never see half of another's changes. Every
transaction has a time-out, however the database behaves.
"""

import asyncio
import contextlib
import functools
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import event, exc, select
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    create_async_engine,
)

from msrv.ledger.connection_rules import (
    DEFAULT_RULES,
    SSL_ERROR,
    ConnectionRules,
    require_driver,
)
from msrv.ledger.db.schema import marks
from msrv.ledger.errors import (
    DatabaseError,
    DatabaseUnavailable,
    DatabaseUnusable,
    EventRejected,
)
from msrv.ledger.timeouts import (
    CONNECT_SECONDS,
    TRANSACTION_SECONDS,
    UPGRADE_SECONDS,
)
from msrv.settings import Settings

FILE_NAME: Final = "ledger.sqlite3"
CHANGES: Final = "changes"
"""Name of the row in `marks` with the number of the last refund change."""

_POOL: Final = 4
_WRITES: Final = "writes"

# https://mariadb.com/docs/server/reference/error-codes
_PERMANENT: Final = frozenset(
    {1044, 1045, 1049, 1142, 1143, 1146, 1054, SSL_ERROR}
)
_REJECTED: Final = frozenset(
    {1048, 1062, 1264, 1292, 1366, 1406, 1690, 3819, 4025}
)
_FULL: Final = frozenset({3, 1021, 1041, 1114, 1030})
_SQLITE_BROKEN: Final = frozenset(
    {
        "SQLITE_NOTADB",
        "SQLITE_CORRUPT",
        "SQLITE_CANTOPEN",
        "SQLITE_READONLY",
        "SQLITE_PERM",
        "SQLITE_AUTH",
    }
)


class Database:
    """Connection pool to one database, which connects when it is needed.

    `timeout_seconds` is the default for transactions. Raises DatabaseUnusable
    for a URL that can't be used, and PackageMissing without its driver.
    """

    def __init__(
        self,
        url: str | URL,
        *,
        rules: ConnectionRules = DEFAULT_RULES,
        timeout_seconds: float = TRANSACTION_SECONDS,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._engine = _engine(make_url(url), rules)
        self._writer = self._engine.execution_options(**{_WRITES: True})

    @classmethod
    def open(
        cls, url: str | None, data: Path, rules: ConnectionRules
    ) -> "Database":
        """Return the database of a URL, or the file in a data folder.

        `rules` has no default: a command that forgot the operator's would
        refuse their certificate authority.
        """
        if url is not None:
            return cls(url, rules=rules)
        return cls(URL.create("sqlite", database=str(data / FILE_NAME)))

    @classmethod
    def of(cls, settings: Settings) -> "Database":
        """Return the database that the settings state."""
        return cls.open(
            settings.database_url, settings.data, ConnectionRules.of(settings)
        )

    @property
    def is_embedded(self) -> bool:
        """True for the file in the data folder, False for a server."""
        return self._engine.dialect.name == "sqlite"

    @property
    def name(self) -> str:
        """Name for messages, without user name and password."""
        url = self._engine.url
        if self.is_embedded:
            return f"SQLite, {url.database}"
        where = url.host or url.query.get("unix_socket") or "localhost"
        return f"MariaDB, {url.database} on {where}"

    @contextlib.asynccontextmanager
    async def read_transaction(
        self, timeout_seconds: float | None = None
    ) -> AsyncIterator[AsyncConnection]:
        """Read within one transaction. Raises DatabaseError."""
        async with self._transaction(
            self._engine, timeout_seconds or self._timeout_seconds
        ) as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def write_transaction(
        self, timeout_seconds: float | None = None
    ) -> AsyncIterator[AsyncConnection]:
        """Write within one transaction, as the only writer.

        Raises DatabaseError.
        """
        mark = select(marks.c.value).where(marks.c.name == CHANGES)
        async with self._transaction(
            self._writer, timeout_seconds or self._timeout_seconds
        ) as connection:
            await connection.execute(mark.with_for_update())
            yield connection

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Read every table as it is at one moment, for up to an hour.

        Writers don't wait meanwhile. Raises DatabaseError.
        """
        engine = self._engine
        if not self.is_embedded:
            # InnoDB's snapshot is of the first query; SQLite's always is.
            engine = engine.execution_options(
                isolation_level="REPEATABLE READ"
            )
        async with self._transaction(engine, UPGRADE_SECONDS) as connection:
            if not self.is_embedded:
                # The reader of a backup may be slow.
                await connection.exec_driver_sql(
                    f"SET SESSION net_write_timeout = {UPGRADE_SECONDS:.0f}"
                )
            yield connection

    @contextlib.asynccontextmanager
    async def schema_transaction(self) -> AsyncIterator[AsyncConnection]:
        """Change the tables themselves. Raises DatabaseError."""
        async with self._transaction(
            self._writer, UPGRADE_SECONDS
        ) as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def _transaction(
        self, engine: AsyncEngine, timeout_seconds: float
    ) -> AsyncIterator[AsyncConnection]:
        with _translate_errors(timeout_seconds):
            async with (
                asyncio.timeout(timeout_seconds),
                engine.begin() as connection,
            ):
                yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _engine(url: URL, rules: ConnectionRules) -> AsyncEngine:
    """Return the engine for a URL.

    Raises DatabaseUnusable and PackageMissing.
    """
    kind = url.get_backend_name()
    if kind == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(
            url.set(drivername="sqlite+aiosqlite"),
            pool_size=_POOL,
            connect_args={"timeout": CONNECT_SECONDS},
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    if kind in {"mysql", "mariadb"}:
        require_driver(kind)
        from msrv.ledger.db.connection import (  # noqa: PLC0415 - an extra
            connect,
        )

        url, rules = _without_tls_options(url, rules)
        return create_async_engine(
            url.set(drivername="mysql+aiomysql"),
            pool_size=_POOL,
            max_overflow=0,
            pool_timeout=CONNECT_SECONDS,
            pool_pre_ping=True,
            pool_recycle=600,
            isolation_level="READ COMMITTED",
            connect_args={
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
    raise DatabaseUnusable(
        f"MSRV_DATABASE: {kind} is not a supported database"
    )


def _without_tls_options(
    url: URL, rules: ConnectionRules
) -> tuple[URL, ConnectionRules]:
    """Move `?ssl_ca=FILE` from a URL to the rules; refuse other TLS options.

    An ignored option would look as if it were in effect.
    """
    options = [name for name in url.query if name.startswith("ssl")]
    for name in options:
        value = url.query[name]
        if name != "ssl_ca" or not isinstance(value, str):
            raise DatabaseUnusable(
                f"MSRV_DATABASE: {name} is not supported; TLS is always "
                "verified, by the authority in MSRV_DATABASE_CA if it is set"
            )
        rules = replace(rules, ca=Path(value))
    return url.difference_update_query(options), rules


def _prepare_sqlite(connection: Any, record: object) -> None:  # noqa: ANN401, ARG001 - DB-API
    # Otherwise the driver starts transactions by itself.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # Committed events are deleted from the spool: they have to be on disk.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    # Otherwise two that read and then write would deadlock.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def _translate_errors(seconds: float) -> Iterator[None]:
    """Raise a driver's errors as errors of the ledger."""
    try:
        yield
    except TimeoutError as error:
        raise DatabaseUnavailable(
            f"the database did not answer within {seconds:g} s"
        ) from error
    except (exc.IntegrityError, exc.DataError) as error:
        raise EventRejected(_message(error)) from error
    except exc.DBAPIError as error:
        raise _error_type(error)(_message(error)) from error
    except exc.SQLAlchemyError as error:
        raise DatabaseUnavailable(
            f"database error: {type(error).__name__}"
        ) from error
    except OSError as error:
        raise DatabaseUnavailable(
            f"the database can't be reached: {error.strerror or error}"
        ) from error


def _error_type(error: exc.DBAPIError) -> type[DatabaseError]:
    code = _code(error)
    if code in _REJECTED:
        return EventRejected
    if isinstance(code, str):
        broken = any(code.startswith(each) for each in _SQLITE_BROKEN)
        return DatabaseUnusable if broken else DatabaseUnavailable
    return DatabaseUnusable if code in _PERMANENT else DatabaseUnavailable


def _code(error: exc.DBAPIError) -> int | str | None:
    """Return SQLite's name of an error, or MariaDB's number."""
    orig: BaseException | None = error.orig
    while orig is not None:
        if isinstance(orig, sqlite3.Error):
            return getattr(orig, "sqlite_errorname", None)
        if orig.args and isinstance(orig.args[0], int):
            return orig.args[0]
        orig = orig.__cause__
    return None


def _message(error: exc.DBAPIError) -> str:
    """Return the error in one line, without the statement and its values."""
    code = _code(error)
    if code in _FULL or code == "SQLITE_FULL":
        return f"the database is full ({code})"
    text = str(error.orig.args[-1]) if error.orig and error.orig.args else ""
    line = " ".join(text.split())[:200]
    return f"database error: {line or type(error.orig).__name__} ({code})"

"""The database behind the ledger: SQLite in the data folder, or MariaDB.

One writer at a time, on either: who writes holds a lock that ends with its
transaction, so that replicas never see each other's halves. Nothing here
waits for longer than it says, however the database behaves.
"""

import asyncio
import contextlib
import functools
import logging
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

from msrv.ledger.db.connection import SSL_ERROR, connect
from msrv.ledger.db.connection_rules import DEFAULT_RULES, ConnectionRules
from msrv.ledger.db.schema import marks
from msrv.ledger.errors import DatabaseError, Rejected, Unreachable, Unsuitable

log = logging.getLogger(__name__)

FILE_NAME: Final = "ledger.sqlite3"
SECONDS: Final = 10.0
"""How long a transaction may take, connecting included."""
UPGRADE_SECONDS: Final = 3600.0
CHANGES: Final = "changes"

_CONNECT_SECONDS: Final = 5
_POOL: Final = 4
_WRITES: Final = "writes"

# https://mariadb.com/docs/server/reference/error-codes
_NOT_BY_WAITING: Final = frozenset(
    {1044, 1045, 1049, 1142, 1143, 1146, 1054, SSL_ERROR}
)
_NOT_THIS: Final = frozenset(
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
    """One database, connected to when it is needed.

    Raises Unsuitable for an address that can't be used.
    """

    def __init__(
        self,
        url: str | URL,
        *,
        rules: ConnectionRules = DEFAULT_RULES,
        timeout_seconds: float = SECONDS,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        self._engine = _engine(make_url(url), rules)
        self._writer = self._engine.execution_options(**{_WRITES: True})

    @classmethod
    def of(
        cls,
        url: str | None,
        data: Path,
        rules: ConnectionRules = DEFAULT_RULES,
    ) -> "Database":
        """Return the database of an address, or the file in a data folder."""
        if url is not None:
            return cls(url, rules=rules)
        return cls(URL.create("sqlite", database=str(data / FILE_NAME)))

    @property
    def is_embedded(self) -> bool:
        """Whether it is a file of ours, and nobody else's to look after."""
        return self._engine.dialect.name == "sqlite"

    @property
    def name(self) -> str:
        """What to call it where people read: no password, no user."""
        url = self._engine.url
        if self.is_embedded:
            return f"SQLite, {url.database}"
        where = url.host or url.query.get("unix_socket") or "localhost"
        return f"MariaDB, {url.database} on {where}"

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Read within one transaction. Raises DatabaseError."""
        with _plainly(self._timeout_seconds):
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._engine.begin() as connection,
            ):
                yield connection

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Write within one transaction, alone. Raises DatabaseError."""
        mark = select(marks.c.value).where(marks.c.name == CHANGES)
        with _plainly(self._timeout_seconds):
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._writer.begin() as connection,
            ):
                await connection.execute(mark.with_for_update())
                yield connection

    @contextlib.asynccontextmanager
    async def changing(self) -> AsyncIterator[AsyncConnection]:
        """Change the tables themselves. Raises DatabaseError."""
        with _plainly(UPGRADE_SECONDS):
            async with (
                asyncio.timeout(UPGRADE_SECONDS),
                self._writer.begin() as connection,
            ):
                yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _engine(url: URL, rules: ConnectionRules) -> AsyncEngine:
    """Make the engine for an address. Raises Unsuitable."""
    kind = url.get_backend_name()
    if kind == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(
            url.set(drivername="sqlite+aiosqlite"),
            pool_size=_POOL,
            connect_args={"timeout": _CONNECT_SECONDS},
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    if kind in {"mysql", "mariadb"}:
        url, rules = _without_tls_options(url, rules)
        return create_async_engine(
            url.set(drivername="mysql+aiomysql"),
            pool_size=_POOL,
            max_overflow=0,
            pool_timeout=_CONNECT_SECONDS,
            pool_pre_ping=True,
            pool_recycle=600,
            isolation_level="READ COMMITTED",
            connect_args={
                "async_creator_fn": functools.partial(connect, rules),
                "charset": "utf8mb4",
                "connect_timeout": _CONNECT_SECONDS,
                "init_command": (
                    "SET SESSION sql_mode = "
                    "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION "
                    f"innodb_lock_wait_timeout = {_CONNECT_SECONDS}"
                ),
            },
        )
    raise Unsuitable(f"MSRV_DATABASE: {kind} is not a database it can use")


def _without_tls_options(
    url: URL, rules: ConnectionRules
) -> tuple[URL, ConnectionRules]:
    """Read `?ssl_ca=FILE` of an address; refuse other options of TLS.

    One that is overlooked would be taken for one that holds.
    """
    options = [name for name in url.query if name.startswith("ssl")]
    for name in options:
        value = url.query[name]
        if name != "ssl_ca" or not isinstance(value, str):
            raise Unsuitable(
                f"MSRV_DATABASE: {name} is not understood; TLS is always "
                "verified, and MSRV_DATABASE_CA names the authority"
            )
        rules = replace(rules, ca=Path(value))
    return url.difference_update_query(options), rules


def _prepare_sqlite(connection: Any, record: object) -> None:  # noqa: ANN401, ARG001 - DB-API
    # The driver would begin transactions at moments of its own.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # What is committed is deleted from the spool: it has to be on the disk.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    # Else two that read and then write would wait for each other in vain.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextlib.contextmanager
def _plainly(seconds: float) -> Iterator[None]:
    """Turn what a driver raises into the ledger's own errors."""
    try:
        yield
    except TimeoutError as error:
        raise Unreachable(
            f"the database did not answer within {seconds:g} s"
        ) from error
    except (exc.IntegrityError, exc.DataError) as error:
        raise Rejected(_words(error)) from error
    except exc.DBAPIError as error:
        raise _kind(error)(_words(error)) from error
    except exc.SQLAlchemyError as error:
        raise Unreachable(f"the database: {type(error).__name__}") from error
    except OSError as error:
        raise Unreachable(
            f"the database can't be reached: {error.strerror or error}"
        ) from error


def _kind(error: exc.DBAPIError) -> type[DatabaseError]:
    code = _code(error)
    if code in _NOT_THIS:
        return Rejected
    if isinstance(code, str):
        broken = any(code.startswith(each) for each in _SQLITE_BROKEN)
        return Unsuitable if broken else Unreachable
    return Unsuitable if code in _NOT_BY_WAITING else Unreachable


def _code(error: exc.DBAPIError) -> int | str | None:
    """Give SQLite's name of an error, or MariaDB's number."""
    orig: BaseException | None = error.orig
    while orig is not None:
        if isinstance(orig, sqlite3.Error):
            return getattr(orig, "sqlite_errorname", None)
        if orig.args and isinstance(orig.args[0], int):
            return orig.args[0]
        orig = orig.__cause__
    return None


def _words(error: exc.DBAPIError) -> str:
    """Say what is wrong in a line, without the statement and its values."""
    code = _code(error)
    if code in _FULL or code == "SQLITE_FULL":
        return f"the database is full ({code})"
    text = str(error.orig.args[-1]) if error.orig and error.orig.args else ""
    line = " ".join(text.split())[:200]
    return f"the database says: {line or type(error.orig).__name__} ({code})"

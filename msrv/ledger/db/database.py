# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Database of the ledger: SQLite in the data folder, or a server's.

On each there is one writer at a time: a writer holds a lock until the end of
its transaction, so that replicas never see half of another's changes. Every
transaction has a time-out, however the database behaves.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from msrv.ledger.connection_rules import (
    DEFAULT_RULES,
    ConnectionRules,
    require_driver,
)
from msrv.ledger.db.engines.dialect import WRITES, Dialect
from msrv.ledger.db.engines.error_codes import translate_errors
from msrv.ledger.db.engines.mariadb import MARIADB
from msrv.ledger.db.engines.postgresql import POSTGRESQL
from msrv.ledger.db.engines.replica import ReplicaReads
from msrv.ledger.db.engines.sqlite import SQLITE
from msrv.ledger.db.schema import marks
from msrv.ledger.errors import DatabaseUnusable, LedgerMissing
from msrv.ledger.spool import SPOOL_NAME
from msrv.ledger.timeouts import TRANSACTION_SECONDS, UPGRADE_SECONDS
from msrv.settings import Settings

FILE_NAME: Final = "ledger.sqlite3"
CHANGES: Final = "changes"
"""Name of the row in `marks` with the number of the last refund change."""

_FILE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.1
_DIALECTS: Final = {
    "sqlite": SQLITE,
    "mysql": MARIADB,
    "mariadb": MARIADB,
    "postgresql": POSTGRESQL,
    "postgres": POSTGRESQL,
}


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
        parsed = make_url(url)
        self.dialect = _dialect(parsed)
        self._engine = self.dialect.open(parsed, rules)
        self._writer = self._engine.execution_options(**{WRITES: True})
        self._replica: Database | None = None
        if rules.read_url is not None:
            self._replica = Database(
                rules.read_url,
                rules=replace(rules, read_url=None, accepts_standby=True),
                timeout_seconds=timeout_seconds,
            )
            self._reads = ReplicaReads(self._replica.name)

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

    @classmethod
    def existing(cls, settings: Settings) -> "Database":
        """Return the database of a store that has run. Blocks.

        A file that doesn't exist would be created, and a command that is run
        in the wrong folder would report success on an empty ledger. Raises
        LedgerMissing.
        """
        file = settings.data / FILE_NAME
        if settings.database_url is not None:
            url = make_url(settings.database_url)
            if not url.drivername.startswith("sqlite"):
                return cls.of(settings)
            file = Path(url.database or "")
        if not await_file(file, settings.data):
            raise LedgerMissing(file)
        return cls.of(settings)

    @property
    def is_embedded(self) -> bool:
        """True for the file in the data folder, False for a server."""
        return self.dialect is SQLITE

    @property
    def replica(self) -> "Database | None":
        """The replica that reports are read from, if there is one."""
        return self._replica

    @property
    def name(self) -> str:
        """Name for messages, without user name and password."""
        url = self._engine.url
        if self.is_embedded:
            return f"SQLite, {url.database}"
        socket = url.query.get("unix_socket") or url.query.get("host")
        where = url.host or socket or "localhost"
        return f"{self.dialect.name}, {url.database} on {where}"

    @contextlib.asynccontextmanager
    async def read_transaction(
        self,
        timeout_seconds: float | None = None,
        *,
        for_report: bool = False,
    ) -> AsyncIterator[AsyncConnection]:
        """Read within one transaction. Raises DatabaseError.

        `for_report` reads a replica if there is one. It may lack what was
        written just now: nothing is decided by what it has.
        """
        if for_report and self._replica is not None:
            async with self._reads.transaction(
                partial(self._replica.read_transaction, timeout_seconds),
                partial(self.read_transaction, timeout_seconds),
            ) as connection:
                yield connection
            return
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
            await self.dialect.lock_writers(connection)
            yield connection

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Read every table as it is at one moment, for up to an hour.

        Writers don't wait meanwhile. Raises DatabaseError.
        """
        engine = self._engine
        if not self.is_embedded:
            # A server's snapshot is of the first query; SQLite's always is.
            engine = engine.execution_options(
                isolation_level="REPEATABLE READ"
            )
        async with self._transaction(engine, UPGRADE_SECONDS) as connection:
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
        with translate_errors(timeout_seconds):
            async with (
                asyncio.timeout(timeout_seconds),
                engine.begin() as connection,
            ):
                if timeout_seconds >= UPGRADE_SECONDS:
                    await self.dialect.prepare_long(connection)
                yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
        if self._replica is not None:
            await self._replica.close()


def await_file(file: Path, data: Path) -> bool:
    """Return whether the file of a ledger exists. Blocks.

    A store that has just started sells before it creates the file: where the
    data folder has a spool, this waits for it.
    """
    until = time.monotonic() + _FILE_SECONDS
    while not file.is_file():
        if time.monotonic() > until or not (data / SPOOL_NAME).is_dir():
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _dialect(url: URL) -> Dialect:
    """Return the dialect of a URL.

    Raises DatabaseUnusable, and PackageMissing without its driver.
    """
    name = url.get_backend_name()
    if name not in _DIALECTS:
        raise DatabaseUnusable(
            f"MSRV_DATABASE: {name} is not a supported database"
        )
    require_driver(name)
    return _DIALECTS[name]

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Empty ledgers on a database server, lent to one test after the other.

Creating the tables takes a hundred times as long as deleting their rows.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from sqlalchemy import Row, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import CHANGES, Database
from msrv.ledger.db.schema import marks
from tests.ledger.mariadb_server import MariaDBServer
from tests.ledger.postgresql_server import PostgreSQLServer

_REVISION: Final = "alembic_version"
"""Table whose one row stays."""
_COLUMNS: Final = """
SELECT table_name, column_name, data_type FROM information_schema.columns
WHERE table_schema = {schema} ORDER BY 1, 2
"""
_COUNTED: Final = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = DATABASE() AND auto_increment > 1
"""
_END_OTHERS: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class LentLedgers:
    """Databases of a server with the tables of this version, without rows."""

    def __init__(self, server: MariaDBServer | PostgreSQLServer) -> None:
        self._server = server
        self._is_mariadb = isinstance(server, MariaDBServer)
        self._names = itertools.count()
        self._unused: list[str] = []
        self._state: list[Sequence[Row[Any]]] = []
        """State of each: its columns, and its revision."""

    @contextmanager
    def borrowed(self) -> Iterator[str]:
        """Lend the URL of an empty ledger, and empty it afterwards.

        One whose tables a test has changed isn't used again.
        """
        url = self._unused.pop() if self._unused else self._create()
        yield url
        if asyncio.run(self._is_emptied(url)):
            self._unused.append(url)

    def _create(self) -> str:
        url = self._server.create(f"lent_ledger_{next(self._names)}")
        asyncio.run(self._fill(url))
        return url

    async def _fill(self, url: str) -> None:
        database = Database(url)
        await schema_upgrade.upgrade_schema(database)
        await database.close()
        async with self._connected(url) as connection:
            self._state = await self._read_state(connection)

    async def _is_emptied(self, url: str) -> bool:
        """Delete all rows; return whether the tables are as they were."""
        async with self._connected(url) as connection:
            if not self._is_mariadb:
                await connection.execute(text(_END_OTHERS))
            if await self._read_state(connection) != self._state:
                return False
            names = {row[0] for row in self._state[0]} - {_REVISION}
            if self._is_mariadb:
                await self._delete_rows(connection, names)
            else:
                listed = ", ".join(sorted(names))
                await connection.execute(
                    text(f"TRUNCATE {listed} RESTART IDENTITY")
                )
            # The one row that the tables are created with.
            await connection.execute(
                marks.insert().values(name=CHANGES, value=0)
            )
        return True

    @asynccontextmanager
    async def _connected(self, url: str) -> AsyncIterator[AsyncConnection]:
        driver = "mysql+aiomysql" if self._is_mariadb else "postgresql+asyncpg"
        engine = create_async_engine(make_url(url).set(drivername=driver))
        try:
            async with engine.begin() as connection:
                yield connection
        finally:
            await engine.dispose()

    async def _delete_rows(
        self, connection: AsyncConnection, names: set[str]
    ) -> None:
        for name in names:
            await connection.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - its own names
        counted = await connection.execute(text(_COUNTED))
        for (name,) in counted.all():
            await connection.execute(
                text(f"ALTER TABLE {name} AUTO_INCREMENT = 1")
            )

    async def _read_state(
        self, connection: AsyncConnection
    ) -> list[Sequence[Row[Any]]]:
        schema = "DATABASE()" if self._is_mariadb else "current_schema()"
        return [
            (await connection.execute(text(statement))).all()
            for statement in (
                _COLUMNS.format(schema=schema),
                f"SELECT version_num FROM {_REVISION}",  # noqa: S608 - a constant
            )
        ]

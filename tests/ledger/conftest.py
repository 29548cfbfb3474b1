# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Databases for the tests of the ledger: SQLite, MariaDB, PostgreSQL."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from msrv.ledger.db.database import Database
from tests.ledger.lent_ledgers import LentLedgers
from tests.ledger.mariadb_server import MariaDBServer
from tests.ledger.postgresql_server import PostgreSQLServer
from tests.shared_store_parts import SharedStoreParts

_numbers = itertools.count()


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database, of each kind; with tables for `database`."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'a%20file.sqlite3'}"
        return
    if "database" in request.fixturenames:
        ledgers = request.getfixturevalue(f"{request.param}_ledgers")
        assert isinstance(ledgers, LentLedgers)
        with ledgers.borrowed() as url:
            yield url
        return
    server = request.getfixturevalue(request.param)
    if isinstance(server, PostgreSQLServer):
        with server.borrowed() as url:
            yield url
        return
    assert isinstance(server, MariaDBServer)
    yield server.create(f"ledger_{next(_numbers)}")


@pytest.fixture
async def empty(url: str) -> AsyncIterator[Database]:
    """Database without tables."""
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
async def database(
    url: str, empty: Database, shared_store_parts: SharedStoreParts
) -> Database:
    """Database with the tables of this version."""
    if empty.is_embedded:
        path = make_url(url).database
        assert path is not None
        shared_store_parts.data_folder.copy_ledger_to(Path(path))
    return empty

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stores to back up, on each database, and places to restore them to."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.backup.filled_stores import StoreFolder
from tests.ledger.mariadb_server import MariaDBServer
from tests.ledger.postgresql_server import PostgreSQLServer

_numbers = itertools.count()

NewFolder = Callable[[str], StoreFolder]


@pytest.fixture
def new_folder(request: pytest.FixtureRequest, tmp_path: Path) -> NewFolder:
    """Return new data folders, each with a database of the given kind."""

    def create(kind: str) -> StoreFolder:
        number = next(_numbers)
        url = None
        if kind != "sqlite":
            server = request.getfixturevalue(kind)
            assert isinstance(server, MariaDBServer | PostgreSQLServer)
            url = server.create(f"backup_{number}")
        return StoreFolder(tmp_path / f"data-{number}", url)

    return create


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def source(
    request: pytest.FixtureRequest, new_folder: NewFolder
) -> StoreFolder:
    """Data folder of a store that has sold, on each database."""
    folder = new_folder(request.param)
    folder.fill()
    return folder


@pytest.fixture
def sold(new_folder: NewFolder) -> StoreFolder:
    """Data folder of a store that has sold, on SQLite."""
    folder = new_folder("sqlite")
    folder.fill()
    return folder


@pytest.fixture
def empty(new_folder: NewFolder) -> StoreFolder:
    """New data folder, on SQLite."""
    return new_folder("sqlite")

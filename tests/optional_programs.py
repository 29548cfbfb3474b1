# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixtures of optional programs: browsers, encoders and servers.

A test that needs one requests its fixture (`chromium`, `ffmpeg`, `mariadb`,
`postgresql`); without it the test is skipped with a reason, or fails if
`MSRV_TEST_REQUIRE` names it.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chromium import find as find_chromium
from tests.ledger import galera_cluster, mariadb_server, postgresql_server
from tests.ledger.galera_cluster import Cluster
from tests.ledger.lent_ledgers import LentLedgers
from tests.ledger.mariadb_server import MariaDBServer
from tests.ledger.postgresql_server import PostgreSQLServer
from tests.storage.objects import ceph_server
from tests.storage.objects.ceph_server import CephServer


def require(what: str, *, available: bool, reason: str) -> None:
    """Skip the test if something is missing; fail if the run requires it."""
    if available:
        return
    if what in os.environ.get("MSRV_TEST_REQUIRE", "").split(","):
        pytest.fail(f"MSRV_TEST_REQUIRE names {what}: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    """Path of ffmpeg."""
    found = shutil.which("ffmpeg")
    require(
        "ffmpeg", available=found is not None, reason="ffmpeg is not installed"
    )
    assert found
    return found


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of this machine's Chromium or Chrome."""
    found = find_chromium()
    require(
        "browser", available=bool(found), reason="no Chromium is installed"
    )
    assert found
    return found


@pytest.fixture(scope="session")
def mariadbd() -> str:
    """Path of MariaDB's server."""
    program = mariadb_server.find()
    require(
        "mariadbd",
        available=program is not None,
        reason="MariaDB's server is not installed",
    )
    assert program
    return program


@pytest.fixture(scope="session")
def mariadb(
    mariadbd: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MariaDBServer]:
    """MariaDB server for the whole run."""
    server = MariaDBServer(mariadbd, tmp_path_factory.mktemp("mariadb"))
    server.install()
    yield server
    server.stop()


@pytest.fixture
def galera() -> str:
    """Path of Galera's library, which MariaDB's server loads."""
    provider = galera_cluster.find()
    require(
        "mariadbd",
        available=provider is not None,
        reason="Galera is not installed",
    )
    assert provider
    return provider


@pytest.fixture
def cluster(mariadbd: str, galera: str) -> Iterator[Cluster]:
    """Galera cluster of three nodes."""
    with galera_cluster.running(mariadbd, galera) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def postgres() -> Path:
    """Folder of PostgreSQL's programs."""
    programs = postgresql_server.find()
    require(
        "postgres",
        available=programs is not None,
        reason="PostgreSQL's server is not installed",
    )
    assert programs
    return programs


@pytest.fixture(scope="session")
def postgresql(postgres: Path) -> Iterator[PostgreSQLServer]:
    """PostgreSQL server for the whole run."""
    with postgresql_server.running(postgres) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_ledgers(mariadb: MariaDBServer) -> LentLedgers:
    """Empty ledgers on MariaDB, for one test after the other."""
    return LentLedgers(mariadb)


@pytest.fixture(scope="session")
def postgresql_ledgers(postgresql: PostgreSQLServer) -> LentLedgers:
    """Empty ledgers on PostgreSQL, for one test after the other."""
    return LentLedgers(postgresql)


@pytest.fixture(params=["mariadb", "postgresql"])
def database_server(
    request: pytest.FixtureRequest,
) -> MariaDBServer | PostgreSQLServer:
    """Database server for the whole run, of each kind."""
    server = request.getfixturevalue(request.param)
    assert isinstance(server, MariaDBServer | PostgreSQLServer)
    return server


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CephServer]:
    """Ceph's S3 server for the whole run."""
    require(
        "ceph",
        available=ceph_server.is_installed(),
        reason="Ceph's servers are not installed",
    )
    server = CephServer(tmp_path_factory.mktemp("ceph"))
    try:
        server.start()
        yield server
    finally:
        server.stop()

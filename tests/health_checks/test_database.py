# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Check of the ledger's database, on SQLite and on real servers."""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import insert

from msrv.health_checks import database as database_check
from msrv.health_checks.findings import Finding, Outcome
from msrv.health_checks.services import check_database
from msrv.ledger import connection_rules
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import FILE_NAME, Database
from msrv.ledger.db.schema import outgoing_events
from msrv.settings import Settings
from tests.health_checks.conftest import MakeContext
from tests.ledger.mariadb_server import (
    PASSWORD,
    MariaDBServer,
    SecureServer,
    running_with_tls,
)
from tests.ledger.postgresql_server import PostgreSQLServer

SALE = {
    "number": 7,
    "event_id": "an-event",
    "kind": "sale",
    "order_id": "",
    "item_ids": "",
    "amount_minor": 100,
    "at": 1_800_000_000,
}
PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL


def outcomes(findings: object) -> list[Outcome]:
    assert isinstance(findings, (list, tuple))
    for each in findings:
        assert isinstance(each, Finding)
        assert bool(each.fix) == (each.outcome is not PASS)
        assert PASSWORD not in each.text + each.fix
    return [each.outcome for each in findings]


async def test_file_that_does_not_exist_yet(
    context: MakeContext, settings: Settings
) -> None:
    (found,) = await check_database(context())
    assert (found.outcome, found.text) == (
        PASS,
        "SQLite, created at the first start",
    )
    assert not settings.data.exists()


async def test_file_of_this_version(
    context: MakeContext, settings: Settings
) -> None:
    settings.data.mkdir()
    database = Database(f"sqlite:///{settings.data / FILE_NAME}")
    await schema_upgrade.upgrade_schema(database)
    await database.close()
    (found,) = await check_database(context())
    assert found.outcome is PASS
    assert f"tables at {schema_upgrade.HEAD}" in found.text


async def test_file_that_is_no_database(
    context: MakeContext, settings: Settings
) -> None:
    settings.data.mkdir()
    (settings.data / FILE_NAME).write_text("hello " * 1000)
    (found,) = await check_database(context())
    assert found.outcome is FAIL


async def test_file_of_a_newer_version(
    context: MakeContext, settings: Settings
) -> None:
    settings.data.mkdir()
    path = settings.data / FILE_NAME
    database = Database(f"sqlite:///{path}")
    await schema_upgrade.upgrade_schema(database)
    await database.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    (found,) = await check_database(context())
    assert found.outcome is FAIL
    assert "run the newer version" in found.text


async def test_server_that_is_down(context: MakeContext) -> None:
    url = SecretStr("mysql://a:secret-word@127.0.0.1:1/x")
    (found,) = await check_database(context(database=url))
    assert found.outcome is FAIL
    assert "secret-word" not in found.text
    assert "kept in the data folder" in found.fix


async def test_server_on_this_machine(
    context: MakeContext, database_server: MariaDBServer | PostgreSQLServer
) -> None:
    url = SecretStr(
        await asyncio.to_thread(database_server.create, "health_checks")
    )
    at = context(database=url)
    (found,) = await check_database(at)
    assert found.outcome is FAIL
    assert "msrv ledger upgrade" in found.text
    database = Database(url.get_secret_value())
    await schema_upgrade.upgrade_schema(database)
    await database.close()
    found, transport = await check_database(at)
    assert (found.outcome, transport.outcome) == (PASS, PASS)
    assert transport.text == "without TLS, on this machine"
    base = at.clock
    ahead = replace(at, clock=lambda: base() + 30)
    findings = await check_database(ahead)
    assert outcomes(findings) == [PASS, PASS, WARN]
    assert "ahead of the database's" in findings[2].text


@pytest.mark.parametrize("password", ["p", "p[ss"])
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("localhost", "on this machine"),
        ("[::1]:3307", "on this machine"),
        ("", "on this machine"),
        ("db.example", "MSRV_DATABASE_PRIVATE_NETWORKS"),
        ("10.1.2.3:3306", "MSRV_DATABASE_PRIVATE_NETWORKS"),
    ],
)
def test_connection_without_tls_says_why_it_may(
    password: str, where: str, expected: str
) -> None:
    url = f"mysql://u:{password}@{where}/msrv"
    found = database_check._transport(url, "")
    assert expected in found.text


async def test_server_with_a_wrong_password(
    context: MakeContext, mariadb: MariaDBServer
) -> None:
    url = mariadb.url("mysql").replace("p%40ss", "wrong")
    (found,) = await check_database(context(database=SecretStr(url)))
    assert found.outcome is FAIL
    assert "Access denied" in found.text


@pytest.fixture(scope="module")
def secure(
    mariadbd: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecureServer]:
    """MariaDB that offers TLS, as `localhost`."""
    with running_with_tls(
        mariadbd, tmp_path_factory.mktemp("mariadb-tls")
    ) as server:
        yield server


async def test_server_over_tls(
    context: MakeContext,
    secure: SecureServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(connection_rules, "LOOPBACK", ())
    url = await asyncio.to_thread(secure.server.create, "health_checks_tls")
    url = url.replace("127.0.0.1", "localhost")
    database = Database(
        url, rules=connection_rules.ConnectionRules(ca=secure.ca)
    )
    await schema_upgrade.upgrade_schema(database)
    await database.close()
    at = context(database=SecretStr(url), database_ca=secure.ca)
    _, transport = await check_database(at)
    assert transport.outcome is PASS
    assert transport.text.startswith("verified TLS (TLS_")
    (found,) = await check_database(context(database=SecretStr(url)))
    assert found.outcome is FAIL
    assert "MSRV_DATABASE_CA" in found.text
    gone = tmp_path / "gone.pem"
    (found,) = await check_database(
        context(database=SecretStr(url), database_ca=gone)
    )
    assert f"can't read {gone}" in found.text


async def test_replica_that_works_lags_or_is_away(
    context: MakeContext,
    database_server: MariaDBServer | PostgreSQLServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second database stands for a replica of the first."""
    urls = [
        await asyncio.to_thread(database_server.create, name)
        for name in ("led", "replicated")
    ]
    for url in urls:
        database = Database(url)
        await schema_upgrade.upgrade_schema(database)
        await database.close()
    settings = {
        "database": SecretStr(urls[0]),
        "database_read": SecretStr(urls[1]),
    }
    found = await check_database(context(**settings))
    assert outcomes(found) == [PASS] * 4
    assert "replicated" in found[2].text

    database = Database(urls[0])
    async with database.write_transaction() as connection:
        await connection.execute(insert(outgoing_events).values(SALE))
    await database.close()
    monkeypatch.setattr(database_check, "_LAG_SECONDS", 0.1)
    found = await check_database(context(**settings))
    assert outcomes(found) == [PASS, PASS, WARN]
    assert "is more than 0.1 s behind" in found[2].text

    settings["database_read"] = SecretStr(urls[1] + "elsewhere")
    found = await check_database(context(**settings))
    assert outcomes(found) == [PASS, PASS, WARN]
    assert "MSRV_DATABASE_READ" in found[2].text

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Connections to PostgreSQL: where TLS is required, and its verification."""

import asyncio
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from sqlalchemy import text

from msrv.ledger import connection_rules
from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db.database import Database
from msrv.ledger.errors import (
    DatabaseUnavailable,
    DatabaseUnusable,
)
from tests.ledger.db.engines.refused_connections import refusal
from tests.ledger.postgresql_server import (
    PostgreSQLServer,
    running_with_tls,
)

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


@pytest.fixture
def nothing_is_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat this machine's own address as that of another machine."""
    monkeypatch.setattr(connection_rules, "LOOPBACK", ())


@pytest.mark.usefixtures("nothing_is_loopback")
async def test_server_without_tls_is_sent_nothing() -> None:
    """Neither the user name nor the name of the database is sent."""
    received = bytearray()
    ended = asyncio.Event()

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        received.extend(await reader.readexactly(len(SSL_REQUEST)))
        writer.write(b"N")
        received.extend(await reader.read())
        writer.close()
        await writer.wait_closed()
        ended.set()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        error = await refusal(f"postgresql://msrv:pw@127.0.0.1:{port}/msrv")
        await ended.wait()
    assert isinstance(error, DatabaseUnusable)
    assert "no TLS" in str(error)
    assert "MSRV_DATABASE_PRIVATE_NETWORKS" in str(error)
    assert bytes(received) == SSL_REQUEST


@pytest.fixture(scope="module")
def secure(postgres: Path) -> Iterator[tuple[PostgreSQLServer, Path]]:
    """PostgreSQL that offers TLS, as `localhost`, and its authority."""
    with running_with_tls(postgres) as server:
        yield server


async def cipher_of(url: str, rules: ConnectionRules) -> str:
    """Return the cipher of a connection, empty without TLS."""
    database = Database(url, rules=rules)
    try:
        async with database.read_transaction() as connection:
            assert database.dialect.read_state is not None
            return (await database.dialect.read_state(connection)).cipher
    finally:
        await database.close()


async def test_tls_is_verified_except_in_private_networks(
    secure: tuple[PostgreSQLServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, ca = secure
    by_address = server.url("postgres")
    by_name = by_address.replace("127.0.0.1", "localhost")
    assert await cipher_of(by_address, ConnectionRules()) == ""
    monkeypatch.setattr(connection_rules, "LOOPBACK", ())
    private = ConnectionRules(private_networks=(ip_network("127.0.0.0/8"),))
    assert await cipher_of(by_address, private) == ""
    trusting = ConnectionRules(ca=ca)
    assert "TLS" in await cipher_of(by_name, trusting)
    options = f"?sslmode=require&sslrootcert={ca}"
    assert await cipher_of(by_name + options, ConnectionRules())
    for error in (
        await refusal(by_name),
        await refusal(by_address, trusting),
    ):
        assert isinstance(error, DatabaseUnusable)
        assert "can't be verified" in str(error)
        assert "MSRV_DATABASE_CA" in str(error)
    gone = ca.with_name("gone.pem")
    error = await refusal(by_name, ConnectionRules(ca=gone))
    assert f"can't read {gone}" in str(error)


@pytest.mark.parametrize(
    "option",
    ["sslmode=disable", "sslmode=prefer", "sslcert=x", "options=-c", "ssl=0"],
)
def test_unsupported_option_is_refused(option: str) -> None:
    with pytest.raises(DatabaseUnusable, match=option.partition("=")[0]):
        Database(f"postgresql://u:p@db.example/msrv?{option}")


async def test_socket_needs_no_tls(postgresql: PostgreSQLServer) -> None:
    folder = postgresql.folder
    socket = next(folder.glob(".s.PGSQL.*[0-9]"))
    socket.with_name(".s.PGSQL.5432").symlink_to(socket)
    credentials = postgresql.url("postgres").partition("@")[0]
    url = f"{credentials}@/postgres?host={folder}"
    assert await cipher_of(url, ConnectionRules()) == ""
    assert Database(url).name == f"PostgreSQL, postgres on {folder}"


async def test_refused_login_is_reported_without_the_password(
    postgresql: PostgreSQLServer,
) -> None:
    error = await refusal(
        postgresql.url("postgres").replace("p%40ss", "wrong")
    )
    assert isinstance(error, DatabaseUnusable)
    assert "password authentication failed" in str(error)
    assert "wrong" not in str(error)
    error = await refusal(postgresql.url("no_such_database"))
    assert isinstance(error, DatabaseUnusable)
    assert "does not exist" in str(error)


async def test_standby_and_other_encodings_are_refused(
    postgresql: PostgreSQLServer,
) -> None:
    url = await asyncio.to_thread(postgresql.create, "read_only")
    database = Database(url)
    async with database.read_transaction() as connection:
        await connection.execute(
            text(
                "ALTER DATABASE read_only "
                "SET default_transaction_read_only = on"
            )
        )
    await database.close()
    error = await refusal(url)
    assert isinstance(error, DatabaseUnavailable)
    assert "standby" in str(error)
    await asyncio.to_thread(
        postgresql.create,
        "latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' "
        "TEMPLATE template0",
    )
    error = await refusal(postgresql.url("latin"))
    assert isinstance(error, DatabaseUnusable)
    assert "ENCODING 'UTF8'" in str(error)

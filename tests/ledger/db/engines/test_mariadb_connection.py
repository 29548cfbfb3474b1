# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Connections to MariaDB: where TLS is required, and its verification."""

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from sqlalchemy import text

from msrv.ledger import connection_rules
from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db.database import Database
from msrv.ledger.errors import DatabaseUnusable
from msrv.settings import WrongSetting, load
from tests.ledger.db.engines.refused_connections import refusal
from tests.ledger.mariadb_server import SecureServer, running_with_tls

SSL = 0x0800
SECURE_CONNECTION = 0x8000
PROTOCOL_41 = 0x0200


@pytest.mark.parametrize(
    ("address", "private", "plain"),
    [
        ("127.0.0.1", [], True),
        ("127.8.9.10", [], True),
        ("::1", [], True),
        ("::ffff:127.0.0.1", [], True),
        ("10.1.2.3", [], False),
        ("192.168.1.2", [], False),
        ("10.1.2.3", ["10.1.2.0/24"], True),
        ("10.1.3.3", ["10.1.2.0/24"], False),
        ("::ffff:10.1.2.3", ["10.1.2.0/24"], True),
        ("fd00::1", ["fd00::/8"], True),
        ("2001:db8::1", ["fd00::/8", "10.0.0.0/8"], False),
        ("203.0.113.9", [], False),
    ],
)
def test_tls_is_optional_on_loopback_and_private_networks_only(
    address: str, private: list[str], *, plain: bool
) -> None:
    networks = tuple(ip_network(each) for each in private)
    rules = ConnectionRules(private_networks=networks)
    assert rules.allows_plain(ip_address(address)) is plain


@pytest.fixture
def nothing_is_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat this machine's own address as that of another machine."""
    monkeypatch.setattr(connection_rules, "LOOPBACK", ())


@dataclass
class PlainServer:
    """Server that offers no TLS, and stores what it receives."""

    port: int = 0
    received: bytearray = field(default_factory=bytearray)

    async def answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        flags = PROTOCOL_41 | SECURE_CONNECTION
        greeting = (
            b"\x0a11.8.6-MariaDB\0"
            + struct.pack("<I", 1)
            + b"12345678\0"
            + struct.pack("<H", flags)
            + b"\x2d\x02\0"
            + struct.pack("<H", 0)
            + b"\x15"
            + bytes(10)
            + b"123456789012\0mysql_native_password\0"
        )
        writer.write(len(greeting).to_bytes(3, "little") + b"\0" + greeting)
        self.received += await reader.read()
        writer.close()


@pytest.fixture
async def plain_server() -> AsyncIterator[PlainServer]:
    """Server without TLS on loopback."""
    server = PlainServer()
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


async def refused(url: str, rules: ConnectionRules) -> str:
    """Return the text of the error that no other attempt would change."""
    error = await refusal(url, rules)
    assert isinstance(error, DatabaseUnusable)
    return str(error)


@pytest.mark.usefixtures("nothing_is_loopback")
async def test_server_without_tls_is_sent_nothing(
    plain_server: PlainServer,
) -> None:
    """Neither the user name nor a hash of the password is sent."""
    url = f"mysql://msrv:pw@127.0.0.1:{plain_server.port}/msrv"
    reason = await refused(url, ConnectionRules())
    assert "no TLS" in reason
    assert "MSRV_DATABASE_PRIVATE_NETWORKS" in reason
    assert bytes(plain_server.received) == b""


@pytest.fixture(scope="module")
def secure(
    mariadbd: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecureServer]:
    """MariaDB that offers TLS, as `localhost`."""
    with running_with_tls(
        mariadbd, tmp_path_factory.mktemp("mariadb-tls")
    ) as server:
        yield server


async def cipher_of(url: str, rules: ConnectionRules) -> str:
    """Return the cipher of a connection, empty without TLS."""
    database = Database(url, rules=rules)
    try:
        async with database.read_transaction() as connection:
            row = (
                await connection.execute(
                    text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
                )
            ).one()
    finally:
        await database.close()
    return str(row[1])


@pytest.mark.usefixtures("nothing_is_loopback")
async def test_connection_to_a_verified_server_is_encrypted(
    secure: SecureServer,
) -> None:
    url = secure.server.url("mysql").replace("127.0.0.1", "localhost")
    assert await cipher_of(url, ConnectionRules(ca=secure.ca)) != ""
    assert await cipher_of(f"{url}?ssl_ca={secure.ca}", ConnectionRules())


@pytest.mark.usefixtures("nothing_is_loopback")
async def test_certificate_of_another_authority_or_name_is_refused(
    secure: SecureServer,
) -> None:
    by_address = secure.server.url("mysql")
    by_name = by_address.replace("127.0.0.1", "localhost")
    reason = await refused(by_name, ConnectionRules())
    assert "can't be verified" in reason
    assert "MSRV_DATABASE_CA" in reason
    reason = await refused(by_address, ConnectionRules(ca=secure.ca))
    assert "can't be verified" in reason


@pytest.mark.usefixtures("nothing_is_loopback")
async def test_private_network_needs_no_tls(
    secure: SecureServer,
) -> None:
    rules = ConnectionRules(private_networks=(ip_network("127.0.0.0/8"),))
    assert await cipher_of(secure.server.url("mysql"), rules) == ""


async def test_loopback_needs_no_tls(secure: SecureServer) -> None:
    assert await cipher_of(secure.server.url("mysql"), ConnectionRules()) == ""


@pytest.mark.parametrize(
    "option", ["ssl_verify_cert=false", "ssl_cert=x", "ssl=0", "ssl_mode=none"]
)
def test_unsupported_tls_option_is_refused(option: str) -> None:
    with pytest.raises(DatabaseUnusable, match=option.partition("=")[0]):
        Database(f"mysql://u:p@db.example/msrv?{option}")


async def test_unreadable_authority_is_named_in_the_error(
    secure: SecureServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_rules, "LOOPBACK", ())
    rules = ConnectionRules(ca=tmp_path / "none.pem")
    reason = await refused(secure.server.url("mysql"), rules)
    assert "none.pem" in reason


def test_rules_are_read_from_the_settings() -> None:
    found = load(
        {
            "MSRV_DATABASE_PRIVATE_NETWORKS": "10.1.2.0/24, fd00::/8",
            "MSRV_DATABASE_CA": "/etc/ca.pem",
        }
    )
    rules = ConnectionRules.of(found)
    assert rules.ca == Path("/etc/ca.pem")
    assert rules.allows_plain(ip_address("10.1.2.9"))
    with pytest.raises(WrongSetting, match="PRIVATE_NETWORKS"):
        load({"MSRV_DATABASE_PRIVATE_NETWORKS": "the office"})

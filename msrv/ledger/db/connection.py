# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Connections to MariaDB: verified TLS, except over private networks.

Unix sockets, loopback addresses, and addresses in networks that the operator
configured as private are connected to without TLS. Elsewhere the server has to
offer TLS, and its certificate has to be valid for the name in the URL, before
a user name and a password's hash are sent to it.
"""

import asyncio
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiomysql import Connection, OperationalError
from pymysql.constants import CLIENT

from msrv.ledger.connection_rules import SSL_ERROR, Address, ConnectionRules


class _TLSConnection(Connection):  # type: ignore[misc] # it carries no types
    """Connection that never sends anything unencrypted."""

    async def _request_authentication(self) -> None:
        # aiomysql continues unencrypted where the server offers no TLS.
        if not self.server_capabilities & CLIENT.SSL:
            raise OperationalError(
                SSL_ERROR,
                "the server offers no TLS, which is required: enable TLS "
                "there, or add its network to "
                "MSRV_DATABASE_PRIVATE_NETWORKS",
            )
        await super()._request_authentication()


async def connect(
    rules: ConnectionRules,
    *,
    host: str = "localhost",
    port: int = 3306,
    unix_socket: str | None = None,
    **options: Any,  # noqa: ANN401 - those of aiomysql.connect
) -> Connection:
    """Open a connection. Raises aiomysql's OperationalError."""
    if unix_socket is not None:
        return await _open(Connection(unix_socket=unix_socket, **options))
    addresses = await _addresses(host, port)
    if not all(rules.allows_plain(each) for each in addresses):
        context = await asyncio.to_thread(_context, rules.ca)
        return await _open_verified(
            _TLSConnection(host=host, port=port, ssl=context, **options)
        )
    # By address: the name may resolve to another one a moment later.
    for address in addresses[:-1]:
        try:
            return await _open(
                Connection(host=str(address), port=port, **options)
            )
        except OperationalError as error:
            if not isinstance(error.__cause__, OSError):
                raise
    return await _open(
        Connection(host=str(addresses[-1]), port=port, **options)
    )


async def _addresses(host: str, port: int) -> list[Address]:
    """Return the addresses of a name. Raises OperationalError."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )
    except OSError as error:
        raise OperationalError(
            2005, f"can't resolve the host name {host}: {error.strerror}"
        ) from error
    return list(
        dict.fromkeys(
            ip_address(str(each[4][0]).partition("%")[0]) for each in found
        )
    )


def _context(ca: Path | None) -> ssl.SSLContext:
    """Return a context that verifies the certificate and its name."""
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise OperationalError(
            SSL_ERROR,
            f"MSRV_DATABASE_CA: can't read {ca}: {error.strerror or error}",
        ) from error


async def _open(connection: Connection) -> Connection:
    await connection._connect()  # noqa: SLF001 - as aiomysql.connect does
    return connection


async def _open_verified(connection: Connection) -> Connection:
    try:
        return await _open(connection)
    except OperationalError as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            raise OperationalError(
                SSL_ERROR,
                "the server's certificate can't be verified: "
                f"{error.__cause__.verify_message}; set MSRV_DATABASE_CA to "
                "its certificate authority",
            ) from error
        raise

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Connections to MariaDB: verified TLS, except over private networks.

Unix sockets, loopback addresses, and addresses in networks that the operator
configured as private are connected to without TLS. Elsewhere the server has to
offer TLS, and its certificate has to be valid for the name in the URL, before
a user name and a password's hash are sent to it.
"""

import asyncio
import ssl
from typing import Any

from aiomysql import Connection, OperationalError
from pymysql.constants import CLIENT

from msrv.ledger.connection_rules import SSL_ERROR, ConnectionRules
from msrv.ledger.db.engines.transport import (
    NO_TLS,
    not_verified,
    resolve,
    verified_context,
)


class _TLSConnection(Connection):  # type: ignore[misc] # it carries no types
    """Connection that never sends anything unencrypted."""

    async def _request_authentication(self) -> None:
        # aiomysql continues unencrypted where the server offers no TLS.
        if not self.server_capabilities & CLIENT.SSL:
            raise OperationalError(SSL_ERROR, NO_TLS)
        await super()._request_authentication()


async def connect(
    rules: ConnectionRules,
    *,
    host: str = "localhost",
    port: int = 3306,
    unix_socket: str | None = None,
    **options: Any,  # noqa: ANN401 - those of aiomysql.connect
) -> Connection:
    """Open a connection.

    Raises aiomysql's OperationalError, DatabaseUnavailable and
    DatabaseUnusable.
    """
    if unix_socket is not None:
        return await _open(Connection(unix_socket=unix_socket, **options))
    addresses = await resolve(host, port)
    if not all(rules.allows_plain(each) for each in addresses):
        context = await asyncio.to_thread(verified_context, rules.ca)
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


async def _open(connection: Connection) -> Connection:
    await connection._connect()  # noqa: SLF001 - as aiomysql.connect does
    return connection


async def _open_verified(connection: Connection) -> Connection:
    try:
        return await _open(connection)
    except OperationalError as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            raise not_verified(error.__cause__) from error
        raise

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Connections to PostgreSQL: verified TLS, except over private networks.

By the same rules as those to MariaDB. Without TLS where it is required,
neither a user name nor a hash of a password is sent.
"""

import asyncio
import ssl
from typing import Any, Final

import asyncpg

from msrv.display_text import reason_of
from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db.engines.transport import (
    NO_TLS,
    not_verified,
    resolve,
    verified_context,
)
from msrv.ledger.errors import DatabaseUnavailable, DatabaseUnusable
from msrv.ledger.timeouts import CONNECT_SECONDS

_IDLE_SECONDS: Final = 60
"""A replica that is cut off in a transaction holds its locks for so long."""
# In a statement, since pools refuse unknown parameters of a connection.
_SETUP: Final = (
    f"SET lock_timeout = '{CONNECT_SECONDS}s'; "
    f"SET idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'; "
    "SET jit = off"
)

_Where = tuple[str, ssl.SSLContext | None]


async def connect(
    rules: ConnectionRules,
    *,
    database: str,
    host: str = "localhost",
    port: int = 5432,
    user: str | None = None,
    password: str | None = None,
) -> "asyncpg.Connection":
    """Open a connection to a server that the rules accept.

    A host that begins with a slash is the folder of a socket. Raises
    DatabaseUnavailable and DatabaseUnusable.
    """
    session = "any" if rules.accepts_standby else "read-write"
    options = {
        "port": port,
        "user": user,
        "password": password,
        "database": database,
        "target_session_attrs": session,
    }
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            *others, last = await _places(rules, host, port)
            for place in others:
                try:
                    return await _open(place, **options)
                except DatabaseUnavailable:
                    continue
            return await _open(last, **options)
    except TimeoutError as error:
        raise DatabaseUnavailable(
            f"the database did not answer within {CONNECT_SECONDS} s"
        ) from error


async def _places(
    rules: ConnectionRules, host: str, port: int
) -> list[_Where]:
    """Return the hosts to try, each with TLS or without."""
    if host.startswith("/"):
        return [(host, None)]
    addresses = await resolve(host, port)
    if all(rules.allows_plain(each) for each in addresses):
        # By address: the name may resolve to another one a moment later.
        return [(str(each), None) for each in addresses]
    return [(host, await asyncio.to_thread(verified_context, rules.ca))]


async def _open(
    where: _Where,
    **options: Any,  # noqa: ANN401 - those of asyncpg.connect
) -> "asyncpg.Connection":
    host, context = where
    try:
        connection = await asyncpg.connect(
            host=host,
            ssl=context or False,
            **options,
        )
    except ssl.SSLCertVerificationError as error:
        raise not_verified(error) from error
    except (
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
        asyncpg.InsufficientPrivilegeError,
    ) as error:
        raise DatabaseUnusable(
            f"database error: {error.message} ({error.sqlstate})"
        ) from error
    except asyncpg.PostgresError as error:
        raise DatabaseUnavailable(
            f"database error: {error.message} ({error.sqlstate})"
        ) from error
    except asyncpg.InterfaceError as error:
        raise DatabaseUnavailable(f"database error: {error}") from error
    except asyncpg.InternalClientError as error:
        raise DatabaseUnavailable(
            "the server is a standby, which can't be written to"
        ) from error
    except OSError as error:
        # Of this type itself where the server refuses TLS, or breaks off.
        if context is not None and type(error) is ConnectionError:
            raise DatabaseUnusable(f"{NO_TLS} ({error})") from error
        raise DatabaseUnavailable(
            f"the database can't be reached: {reason_of(error)}"
        ) from error
    await _prepare(connection)
    return connection


async def _prepare(connection: "asyncpg.Connection") -> None:
    """Set up a session, or close it. Raises DatabaseUnusable."""
    try:
        encoding = connection.get_settings().server_encoding
        if encoding != "UTF8":
            raise DatabaseUnusable(
                f"the database's encoding is {encoding}: create it with "
                "ENCODING 'UTF8'"
            )
        await connection.execute(_SETUP)
    except BaseException:
        connection.terminate()
        raise

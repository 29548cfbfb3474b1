# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Connections to a database server: its pool, addresses, and verified TLS."""

import asyncio
import socket
import ssl
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from msrv.display_text import reason_of
from msrv.ledger.connection_rules import Address, ConnectionRules
from msrv.ledger.db.engines.dialect import POOL
from msrv.ledger.db.engines.error_codes import invalidate_lost
from msrv.ledger.errors import DatabaseUnavailable, DatabaseUnusable
from msrv.ledger.timeouts import CONNECT_SECONDS

NO_TLS = (
    "the server offers no TLS, which is required: enable TLS there, or add "
    "its network to MSRV_DATABASE_PRIVATE_NETWORKS"
)


async def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of a name. Raises DatabaseUnavailable."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )
    except OSError as error:
        raise DatabaseUnavailable(
            f"can't resolve the host name {host}: {reason_of(error)}"
        ) from error
    return list(
        dict.fromkeys(
            ip_address(str(each[4][0]).partition("%")[0]) for each in found
        )
    )


def verified_context(ca: Path | None) -> ssl.SSLContext:
    """Return a context that verifies the certificate and its name.

    Reads files. Raises DatabaseUnusable.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise DatabaseUnusable(
            f"MSRV_DATABASE_CA: can't read {ca}: {reason_of(error)}"
        ) from error


def not_verified(error: ssl.SSLCertVerificationError) -> DatabaseUnusable:
    """Return the error for a certificate that isn't valid."""
    return DatabaseUnusable(
        "the server's certificate can't be verified: "
        f"{error.verify_message}; set MSRV_DATABASE_CA to its certificate "
        "authority"
    )


def without_authority(
    url: URL, rules: ConnectionRules, name: str
) -> tuple[URL, ConnectionRules]:
    """Move an option with a certificate authority from a URL to the rules."""
    value = url.query.get(name)
    if not isinstance(value, str):
        return url, rules
    return (
        url.difference_update_query([name]),
        replace(rules, ca=Path(value)),
    )


def unsupported_option(name: str) -> DatabaseUnusable:
    """Return the error for an option of a URL that is not in effect.

    If it were ignored, it would look as if it were in effect.
    """
    return DatabaseUnusable(
        f"MSRV_DATABASE: {name} is not supported; TLS is always "
        "verified, by the authority in MSRV_DATABASE_CA if it is set"
    )


def open_server(url: URL, connect_args: dict[str, object]) -> AsyncEngine:
    """Return the engine of a server, with a pool of connections."""
    engine = create_async_engine(
        url,
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        pool_pre_ping=True,
        pool_recycle=600,
        isolation_level="READ COMMITTED",
        connect_args=connect_args,
    )
    invalidate_lost(engine)
    return engine

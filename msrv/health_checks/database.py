# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Check of the ledger's database: reachable, of this version, and over TLS.

The same of the replica for reports, and whether it lags behind.

Apart from `services`: SQLAlchemy is slow to import.
"""

import asyncio
import time
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from msrv.display_text import reason_of
from msrv.health_checks.findings import (
    CheckContext,
    Finding,
    OtherClock,
    failed,
    in_thread,
    passed,
    skew,
    warned,
)
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import FILE_NAME, Database
from msrv.ledger.db.schema import outgoing_events
from msrv.ledger.errors import LedgerError
from msrv.settings.optional_packages import PackageMissing
from msrv.translations import deferred

_LAG_SECONDS: Final = 3.0
"""Time in which a replica should have what the database has."""
_POLL_SECONDS: Final = 0.2


async def inspect_database(context: CheckContext) -> Sequence[Finding]:
    """Return the findings on the ledger's database, and on its TLS."""
    settings = context.settings
    file = settings.data / FILE_NAME
    try:
        if settings.database_url is None and not await in_thread(file.exists):
            return [passed(deferred("SQLite, created at the first start"))]
    except OSError as error:
        return [
            failed(
                deferred(
                    "%(folder)s can't be used: %(reason)s",
                    folder=settings.data,
                    reason=reason_of(error),
                ),
                deferred(
                    "create the folder, and let the store's user write to it "
                    "(MSRV_DATA)"
                ),
            )
        ]
    try:
        database = Database.of(settings)
    except (LedgerError, PackageMissing) as error:
        return [failed(str(error), deferred("change MSRV_DATABASE"))]
    try:
        found = await _database(context, database, settings.database_url)
        return found + await _replica(context, database)
    except LedgerError as error:
        return [
            failed(
                f"{database.name}: {error}",
                deferred(
                    "sales continue, and are kept in the data folder until it "
                    "works again"
                ),
            )
        ]
    finally:
        await database.close()


async def _database(
    context: CheckContext, database: Database, url: str | None
) -> list[Finding]:
    """Return the findings on a database. Raises LedgerError."""
    found = []
    async with database.read_transaction() as connection:
        revision = await schema_upgrade.read_revision(connection)
        if database.dialect.read_state is not None:
            started = context.clock()
            state = await database.dialect.read_state(connection)
            found.append(_transport(url, state.cipher))
            found += skew(
                OtherClock.DATABASE, started, context.clock(), state.now, 0
            )
    if revision is not None or not database.is_embedded:
        schema_upgrade.check_revision(revision)
    return [
        passed(
            deferred(
                "%(name)s: tables at %(revision)s",
                name=database.name,
                revision=revision,
            )
        ),
        *found,
    ]


async def _replica(context: CheckContext, database: Database) -> list[Finding]:
    """Return the findings on the replica, none without one.

    Raises LedgerError of the database itself.
    """
    replica = database.replica
    if replica is None:
        return []
    newest = await _newest_event(database)
    read = context.settings.database_read
    url = read.get_secret_value() if read else None
    try:
        found = await _database(context, replica, url)
        until = time.monotonic() + _LAG_SECONDS
        while await _newest_event(replica) < newest:
            if time.monotonic() > until:
                return [
                    warned(
                        deferred(
                            "%(name)s is more than %(seconds)s s behind",
                            name=replica.name,
                            seconds=f"{_LAG_SECONDS:g}",
                        ),
                        deferred(
                            "check its replication: reports lack what it lacks"
                        ),
                    )
                ]
            await asyncio.sleep(_POLL_SECONDS)
    except LedgerError as error:
        return [
            warned(
                f"MSRV_DATABASE_READ, {replica.name}: {error}",
                deferred(
                    "reports are read from MSRV_DATABASE until it works again"
                ),
            )
        ]
    return found


async def _newest_event(database: Database) -> int:
    """Return the number of the last event for the seller, 0 without one."""
    async with database.read_transaction() as connection:
        number = func.max(outgoing_events.c.number)
        return int(await connection.scalar(select(number)) or 0)


def _transport(url: str | None, cipher: str) -> Finding:
    if cipher:
        return passed(deferred("verified TLS (%(cipher)s)", cipher=cipher))
    # A password with a bracket is no URL for urllib.
    host = (url and make_url(url).host) or ""
    try:
        is_local = ip_address(host).is_loopback
    except ValueError:
        is_local = host in {"", "localhost"}
    if is_local:
        return passed(deferred("without TLS, on this machine"))
    return passed(
        deferred("without TLS, in a network of MSRV_DATABASE_PRIVATE_NETWORKS")
    )

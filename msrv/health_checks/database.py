# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Check of the ledger's database: reachable, of this version, and over TLS.

Apart from `services`: SQLAlchemy is slow to import.
"""

from collections.abc import Sequence
from ipaddress import ip_address

from sqlalchemy.engine import make_url

from msrv.health_checks.findings import (
    CheckContext,
    Finding,
    OtherClock,
    failed,
    in_thread,
    passed,
    skew,
)
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import FILE_NAME, Database
from msrv.ledger.errors import LedgerError
from msrv.settings import Settings
from msrv.settings.optional_packages import PackageMissing
from msrv.translations import deferred


async def inspect_database(context: CheckContext) -> Sequence[Finding]:
    """Return the findings on the ledger's database, and on its TLS."""
    settings = context.settings
    file = settings.data / FILE_NAME
    if settings.database_url is None and not await in_thread(file.exists):
        return [passed(deferred("SQLite, created at the first start"))]
    try:
        database = Database.of(settings)
    except (LedgerError, PackageMissing) as error:
        return [failed(str(error), deferred("change MSRV_DATABASE"))]
    try:
        return await _database(context, database)
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
    context: CheckContext, database: Database
) -> list[Finding]:
    """Return the findings on a database. Raises LedgerError."""
    found = []
    async with database.read_transaction() as connection:
        revision = await schema_upgrade.read_revision(connection)
        if database.dialect.read_state is not None:
            started = context.clock()
            state = await database.dialect.read_state(connection)
            found.append(_transport(context.settings, state.cipher))
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


def _transport(settings: Settings, cipher: str) -> Finding:
    if cipher:
        return passed(deferred("verified TLS (%(cipher)s)", cipher=cipher))
    # A password with a bracket is no URL for urllib.
    url = settings.database_url
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

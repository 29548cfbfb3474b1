# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Record of commands that have to work without the database.

It goes to the database, or, while that is unavailable, to the spool in the
data folder, which a running store writes to the database.
"""

import asyncio
import re
import secrets
import time
from typing import Final

import click

from msrv.files import give_to_owner
from msrv.ledger.errors import (
    DatabaseError,
    DatabaseUnusable,
    LedgerError,
)
from msrv.ledger.operators.acts import CLI, OperatorAct
from msrv.ledger.spool import SPOOL_NAME, Spool
from msrv.ledger.timeouts import SIGN_IN_SECONDS
from msrv.settings import Settings
from msrv.settings.optional_packages import PackageMissing

_NOT_IN_SUBJECT: Final = re.compile(r"[^\x21-\x7e]")
_MAX_SUBJECT: Final = 255
_ACT_ID_BYTES: Final = 12


def record_command(settings: Settings, act: str, subject: str = "") -> None:
    """Record an act of the command line.

    Never raises: where it can't be recorded, a warning says so. Before the
    first start of a store there is nothing to record it in.
    """
    event = OperatorAct(
        act_id=secrets.token_hex(_ACT_ID_BYTES),
        at_ms=time.time_ns() // 1_000_000,
        session=CLI,
        act=act,
        subject=_NOT_IN_SUBJECT.sub("_", subject)[:_MAX_SUBJECT],
        actor=CLI,
    )
    try:
        asyncio.run(_record(settings, event))
    except (LedgerError, PackageMissing, OSError) as error:
        click.echo(
            f"warning: not recorded in the activity log: {error}", err=True
        )


async def _record(settings: Settings, event: OperatorAct) -> None:
    """Record an event. Raises LedgerError, PackageMissing, OSError."""
    from msrv.ledger.db import schema_upgrade  # noqa: PLC0415 - slow to import
    from msrv.ledger.db.database import (  # noqa: PLC0415 - slow to import
        FILE_NAME,
        Database,
    )
    from msrv.ledger.db.projection import apply_events  # noqa: PLC0415 - slow to import

    has_ledger = (settings.data / FILE_NAME).exists()
    if settings.database_url is None and not has_ledger:
        return
    database = Database.of(settings)
    try:
        async with database.write_transaction(SIGN_IN_SECONDS) as connection:
            await schema_upgrade.require_revision(connection)
            await apply_events(connection, [event])
    except DatabaseUnusable:
        # The spool is then another version's as well.
        raise
    except DatabaseError:
        if not settings.data.is_dir():
            raise
    else:
        return
    finally:
        await database.close()
    async with Spool(settings.data / SPOOL_NAME) as spool:
        await spool.append(event)
    root = settings.data / SPOOL_NAME
    give_to_owner(settings.data, root, *root.rglob("*"))

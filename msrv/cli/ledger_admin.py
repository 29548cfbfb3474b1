# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Work of the ledger's commands, and their output.

Apart from `ledger`: it imports SQLAlchemy, which other commands don't need.
"""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from msrv.cli.access.operator_admin import record_apart
from msrv.display_text import reason_of
from msrv.ledger import segments
from msrv.ledger.db import commands, old_free_orders, schema, schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.errors import DatabaseError, LedgerError, SpoolVersionMismatch
from msrv.ledger.events import WHOLE_ORDER
from msrv.ledger.orphaned_spools import SET_ASIDE_NAME
from msrv.ledger.segments import SUFFIX
from msrv.ledger.sign_ins import SignInStore
from msrv.ledger.spool import SPOOL_NAME
from msrv.proofs.orders import is_item_id, is_order_id, typed_order_id
from msrv.settings import Settings
from msrv.text_table import labelled, plural, utc_time

_DAY_SECONDS: Final = 86_400


def upgrade(settings: Settings) -> str:
    """Create or upgrade the tables; return a report. Raises LedgerError."""
    return asyncio.run(_upgrade(settings))


def status(settings: Settings) -> tuple[str, LedgerError | None]:
    """Return a report on the ledger, and the error if it can't be used.

    Raises LedgerMissing.
    """
    return asyncio.run(_status(settings))


def tidy(settings: Settings, older_than_days: int, *, delete: bool) -> str:
    """Delete or count old free orders; return a report.

    Raises LedgerError.
    """
    return asyncio.run(_tidy(settings, older_than_days, delete=delete))


def revoke(
    settings: Settings, order: str, item: str | None, *, undo: bool
) -> str:
    """Revoke or restore an order or an item; return a report.

    `order` is an order number as receipts print it; spaces are allowed.
    Raises LedgerError.
    """
    order_id = typed_order_id(order)
    if not is_order_id(order_id):
        raise LedgerError(f"{order!r} is not an order number")
    if item is not None and not is_item_id(item):
        raise LedgerError(f"{item!r} is not an item id")
    return asyncio.run(
        _revoke(settings, order_id, item or WHOLE_ORDER, undo=undo)
    )


def sign_out(settings: Settings) -> str:
    """Sign everyone out of the studio; return a report.

    Raises LedgerError. Even if the database can't be reached, everyone is
    signed out of the replicas with this data folder.
    """
    return asyncio.run(_sign_out(settings))


async def _upgrade(settings: Settings) -> str:
    database = Database.of(settings)
    try:
        found = await schema_upgrade.upgrade_schema(database)
    finally:
        await database.close()
    if found == schema_upgrade.HEAD:
        change = "already up to date"
    else:
        change = f"upgraded from {found}" if found else "created"
    return labelled(
        ("ledger", database.name),
        ("tables", f"{schema_upgrade.HEAD}; {change}"),
    )


async def _status(settings: Settings) -> tuple[str, LedgerError | None]:
    database = Database.existing(settings)
    waiting = await asyncio.to_thread(
        _count_spooled, settings.data / SPOOL_NAME
    )
    rows = [("ledger", database.name)]
    problem: LedgerError | None = None
    try:
        async with database.read_transaction() as connection:
            found = await schema_upgrade.read_revision(connection)
            rows.append(("tables", found or "none"))
            schema_upgrade.check_revision(found)
            sums = schema.days.c
            sold, refunded = (
                await connection.execute(
                    select(func.sum(sums.orders), func.sum(sums.refunds))
                )
            ).one()
        rows.append(("orders", f"{int(sold or 0):,}"))
        rows.append(("refunds", plural(int(refunded or 0), "line")))
    except LedgerError as error:
        problem = error
    finally:
        await database.close()
    return labelled(*rows, ("waiting", waiting)), problem


async def _tidy(
    settings: Settings, older_than_days: int, *, delete: bool
) -> str:
    before = int(time.time()) - older_than_days * _DAY_SECONDS
    database = Database.existing(settings)
    try:
        if delete:
            await schema_upgrade.prepare_schema(database)
            await record_apart(
                database, "delete-free-orders", f"{older_than_days}d"
            )
            found = await old_free_orders.delete_free_orders(database, before)
        else:
            async with database.read_transaction() as connection:
                await schema_upgrade.require_revision(connection)
            found = await old_free_orders.count_free_orders(database, before)
    finally:
        await database.close()
    rows = [
        ("ledger", database.name),
        ("before", utc_time(before)),
        ("orders", f"{found.orders:,} that cost nothing"),
        ("lines", f"{found.lines:,}"),
        ("downloads", f"{found.downloads:,}"),
        (
            ("deleted", "receipts and links keep working")
            if delete
            else ("note", "nothing was deleted; --yes deletes them")
        ),
    ]
    return labelled(*rows)


async def _revoke(
    settings: Settings, order_id: str, item_id: str, *, undo: bool
) -> str:
    database = Database.existing(settings)
    change = commands.restore_order if undo else commands.revoke_order
    try:
        await schema_upgrade.prepare_schema(database)
        held = await change(
            database,
            order_id,
            item_id,
            by="cli",
            now_ms=time.time_ns() // 1_000_000,
        )
        # The change itself states `by`, if this isn't reached.
        await record_apart(
            database,
            "restore" if undo else "revoke",
            f"{order_id}.{item_id}" if item_id else order_id,
        )
    finally:
        await database.close()
    rows = [("order", order_id)]
    rows += [
        (
            "refunded" if line.refunded else "valid",
            f"{line.item_id}  {line.title}",
        )
        for line in held
    ]
    if not held:
        what = item_id or "complete order"
        rows.append(("valid" if undo else "refunded", what))
        rows.append(("note", "the ledger has no sale of this order yet"))
    return labelled(*rows)


async def _sign_out(settings: Settings) -> str:
    database = Database.existing(settings)
    sign_ins = SignInStore(settings.data, database)
    try:
        with contextlib.suppress(DatabaseError):
            await schema_upgrade.prepare_schema(database)
        await sign_ins.sign_out_all(int(time.time()))
        await record_apart(database, "sign-out-everyone", "")
    except DatabaseError as error:
        raise LedgerError(
            f"signed out only where {settings.data} is used: {error}; run "
            "it again once the database is available"
        ) from error
    except OSError as error:
        raise LedgerError(
            f"MSRV_DATA: can't write to {settings.data}: {reason_of(error)}"
        ) from error
    finally:
        await database.close()
    return labelled(("studio", "everyone is signed out"))


def _count_spooled(spool: Path) -> str:
    """Return the number of events in this data folder's spool, as text."""
    events = folders = 0
    for folder in sorted(spool.glob("[0-9]*")):
        folders += 1
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                events += _count(path)
            except SpoolVersionMismatch as error:
                return str(error)
            except FileNotFoundError:
                continue  # synced meanwhile
    text = (
        f"up to {plural(events, 'event')} in "
        f"{plural(folders, 'spool')} under {spool}"
        if events
        else f"nothing under {spool}"
    )
    aside = spool / SET_ASIDE_NAME
    return f"{text}; see {aside}" if aside.exists() else text


def _count(path: Path) -> int:
    at = events = 0
    while True:
        batch = segments.read_records(path, at)
        events += len(batch.events)
        at = batch.next_byte
        if batch.is_last:
            return events

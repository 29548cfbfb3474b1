"""What the ledger's commands do, and what they print."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from msrv.ledger import segments
from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db import commands, migrate, old_free_orders, schema
from msrv.ledger.db.database import Database
from msrv.ledger.errors import DatabaseError, LedgerError, SpoolVersionMismatch
from msrv.ledger.events import WHOLE_ORDER
from msrv.ledger.ledger import SPOOL_NAME
from msrv.ledger.recovery import SET_ASIDE_NAME
from msrv.ledger.segments import SUFFIX
from msrv.ledger.sign_ins import SignInStore
from msrv.proofs.orders import is_item_id, is_order_id
from msrv.settings import Settings

_DAY_SECONDS: Final = 86_400


def upgrade(settings: Settings) -> str:
    """Bring the tables up to this version's. Raises LedgerError."""
    return asyncio.run(_upgrade(settings))


def status(settings: Settings) -> tuple[str, LedgerError | None]:
    """Say how the ledger fares: a table, and what is wrong, if anything is."""
    return asyncio.run(_status(settings))


def tidy(settings: Settings, older_than_days: int, *, delete: bool) -> str:
    """Delete old free orders, or say how many there are to delete.

    Raises LedgerError.
    """
    return asyncio.run(_tidy(settings, older_than_days, delete=delete))


def revoke(
    settings: Settings, order: str, item: str | None, *, undo: bool
) -> str:
    """Take a sale back, or undo that. Raises LedgerError.

    `order` is an order's number as receipts print it, spaces allowed.
    """
    order_id = "".join(order.split()).replace("-", "").upper()
    if not is_order_id(order_id):
        raise LedgerError(f"{order!r} is no order's number")
    if item is not None and not is_item_id(item):
        raise LedgerError(f"{item!r} is no item's id")
    return asyncio.run(
        _revoke(settings, order_id, item or WHOLE_ORDER, undo=undo)
    )


def sign_out(settings: Settings) -> str:
    """Sign everyone out of the studio. Raises LedgerError.

    It reached this data folder all the same where it raises DatabaseError.
    """
    return asyncio.run(_sign_out(settings))


def _database(settings: Settings) -> Database:
    return Database.open(
        settings.database_url, settings.data, ConnectionRules.of(settings)
    )


async def _upgrade(settings: Settings) -> str:
    database = _database(settings)
    try:
        found = await migrate.upgrade_schema(database)
    finally:
        await database.close()
    change = (
        "were so already"
        if found == migrate.HEAD
        else f"were at {found or 'none'}"
    )
    return _columns(
        ("ledger", database.name), ("tables", f"{migrate.HEAD}; {change}")
    )


async def _status(settings: Settings) -> tuple[str, LedgerError | None]:
    waiting = await asyncio.to_thread(_waiting, settings.data / SPOOL_NAME)
    database = _database(settings)
    rows = [("ledger", database.name)]
    wrong: LedgerError | None = None
    try:
        async with database.read_transaction() as connection:
            found = await migrate.read_revision(connection)
            rows.append(("tables", found or "none"))
            migrate.check_revision(found)
            sums = schema.days.c
            sold, refunded = (
                await connection.execute(
                    select(func.sum(sums.orders), func.sum(sums.refunds))
                )
            ).one()
        rows.append(("orders", f"{int(sold or 0):,}"))
        rows.append(("refunds", _counted(int(refunded or 0), "line")))
    except LedgerError as error:
        wrong = error
    finally:
        await database.close()
    return _columns(*rows, ("waiting", waiting)), wrong


async def _tidy(
    settings: Settings, older_than_days: int, *, delete: bool
) -> str:
    before = int(time.time()) - older_than_days * _DAY_SECONDS
    database = Database.open(settings.database_url, settings.data)
    try:
        if delete:
            await migrate.prepare(database)
            found = await old_free_orders.delete_free_orders(database, before)
        else:
            async with database.read_transaction() as connection:
                migrate.check_revision(await migrate.read_revision(connection))
            found = await old_free_orders.count_free_orders(database, before)
    finally:
        await database.close()
    until = datetime.fromtimestamp(before, UTC)
    rows = [
        ("ledger", database.name),
        ("before", f"{until:%Y-%m-%d %H:%M} UTC"),
        ("orders", f"{found.orders:,} that cost nothing"),
        ("lines", f"{found.lines:,}"),
        ("downloads", f"{found.downloads:,}"),
        (
            ("deleted", "receipts and links go on working")
            if delete
            else ("note", "nothing was deleted; --yes deletes them")
        ),
    ]
    return _columns(*rows)


async def _revoke(
    settings: Settings, order_id: str, item_id: str, *, undo: bool
) -> str:
    database = _database(settings)
    change = commands.restore_order if undo else commands.revoke_order
    try:
        await migrate.prepare(database)
        held = await change(
            database,
            order_id,
            item_id,
            by="cli",
            now_ms=time.time_ns() // 1_000_000,
        )
    finally:
        await database.close()
    rows = [("order", order_id)]
    rows += [
        (
            "refunded" if line.refunded else "good",
            f"{line.item_id}  {line.title}",
        )
        for line in held
    ]
    if not held:
        what = item_id or "all of it"
        rows.append(("good" if undo else "refunded", what))
        rows.append(("note", "the ledger has not heard of its sale"))
    return _columns(*rows)


async def _sign_out(settings: Settings) -> str:
    database = _database(settings)
    door = SignInStore(settings.data, database)
    try:
        with contextlib.suppress(DatabaseError):
            await migrate.prepare(database)
        await door.sign_out_all(int(time.time()))
    except DatabaseError as error:
        raise LedgerError(
            f"signed out where {settings.data} is used, and not elsewhere: "
            f"{error}; run it again when the ledger is back"
        ) from error
    except OSError as error:
        raise LedgerError(
            f"MSRV_DATA: can't write to {settings.data}: {error.strerror}"
        ) from error
    finally:
        await database.close()
    return _columns(("studio", "everyone is signed out"))


def _waiting(spool: Path) -> str:
    """Count what is in the spool of this data folder, posted or not."""
    events = folders = 0
    for folder in sorted(spool.glob("[0-9]*")):
        folders += 1
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            try:
                events += _count(path)
            except SpoolVersionMismatch as error:
                return str(error)
            except FileNotFoundError:
                continue  # posted meanwhile
    text = (
        f"{_counted(events, 'event')} at most, in "
        f"{_counted(folders, 'spool')} under {spool}"
        if events
        else f"nothing under {spool}"
    )
    aside = spool / SET_ASIDE_NAME
    return f"{text}; look into {aside}" if aside.exists() else text


def _count(path: Path) -> int:
    at = events = 0
    while True:
        batch = segments.read_records(path, at)
        events += len(batch.events)
        at = batch.next_byte
        if batch.is_last:
            return events


def _columns(*rows: tuple[str, str]) -> str:
    return "\n".join(f"{name:<9} {value}" for name, value in rows)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

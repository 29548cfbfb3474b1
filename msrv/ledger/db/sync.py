# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Background sync: writes spooled events to the database, polls revocations.

Two tasks that run until the store stops. Neither raises: errors are reported
as the ledger's health, and retried with backoff.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from msrv.display_text import reason_of
from msrv.ledger import orphaned_spools
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.refunds.revocation_feed import read_revocations
from msrv.ledger.db.retries import repeated
from msrv.ledger.errors import (
    DatabaseError,
    EventRejected,
    LedgerError,
    SpoolVersionMismatch,
)
from msrv.ledger.events import Event
from msrv.ledger.health import DATABASE, REFUNDS, SPOOL, Health
from msrv.ledger.orphaned_spools import OrphanedSpool
from msrv.ledger.revocations import Revocations
from msrv.ledger.segments import RecordBatch, encode_record, read_records
from msrv.ledger.spool import Spool
from msrv.tasks import Backoff

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 2.0
"""Interval of polling revocations: links end within five seconds."""
_FULL_POLL_SECONDS: Final = 300.0
"""Interval of reading all revocations, should a change have been missed."""
_ORPHANS_SECONDS: Final = 5.0
_GATHER_SECONDS: Final = 0.2
"""Pause between batches: five a second are little work for a busy store."""
_IDLE_SECONDS: Final = 5.0
_BACKOFF: Final = Backoff(first_seconds=0.25, max_seconds=4)

Loop = Coroutine[Any, Any, None]


class DatabaseSync:
    """Sync of one process's spool and revocations with the database."""

    def __init__(
        self,
        database: Database,
        spool: Spool,
        revocations: Revocations,
        health: Health,
    ) -> None:
        self._database = database
        self._spool = spool
        self._revocations = revocations
        self._health = health
        self.is_ready = False
        self._orphans_at = -_ORPHANS_SECONDS
        self._full_poll_at = -_FULL_POLL_SECONDS
        self._polling = asyncio.Lock()

    def loops(self) -> tuple[Loop, Loop]:
        """Return what syncs until cancelled, each to be a task of its own.

        A `TaskGroup` cancels its tasks once, and would wait forever for one
        that has lost that; see `TaskSupervisor.stop`.
        """
        return self._run_sync(), self._run_poll()

    async def flush(self) -> None:
        """Write the events of this process. Raises LedgerError.

        Does nothing while the database is unavailable.
        """
        if self.is_ready:
            await self._spool.close_segment()
            await self._sync_own()

    async def _run_sync(self) -> None:
        failures = 0
        while True:
            self._spool.appended.clear()
            if await self._sync():
                failures = 0
                await self._wait_for_events()
                await asyncio.sleep(_GATHER_SECONDS)
            else:
                failures += 1
                await asyncio.sleep(_BACKOFF.seconds(failures))

    async def _wait_for_events(self) -> None:
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                await self._spool.appended.wait()
        except TimeoutError:
            pass  # there may be events of terminated processes

    async def _sync(self) -> bool:
        """Write all events, and return whether that succeeded.

        Never raises.
        """
        try:
            await self._prepare()
            await self._sync_own()
            await self._sync_orphans()
        except DatabaseError as error:
            self._report_database(error)
        except (LedgerError, OSError) as error:
            self._health.report(SPOOL, str(error))
        except Exception:
            # A bug must not stop the sync.
            log.exception("events could not be written; trying again")
            self._health.report(DATABASE, "events could not be written")
        else:
            self._health.clear(DATABASE)
            return True
        return False

    async def _prepare(self) -> None:
        """Check the schema, after each failure. Raises DatabaseError."""
        if not self.is_ready:
            await schema_upgrade.prepare_schema(self._database)
            self.is_ready = True

    async def _sync_own(self) -> None:
        for segment in self._spool.segments:
            # Records that are written meanwhile are for the next run.
            stop = segment.written_bytes
            while segment.synced_bytes < stop:
                batch = await asyncio.to_thread(
                    read_records, segment.path, segment.synced_bytes, stop
                )
                await self._write_batch(batch)
                self._health.own_posted_events += len(batch.events)
                segment.synced_bytes = batch.next_byte
                if batch.is_last and segment.synced_bytes < stop:
                    # It was written and synced, and can't be read any more.
                    await self._set_aside(b"", f"{segment.path} is damaged")
                    segment.synced_bytes = stop
            if (
                segment.is_closed
                and segment.synced_bytes >= segment.written_bytes
            ):
                await self._spool.delete_segment(segment)

    async def _sync_orphans(self) -> None:
        """Write the events of terminated processes, every few seconds."""
        if time.monotonic() - self._orphans_at < _ORPHANS_SECONDS:
            return
        orphans = await asyncio.to_thread(
            _acquire_orphans, self._spool.root, self._spool.folder
        )
        mismatch: SpoolVersionMismatch | None = None
        try:
            while orphans:
                is_empty = False
                try:
                    await self._sync_orphan(orphans[0])
                    is_empty = True
                except SpoolVersionMismatch as error:
                    mismatch = error
                finally:
                    await asyncio.to_thread(
                        orphans.pop(0).release, delete=is_empty
                    )
        finally:
            for each in orphans:
                await asyncio.to_thread(each.release, delete=False)
        if mismatch is not None:
            self._health.report(SPOOL, str(mismatch))
        else:
            self._health.clear(SPOOL)
        self._orphans_at = time.monotonic()

    async def _sync_orphan(self, orphan: OrphanedSpool) -> None:
        for path in await asyncio.to_thread(lambda: orphan.segment_paths):
            at = 0
            while True:
                batch = await asyncio.to_thread(read_records, path, at)
                await self._write_batch(batch)
                at = batch.next_byte
                if batch.is_last:
                    break

    async def _write_batch(self, batch: RecordBatch) -> None:
        """Write a batch to the database. Raises DatabaseError, OSError."""
        for line in batch.damaged:
            await self._set_aside(line, "is damaged, or of a newer version")
        if not batch.events:
            return
        try:
            await self._write_events(batch.events)
        except EventRejected:
            # Probably one of them: the others don't have to wait for it.
            for each in batch.events:
                try:
                    await self._write_events([each])
                except EventRejected as error:
                    await self._set_aside(encode_record(each), str(error))

    async def _write_events(self, events: Sequence[Event]) -> None:
        await _write(self._database, events)
        self._health.posted_events += len(events)

    async def _set_aside(self, record: bytes, reason: str) -> None:
        await asyncio.to_thread(
            orphaned_spools.set_aside, self._spool.root, record
        )
        self._health.set_aside_lines += 1
        log.error(
            "moved a record of the spool to %s: %s",
            self._spool.root / orphaned_spools.SET_ASIDE_NAME,
            reason,
        )

    async def _run_poll(self) -> None:
        while True:
            if self.is_ready:
                try:
                    await self.poll_revocations()
                    await self._save_revocations()
                except DatabaseError as error:
                    self._report_database(error)
                except Exception:
                    log.exception("could not poll revocations; trying again")
            await asyncio.sleep(POLL_SECONDS if self.is_ready else 0.1)

    async def poll_revocations(self) -> None:
        """Apply the changes since the last poll. Raises DatabaseError.

        They take effect at once, and are saved to disk within seconds.
        """
        # One at a time: an older result must not overwrite a newer one.
        async with self._polling:
            since = self._revocations.number
            now = time.monotonic()
            if now - self._full_poll_at > _FULL_POLL_SECONDS:
                since = None
            async with self._database.read_transaction() as connection:
                changes = await read_revocations(connection, since)
            if changes is None:
                return
            if changes.is_all:
                self._revocations.replace(changes.orders, changes.number)
                self._full_poll_at = now
            else:
                self._revocations.update(changes.orders, changes.number)

    async def _save_revocations(self) -> None:
        if self._revocations.is_saved:
            return  # a thread may have to be waited for, behind downloads
        try:
            await asyncio.to_thread(self._revocations.save)
        except OSError as error:
            self._health.report(
                REFUNDS,
                "MSRV_DATA: can't save the list of refunds: "
                f"{reason_of(error)}",
            )
        else:
            self._health.clear(REFUNDS)

    def _report_database(self, error: DatabaseError) -> None:
        self.is_ready = False
        self._health.report(DATABASE, str(error))


@repeated
async def _write(database: Database, events: Sequence[Event]) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, events)


def _acquire_orphans(root: Path, own: Path | None) -> list[OrphanedSpool]:
    found: list[OrphanedSpool] = []
    try:
        found.extend(orphaned_spools.acquire_orphans(root, own))
    except OSError:
        for each in found:
            each.release(delete=False)
        raise
    return found

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Facade of the ledger: records events, and reads the database.

Events are recorded on this machine's disk, and revocations are looked up in
memory, so that the store sells and serves however long the database is
unavailable.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from msrv.ledger.connection_rules import (
    DEFAULT_RULES,
    ConnectionRules,
    require_driver,
)
from msrv.ledger.download_tracker import DownloadTracker
from msrv.ledger.errors import (
    DatabaseError,
    DatabaseUnavailable,
    LedgerError,
    SpoolFailed,
)
from msrv.ledger.events import WHOLE_ORDER, Event, Redeemed, Redemption, Sale
from msrv.ledger.health import DATABASE, DISK, Health, Status
from msrv.ledger.revocations import (
    FILE_NAME,
    InvalidRevocationFile,
    Revocations,
)
from msrv.ledger.spool import SPOOL_NAME, RetryQueue, Spool
from msrv.ledger.timeouts import FINAL_SYNC_SECONDS, SYNC_SECONDS
from msrv.tasks import TaskSupervisor

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from msrv.ledger.db.database import Database
    from msrv.ledger.db.order_queries import OrderLine
    from msrv.ledger.db.sync import DatabaseSync

log = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.02


class Ledger:
    """Ledger of one data folder, open for as long as the block lasts.

    `database_url` is an SQLAlchemy URL, None for a file in the data folder;
    `rules` apply to connections to a server. `clock` returns Unix seconds.
    Raises PackageMissing if the database's driver is not installed.
    """

    def __init__(
        self,
        data: Path,
        database_url: str | None = None,
        clock: Callable[[], int] = lambda: int(time.time()),
        rules: ConnectionRules = DEFAULT_RULES,
    ) -> None:
        require_driver(database_url)
        require_driver(rules.read_url)
        self._data = data
        self._url = database_url
        self._rules = rules
        self._clock = clock
        self._health = Health()
        self._spool = Spool(data / SPOOL_NAME)
        self._downloads = DownloadTracker(self.record, clock, self._health)
        self._retry_queue = RetryQueue(self.record, self._health)
        self._tasks = TaskSupervisor("ledger")
        self._database: Database | None = None
        self._sync: DatabaseSync | None = None
        self.revocations = Revocations(data / FILE_NAME)

    async def __aenter__(self) -> Self:
        """Start, without waiting for the database."""
        try:
            await asyncio.to_thread(self.revocations.load)
        except InvalidRevocationFile as error:
            log.error("%s", error)  # noqa: TRY400 - says it all
        await self._spool.__aenter__()
        self._tasks.start(
            self._run_sync(), self._downloads.run(), self._retry_queue.run()
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Spool waiting events, sync briefly, and close everything."""
        await self._tasks.stop()
        # Revocations that are not saved are queried at the next start.
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self.revocations.save)
        await self._downloads.flush()
        await self._retry_queue.flush()
        if self._sync is not None:
            # Events that are not synced now are synced at the next start.
            with contextlib.suppress(LedgerError, OSError, TimeoutError):
                async with asyncio.timeout(FINAL_SYNC_SECONDS):
                    await self._sync.flush()
        await self._spool.__aexit__(kind, error, trace)
        if self._database is not None:
            await self._database.close()

    async def reserve_space(self) -> None:
        """Reserve disk space to record a purchase. Raises SpoolFailed."""
        try:
            await self._spool.reserve()
        except SpoolFailed as error:
            self._health.report(DISK, str(error))
            raise
        self._health.clear(DISK)

    async def record(self, event: Event) -> None:
        """Record an event; it is on disk on return. Raises SpoolFailed."""
        await self._spool.append(event)
        self._health.written_events += 1

    async def record_sale(self, sale: Sale) -> None:
        """Record a sale. Never raises: it was paid, and gets its receipt.

        Where the disk refuses, the sale is logged, and retried for as long as
        the process lives.
        """
        try:
            await self.record(sale)
        except SpoolFailed as error:
            self._health.report(DISK, str(error))
            log.error(  # noqa: TRY400 - says it all
                "a sale is in memory only: order %s, %d %s minor units, %s",
                sale.order_id,
                sale.total_minor,
                sale.currency,
                sale.provider,
            )
            self._retry_queue.add(sale)

    async def record_use(self, redeemed: Redeemed) -> None:
        """Record a use. Never raises; retried as a sale is."""
        try:
            await self.record(redeemed)
        except SpoolFailed as error:
            self._health.report(DISK, str(error))
            self._retry_queue.add(redeemed)

    def track_download(
        self, order_id: str, item_id: str, etag: str, size_bytes: int
    ) -> Callable[[tuple[int, int]], None]:
        """Return a callback that counts a byte range of a download as sent."""
        return self._downloads.track(order_id, item_id, etag, size_bytes)

    async def redeem(self, redeemed: Redeemed, sale: Sale) -> Redemption:
        """Redeem a code for an order; idempotent for the same order.

        Written to the database directly: a code is worth one order across all
        replicas. Raises AlreadyRedeemed, DatabaseError.
        """
        database = self.database()
        from msrv.ledger.db import commands  # noqa: PLC0415 - slow to import

        return await commands.redeem_code(database, redeemed, sale)

    async def claim_use(
        self, redeemed: Redeemed, prefix: str, most: int
    ) -> None:
        """Claim one of `most` uses. Raises LimitReached, DatabaseError.

        Written to the database directly, as `redeem` does.
        """
        database = self.database()
        from msrv.ledger.db import commands  # noqa: PLC0415 - slow to import

        await commands.claim_use(database, redeemed, prefix, most)

    async def count_uses(self, prefix: str) -> int:
        """Return the number of uses with a prefix. Raises DatabaseError."""
        database = self.database()
        from msrv.ledger.db import commands  # noqa: PLC0415 - slow to import

        return await commands.count_uses(database, prefix)

    async def revoke(
        self,
        order_id: str,
        item_id: str = WHOLE_ORDER,
        *,
        by: str,
        undo: bool = False,
    ) -> "tuple[OrderLine, ...]":
        """Revoke an order, or one line of it, or undo that.

        Return the lines of the order as they are then. Takes effect in this
        process on return, and on other replicas within seconds. Written to
        the database directly, since the operator has to know that it is done.
        Raises LineNotFound, NothingRevoked, DatabaseError.
        """
        database = self.database()
        from msrv.ledger.db import commands  # noqa: PLC0415 - slow to import

        change = commands.restore_order if undo else commands.revoke_order
        now_ms = self._clock() * 1000
        lines = await change(database, order_id, item_id, by=by, now_ms=now_ms)
        if self._sync is not None:
            await self._sync.poll_revocations()
        return lines

    async def sync_now(self) -> None:
        """Wait a moment for what was recorded to be in the database.

        So that the page that follows shows it. Never raises: what isn't
        there by then will be.
        """
        with contextlib.suppress(DatabaseError, TimeoutError):
            async with asyncio.timeout(SYNC_SECONDS):
                await self.wait_until_synced()
                if self._sync is not None:
                    await self._sync.poll_revocations()

    async def find_paid_order(
        self, provider: str, payment: str
    ) -> tuple[str, frozenset[str]] | None:
        """Return the id and the items of the order of a payment.

        None where the ledger doesn't have it, or not yet. Raises
        DatabaseError.
        """
        database = self.database()
        from msrv.ledger.db import commands  # noqa: PLC0415 - slow to import

        return await commands.find_paid_order(database, provider, payment)

    async def reserve_serials(
        self,
        name: str,
        count: int,
        first: int | None,
        most: int,
        *,
        batch: str = "",
    ) -> int:
        """Reserve serial numbers of redeem codes; return the first of them.

        None above `most` is reserved, and a named `batch` once.

        Written to the database directly, as `redeem` does, so that no two
        replicas make the same codes. Raises DatabaseError.
        """
        database = self.database()
        from msrv.ledger.db import commands  # noqa: PLC0415 - slow to import

        return await commands.reserve_serials(
            database, name, count, first, most, batch=batch
        )

    def status(self) -> Status:
        """Return a snapshot of the ledger's health."""
        return self._health.status(
            sum(
                each.written_bytes - each.synced_bytes
                for each in self._spool.segments
            )
        )

    @contextlib.asynccontextmanager
    async def read_transaction(
        self, timeout_seconds: float | None = None, *, for_report: bool = False
    ) -> AsyncIterator["AsyncConnection"]:
        """Read as Database.read_transaction does. Raises DatabaseError."""
        async with self.database().read_transaction(
            timeout_seconds, for_report=for_report
        ) as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def write_transaction(
        self, timeout_seconds: float | None = None
    ) -> AsyncIterator["AsyncConnection"]:
        """Write within one transaction, as the only writer.

        For what has to be in the database at once; the rest is recorded.
        Raises DatabaseError.
        """
        async with self.database().write_transaction(
            timeout_seconds
        ) as connection:
            yield connection

    @property
    def is_database_ready(self) -> bool:
        """True while the database is available, with this version's schema."""
        return self._sync is not None and self._sync.is_ready

    async def wait_until_synced(self) -> None:
        """Wait until all events recorded so far are in the database.

        Forever, if need be: callers have a time-out of their own.
        """
        await self._downloads.flush()
        # Two other tasks do the work, and few wait for them.
        while self.status().waiting_bytes or self._sync is None:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS)

    def database(self) -> "Database":
        """Return the database. Raises DatabaseUnavailable before it is known.

        SQLAlchemy has been imported when this returns, so that importing
        modules of `db` afterwards takes no time.
        """
        if self._database is None or self._sync is None:
            raise DatabaseUnavailable("the database has not been reached yet")
        return self._database

    async def _run_sync(self) -> None:
        """Import the database's modules, and start to sync."""
        try:
            # SQLAlchemy takes a third of a second to import, and the store
            # sells meanwhile.
            self._database, sync = await asyncio.to_thread(self._load)
        except (LedgerError, OSError) as error:
            self._health.report(DATABASE, str(error))
            return
        except Exception:
            log.exception("the ledger has no database")
            self._health.report(DATABASE, "the database can't be used")
            return
        self._sync = sync
        self._tasks.start(*sync.loops())

    def _load(self) -> "tuple[Database, DatabaseSync]":
        # `commands` is imported too, so that the first call doesn't wait.
        from msrv.ledger.db import commands  # noqa: F401, PLC0415 - slow to import
        from msrv.ledger.db.database import Database  # noqa: PLC0415 - slow to import
        from msrv.ledger.db.sync import DatabaseSync  # noqa: PLC0415 - slow to import

        database = Database.open(self._url, self._data, self._rules)
        sync = DatabaseSync(
            database, self._spool, self.revocations, self._health
        )
        return database, sync

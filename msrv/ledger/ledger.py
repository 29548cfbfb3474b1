"""The ledger as the rest of the store knows it.

It remembers what is sold, and is asked what may no longer be downloaded. It
answers at once, from memory and from this machine's own disk: the database
may be away for as long as it likes.
"""

import asyncio
import contextlib
import importlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from msrv.ledger.db.connection_rules import DEFAULT_RULES, ConnectionRules
from msrv.ledger.download_tracker import Delivery
from msrv.ledger.errors import LedgerError, SpoolFailed, Unreachable
from msrv.ledger.events import WHOLE, Event, Redeemed, Sale
from msrv.ledger.health import DATABASE, DISK, Health, Status
from msrv.ledger.retry_queue import Late
from msrv.ledger.revocations import FILE_NAME, BadList, Revocations
from msrv.ledger.spool import Spool
from msrv.ledger.uses import Redemption
from msrv.tasks import TaskSupervisor

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from msrv.ledger.db.database import Database
    from msrv.ledger.db.revoke import TakenLine
    from msrv.ledger.db.sync import Keeper

log = logging.getLogger(__name__)

SPOOL_NAME: Final = "spool"
_LAST_SECONDS: Final = 3.0
_SETTLING_SECONDS: Final = 0.02


class Ledger:
    """Remembers, while the block lasts.

    `database_url` is an address as SQLAlchemy reads it, None for a file in
    the data folder; `rules` say how it may be connected to. `clock` gives
    Unix seconds.
    """

    def __init__(
        self,
        data: Path,
        database_url: str | None = None,
        clock: Callable[[], int] = lambda: int(time.time()),
        rules: ConnectionRules = DEFAULT_RULES,
    ) -> None:
        self._data = data
        self._url = database_url
        self._rules = rules
        self._clock = clock
        self._health = Health()
        self._spool = Spool(data / SPOOL_NAME)
        self._delivery = Delivery(self.record, clock, self._health)
        self._late = Late(self.record, self._health)
        self._work = TaskSupervisor("ledger")
        self._database: Database | None = None
        self._keeper: Keeper | None = None
        self.revocations = Revocations(data / FILE_NAME)

    async def __aenter__(self) -> Self:
        """Begin; the database is sought meanwhile."""
        try:
            await asyncio.to_thread(self.revocations.load)
        except BadList as error:
            log.error("%s", error)  # noqa: TRY400 - says it all
        await self._spool.__aenter__()
        self._work.start(self._keep(), self._delivery.run(), self._late.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write down what waits, post what can be posted at once, and end."""
        await self._work.stop()
        # What can't be kept is asked for at the next start.
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self.revocations.save)
        await self._delivery.flush()
        await self._late.flush()
        if self._keeper is not None:
            # What is not posted now is posted at the next start.
            with contextlib.suppress(LedgerError, OSError, TimeoutError):
                async with asyncio.timeout(_LAST_SECONDS):
                    await self._keeper.post_rest()
        await self._spool.__aexit__(kind, error, trace)
        if self._database is not None:
            await self._database.close()

    async def ready_to_sell(self) -> None:
        """See that a sale can be written down. Raises SpoolFailed."""
        try:
            await self._spool.reserve()
        except SpoolFailed as error:
            self._health.ill(DISK, str(error))
            raise
        self._health.well(DISK)

    async def sold(self, sale: Sale) -> None:
        """Write a sale down; it is on the disk when this returns.

        Should the disk refuse it after all, it is in the log, and tried again
        for as long as the process lives: who has paid gets a receipt.
        """
        try:
            await self.record(sale)
        except SpoolFailed as error:
            self._health.ill(DISK, str(error))
            log.error(  # noqa: TRY400 - says it all
                "a sale is in memory alone: order %s, %d %s minor units, %s",
                sale.order_id,
                sale.total_minor,
                sale.currency,
                sale.provider,
            )
            self._late.keep(sale)

    async def used(self, redeemed: Redeemed) -> None:
        """Write a use down; as with a sale, it is kept if the disk refuses."""
        try:
            await self.record(redeemed)
        except SpoolFailed as error:
            self._health.ill(DISK, str(error))
            self._late.keep(redeemed)

    async def redeem(self, redeemed: Redeemed, sale: Sale) -> Redemption:
        """Turn a code into an order, or find that it was turned into it.

        Past the spool: a code is worth one order on all replicas together.
        Raises AlreadyRedeemed, DatabaseError.
        """
        database, _ = self._reached()
        redeeming = await _room("limited_uses")
        found: Redemption = await redeeming.redeem(database, redeemed, sale)
        return found

    async def use(self, redeemed: Redeemed, start: str, most: int) -> None:
        """Take one of `most` uses. Raises UsedUp, DatabaseError."""
        database, _ = self._reached()
        room = await _room("limited_uses")
        await room.use(database, redeemed, start, most)

    async def uses(self, start: str) -> int:
        """Count the uses whose names begin so. Raises DatabaseError."""
        database, _ = self._reached()
        return int(await (await _room("limited_uses")).count(database, start))

    async def record(self, event: Event) -> None:
        """Write an event down. Raises SpoolFailed."""
        await self._spool.append(event)
        self._health.written_events += 1

    def on_sent(
        self, order_id: str, item_id: str, etag: str, size_bytes: int
    ) -> Callable[[tuple[int, int]], None]:
        """Give what to tell of each range of a download that has left."""
        return self._delivery.on_sent(order_id, item_id, etag, size_bytes)

    def status(self) -> Status:
        """Say how the ledger fares."""
        return self._health.status(
            sum(each.stop - each.posted for each in self._spool.segments)
        )

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator["AsyncConnection"]:
        """Read from the database. Raises DatabaseError while it rests."""
        database, _ = self._reached()
        async with database.reading() as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator["AsyncConnection"]:
        """Write to the database, alone. Raises DatabaseError.

        Past the spool: for what is worth nothing unless it holds at once.
        """
        database, _ = self._reached()
        async with database.writing() as connection:
            yield connection

    async def revoke(
        self,
        order_id: str,
        item_id: str = WHOLE,
        *,
        by: str,
        undo: bool = False,
    ) -> "tuple[TakenLine, ...]":
        """Take an order back, or one line of it, or undo that.

        The order's lines as they are then. It holds here when this returns,
        and on other replicas within seconds. Raises NoSuchLine,
        NothingRevoked, DatabaseError: past the spool, since who does it has
        to know that it is done.
        """
        database, keeper = self._reached()
        revoking = await _room("revoke")
        change = revoking.restore if undo else revoking.revoke
        now_ms = self._clock() * 1000
        lines: tuple[TakenLine, ...] = await change(
            database, order_id, item_id, by=by, now_ms=now_ms
        )
        await keeper.ask()
        return lines

    async def settled(self) -> None:
        """Wait until all that has happened so far is in the database.

        For as long as that takes: who waits sets the time.
        """
        await self._delivery.flush()
        # Two other tasks get there; who waits for them is a test or a bench.
        while self.status().waiting_bytes or self._keeper is None:  # noqa: ASYNC110
            await asyncio.sleep(_SETTLING_SECONDS)

    def _reached(self) -> "tuple[Database, Keeper]":
        """Give the database, once it is known. Raises Unreachable."""
        if self._database is None or self._keeper is None:
            raise Unreachable("the database has not been reached yet")
        return self._database, self._keeper

    async def _keep(self) -> None:
        """Keep the database up to date, from when it is known."""
        try:
            # SQLAlchemy takes a third of a second to import: meanwhile, the
            # store sells.
            self._database, keeper = await asyncio.to_thread(self._load)
        except (LedgerError, OSError) as error:
            self._health.ill(DATABASE, str(error))
            return
        except Exception:
            log.exception("the ledger has no database")
            self._health.ill(DATABASE, "the database can't be used")
            return
        self._keeper = keeper
        await keeper.run()

    def _load(self) -> "tuple[Database, Keeper]":
        databases = importlib.import_module("msrv.ledger.db.database")
        keepers = importlib.import_module("msrv.ledger.db.sync")
        database = databases.Database.of(self._url, self._data, self._rules)
        keeper = keepers.Keeper(
            database, self._spool, self.revocations, self._health
        )
        return database, keeper


async def _room(name: str) -> Any:  # noqa: ANN401 - a module
    """Import a module of the ledger's that imports SQLAlchemy."""
    return await asyncio.to_thread(
        importlib.import_module, f"msrv.ledger.db.{name}"
    )

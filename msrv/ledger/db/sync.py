"""Moving what happened from the spool to the database, and hearing back.

Two tasks that nothing ends but the store's own end: one posts, the other asks
what was revoked. Whatever the database does, they say so and try again.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msrv.ledger import records, recovery
from msrv.ledger.db import migrate, revocation_feed
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import post
from msrv.ledger.errors import DatabaseError, LedgerError, OtherSpool, Rejected
from msrv.ledger.events import Event
from msrv.ledger.health import DATABASE, REFUNDS, SPOOL, Health
from msrv.ledger.recovery import Leftover
from msrv.ledger.revocations import Revocations
from msrv.ledger.spool import Spool

log = logging.getLogger(__name__)

ASK_SECONDS: Final = 2.0
"""How often replicas ask what was revoked: links end within five seconds."""
_ALL_SECONDS: Final = 300.0
"""How often they ask for all of it, should anything have been missed."""
_LEFT_SECONDS: Final = 5.0
_GATHER_SECONDS: Final = 0.2
"""A batch a fifth of a second is little work, whatever is sold."""
_FIRST_WAIT_SECONDS: Final = 0.25
_LONGEST_WAIT_SECONDS: Final = 4.0
_IDLE_SECONDS: Final = 5.0


class Keeper:
    """Keeps a database up to date with a spool, and revocations with it."""

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
        self._usable = False
        self._looked = -_LEFT_SECONDS
        self._asked_for_all = -_ALL_SECONDS
        self._asking = asyncio.Lock()

    async def run(self) -> None:
        """Post and ask until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._post_on())
            tasks.create_task(self._ask_on())

    async def post_rest(self) -> None:
        """Post what is in the spool of this process. Raises LedgerError."""
        if self._usable:
            await self._spool.turn_over()
            await self._post_own()

    async def _post_on(self) -> None:
        wait_seconds = _FIRST_WAIT_SECONDS
        while True:
            self._spool.grew.clear()
            if await self._turn():
                wait_seconds = _FIRST_WAIT_SECONDS
                await self._until_there_is_more()
                await asyncio.sleep(_GATHER_SECONDS)
            else:
                await asyncio.sleep(wait_seconds)
                wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)

    async def _until_there_is_more(self) -> None:
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                await self._spool.grew.wait()
        except TimeoutError:
            pass  # what other processes left is looked for all the same

    async def _turn(self) -> bool:
        """Post all there is; whether it went well. Never raises."""
        try:
            await self._prepare()
            await self._post_own()
            await self._post_left()
        except DatabaseError as error:
            self._rest(error)
        except (LedgerError, OSError) as error:
            self._health.ill(SPOOL, str(error))
        except Exception:
            # A mistake of ours must not end what keeps the ledger.
            log.exception("events could not be posted; trying again")
            self._health.ill(DATABASE, "events could not be posted")
        else:
            self._health.well(DATABASE)
            return True
        return False

    async def _prepare(self) -> None:
        """See that the tables are there. Raises DatabaseError."""
        if not self._usable:
            await migrate.make_ready(self._database)
            self._usable = True

    async def _post_own(self) -> None:
        for segment in self._spool.segments:
            # More may be written meanwhile: that is for the next turn.
            stop = segment.stop
            while segment.posted < stop:
                reading = await asyncio.to_thread(
                    records.read, segment.path, segment.posted, stop
                )
                await self._post(reading)
                self._health.own_posted_events += len(reading.events)
                segment.posted = reading.stop
                if reading.is_end and segment.posted < stop:
                    # It was on the disk, and is no more.
                    await self._set_aside(b"", f"{segment.path} is damaged")
                    segment.posted = stop
            if segment.is_closed and segment.posted >= segment.stop:
                await self._spool.forget(segment)

    async def _post_left(self) -> None:
        """Post what processes that are gone have left, now and then."""
        if time.monotonic() - self._looked < _LEFT_SECONDS:
            return
        found = await asyncio.to_thread(
            _take_over, self._spool.root, self._spool.folder
        )
        other: OtherSpool | None = None
        try:
            while found:
                empty = False
                try:
                    await self._post_leftover(found[0])
                    empty = True
                except OtherSpool as error:
                    other = error
                finally:
                    await asyncio.to_thread(found.pop(0).let_go, empty=empty)
        finally:
            for each in found:
                await asyncio.to_thread(each.let_go, empty=False)
        if other is not None:
            self._health.ill(SPOOL, str(other))
        else:
            self._health.well(SPOOL)
        self._looked = time.monotonic()

    async def _post_leftover(self, left: Leftover) -> None:
        for path in await asyncio.to_thread(lambda: left.paths):
            at = 0
            while True:
                reading = await asyncio.to_thread(records.read, path, at)
                await self._post(reading)
                at = reading.stop
                if reading.is_end:
                    break

    async def _post(self, reading: records.Reading) -> None:
        """Post what was read. Raises DatabaseError, OSError."""
        for line in reading.damaged:
            await self._set_aside(line, "is damaged")
        if not reading.events:
            return
        try:
            await self._post_events(reading.events)
        except Rejected:
            # One of them, perhaps: the others need not wait for it.
            for each in reading.events:
                try:
                    await self._post_events([each])
                except Rejected as error:
                    await self._set_aside(records.encode(each), str(error))

    async def _post_events(self, events: Sequence[Event]) -> None:
        async with self._database.writing() as connection:
            await post(connection, events)
        self._health.posted_events += len(events)

    async def _set_aside(self, line: bytes, why: str) -> None:
        await asyncio.to_thread(recovery.set_aside, self._spool.root, line)
        self._health.set_aside_lines += 1
        log.error(
            "set a line of the spool aside in %s: %s",
            self._spool.root / recovery.ASIDE,
            why,
        )

    async def _ask_on(self) -> None:
        while True:
            if self._usable:
                try:
                    await self.ask()
                    await self._save()
                except DatabaseError as error:
                    self._rest(error)
                except Exception:
                    log.exception("could not ask what was revoked")
            await asyncio.sleep(ASK_SECONDS if self._usable else 0.1)

    async def ask(self) -> None:
        """Hear what was revoked since the last time. Raises DatabaseError.

        It holds at once; it is on the disk within seconds.
        """
        # One at a time, or an older answer might come after a newer one.
        async with self._asking:
            await self._ask()

    async def _ask(self) -> None:
        since = self._revocations.number
        now = time.monotonic()
        if now - self._asked_for_all > _ALL_SECONDS:
            since = None
        async with self._database.reading() as connection:
            heard = await revocation_feed.ask(connection, since)
        if heard is None:
            return
        if heard.is_all:
            self._revocations.replace(heard.orders, heard.number)
            self._asked_for_all = now
        else:
            self._revocations.update(heard.orders, heard.number)

    async def _save(self) -> None:
        if self._revocations.is_saved:
            return  # a thread may have to be waited for, behind downloads
        try:
            await asyncio.to_thread(self._revocations.save)
        except OSError as error:
            self._health.ill(
                REFUNDS,
                f"MSRV_DATA: can't keep what was refunded: {error.strerror}",
            )
        else:
            self._health.well(REFUNDS)

    def _rest(self, error: DatabaseError) -> None:
        self._usable = False
        self._health.ill(DATABASE, str(error))


def _take_over(root: Path, own: Path | None) -> list[Leftover]:
    found: list[Leftover] = []
    try:
        found.extend(recovery.take_over(root, own))
    except OSError:
        for each in found:
            each.let_go(empty=False)
        raise
    return found

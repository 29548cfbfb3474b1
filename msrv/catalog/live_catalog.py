# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Live catalog: read at the start, and again after every change.

A scan, which costs one stat call per file, finds out what has changed. It is
made when the file system says so, or regularly where it doesn't. Folders that
are being changed wait until they are quiet, so that a half-copied file is
never sold.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

from msrv.catalog.config.last_good import LastGoodConfig
from msrv.catalog.documents.stored_library import StoredLibrary
from msrv.catalog.id_history import IdHistory
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import STORE_TOML, Scan, content_files
from msrv.catalog.library.indexing import IndexingStopped
from msrv.catalog.library.loader import (
    LibraryUnreadable,
    LoadedLibrary,
    load_library,
)
from msrv.catalog.library.scan import check_library, scan
from msrv.catalog.library.upload_detection import (
    LIBRARY,
    SETTLE_SECONDS,
    UnsettledFolder,
    UploadDetector,
)
from msrv.catalog.library_log import LibraryLog, ProgressLog
from msrv.catalog.model import Catalog
from msrv.catalog.parsing.parser import Parser
from msrv.catalog.watching.scan_schedule import ScanSchedule
from msrv.tasks import TaskSupervisor

log = logging.getLogger(__name__)

_State = tuple[bytes, Mapping[str, UnsettledFolder]]
_Result = TypeVar("_Result")


class NotReady(Exception):
    """The library has not been read yet."""


class LiveCatalog:
    """Catalog of a library, kept up to date while the block lasts.

    async with LiveCatalog(root, data) as catalog: ...

    `parser` reads tags and covers, and is closed by its owner; without one,
    the catalog has its own.
    """

    problem = ""  # of a published catalog

    def __init__(
        self,
        root: Path,
        data: Path,
        *,
        parser: Parser | None = None,
        settle_seconds: float = SETTLE_SECONDS,
        schedule: ScanSchedule | None = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parser = Parser(data) if parser is None else parser
        self._owns_parser = parser is None
        self._root = root
        self._data = data
        self._schedule = schedule or ScanSchedule()
        self._timer = timer
        self._uploads = UploadDetector(
            settle_seconds, clock=clock, timer=timer
        )
        self._history: IdHistory | None = None
        self._history_revision = 0
        self._sold: SimpleQueue[Mapping[str, str]] = SimpleQueue()
        self._reading: LoadedLibrary | None = None
        self._stored = StoredLibrary(root, data, timer=timer)
        self._last_state: _State = b"", {}
        self._first_scan_at: float | None = None
        self._identity: tuple[int, int] | None = None
        self._retry_due = False
        self.scans = 0
        """Number of scans of the library so far."""
        self._ready = asyncio.Event()
        self._stopping = threading.Event()
        self._log = LibraryLog()
        self._last_error = ""
        self._tasks = TaskSupervisor("library")

    @property
    def current(self) -> Catalog:
        """The present catalog. Raises NotReady before the first reading."""
        return self.reading.catalog

    @property
    def reading(self) -> LoadedLibrary:
        """The last successful reading. Raises NotReady before the first."""
        if self._reading is None:
            raise NotReady
        return self._reading

    @property
    def history(self) -> IdHistory:
        """The history of ids. Raises NotReady outside of the block."""
        if self._history is None:
            raise NotReady
        return self._history

    def mark_sold(self, titles: Mapping[str, str]) -> None:
        """Mark ids as sold; they are saved with the next scan.

        If that is lost, the ledger has it too. `titles` are by id.
        """
        self._sold.put(titles)

    async def ready(self) -> None:
        """Wait until the library has been read, whatever was stored."""
        await self._ready.wait()

    async def __aenter__(self) -> Self:
        """Start reading. Raises LibraryUnreadable if there is no library."""
        await asyncio.to_thread(check_library, self._root)
        self._history = await asyncio.to_thread(IdHistory.open, self._data)
        self._tasks.start(self.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop reading the library; return once no thread reads it."""
        if self._owns_parser:
            await asyncio.to_thread(self._parser.close)
        await self._tasks.stop()
        if self._history is not None:
            await asyncio.to_thread(self._write_sold)
            await asyncio.to_thread(self._history.close)
            self._history = None

    async def run(self) -> None:
        """Read the library, and again after every change, until cancelled.

        No problem of the library ends it: the last good catalog stays.
        """
        self._reading = await self._in_thread(self._stored.load)
        index = await asyncio.to_thread(FileIndex.open, self._data)
        last_good = await asyncio.to_thread(self._open_last_good)
        last_watch_error = ""
        try:
            while True:
                await self._in_thread(lambda: self._poll(index, last_good))
                self.scans += 1
                reading = self._reading
                if reading is not None and not reading.is_stored:
                    self._ready.set()
                    await self._in_thread(self._stored.save_due)
                try:
                    await self._schedule.wait(
                        lambda: self._in_thread(self._is_due)
                    )
                except Exception as error:
                    # Neither a bug nor the system's limits end the updates.
                    if repr(error) != last_watch_error:
                        log.exception("can't watch the library; polling it")
                        last_watch_error = repr(error)
                    await asyncio.sleep(self._schedule.poll_seconds)
        finally:
            self._schedule.close()
            await asyncio.to_thread(self._stored.save)
            await asyncio.to_thread(index.close)

    async def _in_thread(self, function: Callable[[], _Result]) -> _Result:
        """Call a function in a thread.

        The thread is awaited even when this is cancelled: it uses files that
        are closed next.
        """
        call = asyncio.create_task(asyncio.to_thread(function))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            self._stopping.set()
            while not call.done():  # however often it is cancelled
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([call])
            raise

    def _open_last_good(self) -> LastGoodConfig:
        return LastGoodConfig.open(
            self._data,
            grace_seconds=self._uploads.grace_seconds,
            timer=self._timer,
        )

    def _is_due(self) -> bool:
        """Return whether the library has to be read again, unchanged or not.

        The folder itself may have become another one: a disk was mounted.
        """
        self._write_sold()
        return (
            self._history_revision != self._present_revision()
            or self._is_retry_due()
            or self._folder_identity() != self._identity
        )

    def _is_retry_due(self) -> bool:
        """Return whether a file may be parsed again, until that is done."""
        self._retry_due = self._retry_due or self._parser.is_retry_due()
        return self._retry_due

    def _folder_identity(self) -> tuple[int, int] | None:
        """Return what the library's folder is, None if it is away."""
        try:
            status = self._root.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _present_revision(self) -> int:
        return 0 if self._history is None else self._history.revision

    def _poll(self, index: FileIndex, last_good: LastGoodConfig) -> None:
        """Read the library if it has changed. Blocks; never raises."""
        is_urgent = is_settled = False
        watch = self._schedule.start()
        try:
            self._identity = self._folder_identity()
            found = scan(self._root, watch, configs=last_good.counting())
            unsettled = self._uploads.update(
                found, index.has_same_size_and_date
            )
            self._schedule.scanned(
                path for each in unsettled.values() for path in each.paths
            )
            if not self._must_wait(index, last_good, found, unsettled):
                self._read_if_changed(index, last_good, found, unsettled)
            self._last_error = ""
            # (Files that never become quiet aren't polled more often.)
            is_urgent = (
                self._reading is None
                or self._reading.is_stored
                or self._reading.retrying
                or any(not each.keeps_changing for each in unsettled.values())
            )
            is_settled = not unsettled
        except IndexingStopped:
            pass
        except LibraryUnreadable as error:
            if self._is_new(error):
                stays = (
                    "; the last good catalog stays" if self._reading else ""
                )
                log.error("%s%s", error, stays)  # noqa: TRY400 - one line is enough
        except Exception as error:
            # A bug must not end the updates of the catalog.
            if self._is_new(error):
                log.exception("can't read the library; trying again")
        self._schedule.finish(is_urgent=is_urgent, is_settled=is_settled)

    def _must_wait(
        self,
        index: FileIndex,
        last_good: LastGoodConfig,
        found: Scan,
        unsettled: Mapping[str, UnsettledFolder],
    ) -> bool:
        """Return whether the first catalog has to wait for uploads.

        A store that is set up and started within the quiet time opens after
        it. Files that never become quiet delay it for twice that time at most.
        """
        if self._reading is not None or not unsettled:
            return False
        now = self._timer()
        if self._first_scan_at is None:
            self._first_scan_at = now
        if now - self._first_scan_at > 2 * self._uploads.quiet_seconds:
            return False
        has_prices = LIBRARY not in unsettled or last_good.text(STORE_TOML)
        return not has_prices or all(
            folder.path in unsettled
            and not any(map(index.find, content_files(folder)))
            for folder in found.folders
        )

    def _read_if_changed(
        self,
        index: FileIndex,
        last_good: LastGoodConfig,
        found: Scan,
        unsettled: Mapping[str, UnsettledFolder],
    ) -> None:
        reading = self._reading
        state = (found.fingerprint, unsettled)
        self._write_sold()
        revision = self._present_revision()
        if (
            reading is not None
            and not reading.is_stored
            and state == self._last_state
            and revision == self._history_revision
            and (not reading.retrying)
            and not self._is_retry_due()
        ):
            return
        self._retry_due = False
        new = load_library(
            self._root,
            index,
            reading,
            found=found,
            unsettled=unsettled,
            last_good=last_good,
            quiet_seconds=self._uploads.quiet_seconds,
            history=self._history,
            parser=self._parser,
            now=self._timer(),
            stopping=self._stopping.is_set,
            progress=ProgressLog(),
        )
        self._reading = new
        self._stored.update(new, found)
        self._log.report(new, reading)
        self._last_state, self._history_revision = state, revision

    def _write_sold(self) -> None:
        """Save the ids that were sold since the last scan."""
        with contextlib.suppress(Empty):
            while self._history is not None:
                self._history.mark_sold(self._sold.get_nowait())

    def _is_new(self, error: Exception) -> bool:
        """Return whether an error differs from that of the last scan."""
        last, self._last_error = self._last_error, repr(error)
        return last != self._last_error

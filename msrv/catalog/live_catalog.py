# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Live catalog: read at the start, and again after every change.

The folder is polled rather than watched: network mounts and bind mounts send
no notifications. A scan costs one stat call per file, and the longer it
takes, the rarer it is. Folders that are being changed wait until they are
quiet, so that a half-copied file is never sold.
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
from typing import Final, Self

from msrv.catalog.config.last_good import LastGoodConfig
from msrv.catalog.id_history import IdHistory
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import Scan, content_files
from msrv.catalog.library.indexing import IndexingStopped
from msrv.catalog.library.loader import (
    LibraryUnreadable,
    LoadedLibrary,
    load_library,
)
from msrv.catalog.library.scan import STORE_TOML, check_library, scan
from msrv.catalog.library.upload_detection import (
    LIBRARY,
    SETTLE_SECONDS,
    UnsettledFolder,
    UploadDetector,
)
from msrv.catalog.library_log import LibraryLog, ProgressLog
from msrv.catalog.model import Catalog
from msrv.catalog.parsing.parser import Parser
from msrv.tasks import TaskSupervisor

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
_SCAN_SHARE: Final = 20
"""Scans take at most one part in this many of the time."""


class NotReady(Exception):
    """The library has not been read yet."""


class LiveCatalog:
    """Catalog of a library, kept up to date while the block lasts.

    async with LiveCatalog(root, data) as catalog: ...

    `parser` reads tags and covers, and is closed by its owner; without one,
    the catalog has its own.
    """

    def __init__(
        self,
        root: Path,
        data: Path,
        *,
        parser: Parser | None = None,
        settle_seconds: float = SETTLE_SECONDS,
        poll_seconds: float = POLL_SECONDS,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._parser = Parser(data) if parser is None else parser
        self._owns_parser = parser is None
        self._root = root
        self._data = data
        self._poll_seconds = poll_seconds
        self._timer = timer
        self._uploads = UploadDetector(
            settle_seconds, clock=clock, timer=timer
        )
        self._history: IdHistory | None = None
        self._history_revision = 0
        self._sold: SimpleQueue[Mapping[str, str]] = SimpleQueue()
        self._reading: LoadedLibrary | None = None
        self._last_state: tuple[bytes, Mapping[str, UnsettledFolder]] = (
            b"",
            {},
        )
        self._first_scan_at: float | None = None
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
        """Wait until there is a catalog."""
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
        index = await asyncio.to_thread(FileIndex.open, self._data)
        last_good = await asyncio.to_thread(self._open_last_good)
        try:
            while True:
                # In a task of its own, so that the thread is awaited even
                # when this is cancelled: it uses the index until it ends.
                poll = asyncio.create_task(
                    asyncio.to_thread(self._poll, index, last_good)
                )
                try:
                    pause_seconds = await asyncio.shield(poll)
                except asyncio.CancelledError:
                    self._stopping.set()
                    while not poll.done():  # however often it is cancelled
                        with contextlib.suppress(asyncio.CancelledError):
                            await asyncio.wait([poll])
                    raise
                self.scans += 1
                if self._reading is not None:
                    self._ready.set()
                await asyncio.sleep(pause_seconds)
        finally:
            await asyncio.to_thread(index.close)

    def _open_last_good(self) -> LastGoodConfig:
        return LastGoodConfig.open(
            self._data,
            grace_seconds=self._uploads.grace_seconds,
            timer=self._timer,
        )

    def _poll(self, index: FileIndex, last_good: LastGoodConfig) -> float:
        """Read the library if it has changed; return the seconds to pause.

        Runs in a thread; never raises.
        """
        started_at = time.monotonic()
        pause_seconds = self._poll_seconds
        try:
            found = scan(self._root)
            unsettled = self._uploads.update(
                found, index.has_same_size_and_date
            )
            taken_seconds = time.monotonic() - started_at
            pause_seconds = max(pause_seconds, _SCAN_SHARE * taken_seconds)
            if not self._must_wait(index, last_good, found, unsettled):
                self._read_if_changed(index, last_good, found, unsettled)
            self._last_error = ""
            if (
                self._reading is None
                or self._reading.retrying
                or any(not each.keeps_changing for each in unsettled.values())
            ):
                # An operator who has just copied a file is waiting for it.
                # (Files that never become quiet aren't polled more often.)
                pause_seconds = max(self._poll_seconds, taken_seconds)
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
        return pause_seconds

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
        history = self._history
        self._write_sold()
        revision = 0 if history is None else history.revision
        if (
            reading is not None
            and state == self._last_state
            and revision == self._history_revision
            and (not reading.retrying)
            and not self._parser.is_retry_due()
        ):
            return
        new = load_library(
            self._root,
            index,
            reading,
            found=found,
            unsettled=unsettled,
            last_good=last_good,
            quiet_seconds=self._uploads.quiet_seconds,
            history=history,
            parser=self._parser,
            now=self._timer(),
            stopping=self._stopping.is_set,
            progress=ProgressLog(),
        )
        self._reading = new
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

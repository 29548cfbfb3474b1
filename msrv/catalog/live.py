"""The catalog as it is now: read at the start, and whenever the folder says.

The folder is looked at again and again rather than watched: network mounts
and bind mounts tell no one of a change. A look costs a status of each file,
and is taken the less often the longer it takes. What is being changed is left
alone until it has come to rest, so that a file is not sold half copied.
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
from msrv.catalog.model import Catalog
from msrv.catalog.parsing.parser import Parser
from msrv.tasks import TaskSupervisor
from msrv.toml_file import Problem

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
_SHARE: Final = 20
"""A look may take one part in this many of the time."""
_REPORT_SECONDS: Final = 5.0


class NotReady(Exception):
    """The library has not been read yet."""


class LiveCatalog:
    """The catalog of a library, kept true to it while the block lasts.

    async with LiveCatalog(root, data) as catalog: ...

    `parser` reads tags and covers, and is closed by who gives it; without
    one, the catalog has its own.
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
        self._settling = UploadDetector(
            settle_seconds, clock=clock, timer=timer
        )
        self._history: IdHistory | None = None
        self._followed = 0
        self._sold: SimpleQueue[Mapping[str, str]] = SimpleQueue()
        self._reading: LoadedLibrary | None = None
        self._read: tuple[bytes, Mapping[str, UnsettledFolder]] = (b"", {})
        self._looked_first: float | None = None
        self.scans = 0
        """Number of scans of the library so far."""
        self._ready = asyncio.Event()
        self._stopping = threading.Event()
        self._said: frozenset[Problem] = frozenset()
        self._trouble = ""
        self._work = TaskSupervisor("library")

    @property
    def current(self) -> Catalog:
        """The catalog of this moment. Raises NotReady before the first."""
        return self.reading.catalog

    @property
    def reading(self) -> LoadedLibrary:
        """The last reading that was good. Raises NotReady."""
        if self._reading is None:
            raise NotReady
        return self._reading

    @property
    def history(self) -> IdHistory:
        """History of ids. Raises NotReady outside of the block."""
        if self._history is None:
            raise NotReady
        return self._history

    def mark_sold(self, titles: Mapping[str, str]) -> None:
        """Remember that these ids were sold; it is written at the next look.

        Should it be lost, the ledger has it, too.
        """
        self._sold.put(titles)

    async def ready(self) -> None:
        """Wait until there is a catalog."""
        await self._ready.wait()

    async def __aenter__(self) -> Self:
        """Begin to read. Raises LibraryUnreadable if there is no library."""
        await asyncio.to_thread(check_library, self._root)
        self._history = await asyncio.to_thread(IdHistory.open, self._data)
        self._work.start(self.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End, once no thread is reading any more."""
        if self._owns_parser:
            await asyncio.to_thread(self._parser.close)
        await self._work.stop()
        if self._history is not None:
            await asyncio.to_thread(self._write_sold)
            await asyncio.to_thread(self._history.close)
            self._history = None

    async def run(self) -> None:
        """Read the library, and again at every change, until cancelled.

        Nothing that is wrong with the library ends it: the last good catalog
        stays.
        """
        index = await asyncio.to_thread(FileIndex.open, self._data)
        kept = await asyncio.to_thread(self._kept_config)
        try:
            while True:
                # In a task of its own, so that a thread is waited for even
                # when this is cancelled: the index can't be closed under it.
                turn = asyncio.create_task(
                    asyncio.to_thread(self._look, index, kept)
                )
                try:
                    pause_seconds = await asyncio.shield(turn)
                except asyncio.CancelledError:
                    self._stopping.set()
                    while not turn.done():  # however often this is said
                        with contextlib.suppress(asyncio.CancelledError):
                            await asyncio.wait([turn])
                    raise
                self.scans += 1
                if self._reading is not None:
                    self._ready.set()
                await asyncio.sleep(pause_seconds)
        finally:
            await asyncio.to_thread(index.close)

    def _kept_config(self) -> LastGoodConfig:
        return LastGoodConfig.open(
            self._data,
            grace_seconds=self._settling.grace_seconds,
            timer=self._timer,
        )

    def _look(self, index: FileIndex, kept: LastGoodConfig) -> float:
        """Read the library if it has changed. In a thread; never raises.

        Gives the seconds until the next look.
        """
        began = time.monotonic()
        pause_seconds = self._poll_seconds
        try:
            found = scan(self._root)
            unsettled = self._settling.update(
                found, index.has_same_size_and_date
            )
            taken_seconds = time.monotonic() - began
            pause_seconds = max(pause_seconds, _SHARE * taken_seconds)
            if not self._has_to_settle_first(index, kept, found, unsettled):
                self._read_if_changed(index, kept, found, unsettled)
            self._trouble = ""
            if (
                self._reading is None
                or self._reading.retrying
                or any(not each.keeps_changing for each in unsettled.values())
            ):
                # Who has just copied something waits to see it, too. (What
                # never rests is looked at no more often than all else.)
                pause_seconds = max(self._poll_seconds, taken_seconds)
        except IndexingStopped:
            pass
        except LibraryUnreadable as error:
            if self._is_new(error):
                stays = "; the last catalog stays" if self._reading else ""
                log.error("%s%s", error, stays)  # noqa: TRY400 - says it all
        except Exception as error:
            # A mistake of ours must not end what keeps the catalog true.
            if self._is_new(error):
                log.exception("the library could not be read; trying again")
        return pause_seconds

    def _has_to_settle_first(
        self,
        index: FileIndex,
        kept: LastGoodConfig,
        found: Scan,
        unsettled: Mapping[str, UnsettledFolder],
    ) -> bool:
        """Whether there is no catalog yet, and so far nothing to put in one.

        A store that is set up and started within the quiet time opens after
        it; what never comes to rest keeps it shut for no longer than twice.
        """
        if self._reading is not None or not unsettled:
            return False
        now = self._timer()
        if self._looked_first is None:
            self._looked_first = now
        if now - self._looked_first > 2 * self._settling.quiet_seconds:
            return False
        has_prices = LIBRARY not in unsettled or kept.text(STORE_TOML)
        return not has_prices or all(
            folder.path in unsettled
            and not any(map(index.find, content_files(folder)))
            for folder in found.folders
        )

    def _read_if_changed(
        self,
        index: FileIndex,
        kept: LastGoodConfig,
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
            and state == self._read
            and revision == self._followed
            and (not reading.retrying)
            and not self._parser.is_retry_due()
        ):
            return
        self._take(
            load_library(
                self._root,
                index,
                reading,
                found=found,
                unsettled=unsettled,
                kept=kept,
                quiet_seconds=self._settling.quiet_seconds,
                history=history,
                parser=self._parser,
                now=self._timer(),
                stopping=self._stopping.is_set,
                progress=_Progress(),
            )
        )
        self._read, self._followed = state, revision

    def _write_sold(self) -> None:
        """Write what was sold since the last look."""
        with contextlib.suppress(Empty):
            while self._history is not None:
                self._history.mark_sold(self._sold.get_nowait())

    def _is_new(self, error: Exception) -> bool:
        """Whether this isn't what was said at the last look already."""
        trouble, self._trouble = self._trouble, repr(error)
        return trouble != self._trouble

    def _take(self, reading: LoadedLibrary) -> None:
        """Make a reading the current one, and say what is new about it."""
        old, self._reading = self._reading, reading
        problems = frozenset(reading.problems)
        for problem in reading.problems:
            if problem not in self._said:
                log.warning("library: %s", problem)
        mended = self._said - problems - (old.held if old else frozenset())
        for line in sorted(map(str, mended)):
            log.info("no longer a problem: %s", line)
        self._said = problems
        for note in reading.notes:
            if old is None or note not in old.notes:
                log.info("library: %s", note)
        if old is None or old.catalog.version != reading.catalog.version:
            releases = reading.catalog.releases
            items = sum(len(each.items) for each in releases)
            log.info(
                "catalog: %s, %s",
                _counted(len(releases), "release"),
                _counted(items, "item"),
            )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class _Progress:
    """Says now and then how far a long reading is."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(
        self, files: int, all_files: int, size: int, all_size: int
    ) -> None:
        now = time.monotonic()
        if now - self._said < _REPORT_SECONDS:
            return
        self._said = now
        log.info(
            "hashed %s of %s files, %.1f of %.1f GB",
            f"{files:,}",
            f"{all_files:,}",
            size / 1e9,
            all_size / 1e9,
        )

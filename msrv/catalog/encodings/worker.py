# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Worker that encodes what the catalog needs, whenever that changes.

It encodes when the catalog takes a master up, never because somebody asks. A
few jobs at once, each in a thread of its own whose programs run with idle
priority. What fails is left out and tried again later; a full disk pauses
all of it, and stops no sale.
"""

import asyncio
import logging
import math
import subprocess
import time
from collections import Counter, deque
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from msrv.catalog.covers import SHARED_WIDTH, CoverHeld, Covers
from msrv.catalog.encodings.encoder import EncoderBuild, inspect_ffmpeg
from msrv.catalog.encodings.encoding_plan import EncodingPlan, PlannedEncoding
from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.encodings.ffmpeg_process import EncodingFailed
from msrv.catalog.encodings.item_formats import ItemFormats
from msrv.catalog.encodings.progress import EncodingProgress
from msrv.catalog.encodings.track_encoder import (
    FreeFloor,
    TrackEncoder,
    free_floor,
)
from msrv.catalog.live_catalog import LiveCatalog, NotReady
from msrv.catalog.loaded_library import FixedCatalog
from msrv.catalog.metadata.cover_images import CoverError
from msrv.catalog.model import Catalog
from msrv.catalog.parsing.errors import ParsingError
from msrv.display_text import printable, reason_of
from msrv.storage.model import Storage, StorageError
from msrv.storage.verification import verified
from msrv.tasks import SerialExecutor, TaskSupervisor
from msrv.text_table import plural

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
REFRESH_SECONDS: Final = 30.0
"""Interval of looking for encodings that other stores have made."""
TIDY_SECONDS: Final = 24 * 3600.0
RETRY_SECONDS: Final = 3600.0
"""Pause before a failed encoding is tried again."""
FULL_SECONDS: Final = 60.0
"""Pause before a disk that was full is tried again."""


class EncodingWorker:
    """Encodes what is missing in a store of encodings, while the block lasts.

    async with EncodingWorker(catalog, library, covers, store): ...

    `jobs` is the number of encodings at once; with 0, only what other stores
    put into the folder is offered. `ffmpeg` is None where it isn't installed.
    `library` and `covers` are closed by their owners.
    """

    def __init__(
        self,
        catalog: LiveCatalog | FixedCatalog,
        library: Storage,
        covers: Covers,
        store: EncodingStore,
        *,
        ffmpeg: str | None,
        jobs: int = 1,
        is_idle: bool = True,
        min_free_bytes: FreeFloor = free_floor,
        poll_seconds: float = POLL_SECONDS,
        full_seconds: float = FULL_SECONDS,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalog = catalog
        self._library = library
        self._covers = covers
        self.store = store
        self.formats = ItemFormats(store)
        self.progress = EncodingProgress(timer)
        self._ffmpeg = ffmpeg
        self._jobs = jobs
        self._is_idle = is_idle
        self._min_free_bytes = min_free_bytes
        self._poll_seconds = poll_seconds
        self._full_seconds = full_seconds
        self._clock = clock
        self._timer = timer
        self._build: EncoderBuild | None = None
        self._planned: tuple[PlannedEncoding, ...] = ()
        self._planned_for: Catalog | None = None
        self._queue: deque[PlannedEncoding] = deque()
        self._missing: Counter[str] = Counter()
        self._failed: dict[str, float] = {}
        self._running: set[str] = set()
        self._changed = asyncio.Condition()
        self._encoders: list[TrackEncoder] = []
        self._tidied_at = -TIDY_SECONDS
        self._tasks = TaskSupervisor("encodings")

    async def __aenter__(self) -> Self:
        """Read the folder, and start. Errors of the disk are logged."""
        await self._load()
        self._tasks.start(self._plan_forever())
        for number in range(self._jobs):
            self._tasks.start(self._encode_forever(number))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop at once; what was being encoded starts again next time."""
        for encoder in self._encoders:
            encoder.kill()
        await self._tasks.stop()

    @property
    def is_encoding(self) -> bool:
        """True while an encoding is being made, or is next."""
        return bool(self._queue or self._running)

    async def _plan_forever(self) -> None:
        refreshed_at = self._timer()
        while True:
            try:
                await self._update_plan()
                if self._timer() - refreshed_at > REFRESH_SECONDS:
                    refreshed_at = self._timer()
                    await self._load()
                    await self._inspect()
                    await self._fill_queue()
                if self._timer() - self._tidied_at > TIDY_SECONDS:
                    await self._tidy()
            except Exception:
                # A bug must not end it.
                log.exception("formats can't be planned; trying again")
            await asyncio.sleep(self._poll_seconds)

    async def _update_plan(self) -> None:
        """Plan again if the catalog has changed."""
        try:
            catalog = self._catalog.current
        except NotReady:
            return
        if catalog is self._planned_for:
            return
        plan = await asyncio.to_thread(EncodingPlan.of, catalog)
        self._planned = await asyncio.to_thread(lambda: plan.encodings)
        self.store.streams = await asyncio.to_thread(lambda: plan.streams)
        self.formats.plan = plan
        self._planned_for = catalog
        await self._inspect()
        await self._fill_queue()

    async def _inspect(self) -> None:
        """Find out what ffmpeg can encode, once there is a need."""
        names = {each.recipe.name for each in self._planned}
        if not names or not self._jobs or self._build is not None:
            return
        report = self.progress.report
        if self._ffmpeg is None:
            report("ffmpeg is not installed, so only originals are sold")
            return
        try:
            self._build = await asyncio.to_thread(inspect_ffmpeg, self._ffmpeg)
        except (OSError, subprocess.SubprocessError) as error:
            report(f"ffmpeg doesn't run, so only originals are sold: {error}")
            return
        if lacking := ", ".join(sorted(names - self._build.formats)):
            report(f"this ffmpeg can't encode {lacking}", is_lasting=True)

    async def _fill_queue(self) -> None:
        """Queue what is missing, in the order of the plan."""
        now, planned = self._timer(), self._planned
        formats = self._build.formats if self._build else frozenset()

        def missing() -> tuple[list[PlannedEncoding], int]:
            found = [each for each in planned if not self._has(each)]
            return found, self.store.size_bytes

        found, size_bytes = await asyncio.to_thread(missing)
        # Some may have been finished meanwhile.
        found = [each for each in found if not self._has(each)]
        # Tracks with the same master have one and the same stream.
        self._missing = wanted = Counter(each.source for each in found)
        self._failed = {
            source: until
            for source, until in self._failed.items()
            if source in wanted and until > now
        }
        self.progress.update(
            len(planned), len(planned) - len(found), size_bytes
        )
        async with self._changed:
            self._queue = deque(
                each
                for each in found
                if each.recipe.name in formats
                and each.source not in self._failed
                and each.source not in self._running
            )
            self._changed.notify_all()
        self.progress.count_failed(len(self._failed))

    def _has(self, planned: PlannedEncoding) -> bool:
        """Return whether it is made, and the waveform of a stream as well."""
        return self.store.get(planned.source) is not None and (
            not planned.is_stream
            or self.store.analyses.find(planned.master) is not None
        )

    async def _encode_forever(self, number: int) -> None:
        executor = SerialExecutor(f"msrv-encode-{number}")
        encoder: TrackEncoder | None = None
        try:
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: bool(self._queue))
                    planned = self._queue.popleft()
                assert self._build is not None  # noqa: S101 - as in the queue
                if encoder is None:
                    encoder = TrackEncoder(
                        self._build,
                        self._library,
                        self.store,
                        is_idle=self._is_idle,
                        min_free_bytes=self._min_free_bytes,
                    )
                    self._encoders.append(encoder)
                self._running.add(planned.source)
                try:
                    await self._encode(planned, encoder, executor)
                except Exception:
                    log.exception("an encoding failed")
                    self._fail(planned, "it can't be encoded")
                finally:
                    self._running.discard(planned.source)
        finally:
            if encoder is not None:
                encoder.kill()
                await asyncio.shield(executor.call(encoder.close))
            executor.close()

    async def _encode(
        self,
        planned: PlannedEncoding,
        encoder: TrackEncoder,
        executor: SerialExecutor,
    ) -> None:
        """Encode one track, or note why that failed."""
        try:
            cover = await self._cover(planned)
            found = await verified(
                self._library,
                lambda: executor.call(encoder.encode, planned, cover),
            )
        except EncodingFailed as error:
            self._fail(planned, str(error), is_final=error.is_permanent)
        except StorageError as error:
            # The next reading of the library says more.
            self._fail(planned, f"the file is {type(error).__name__.lower()}")
        except OSError as error:
            self.progress.report(
                f"encoding pauses: {self.store.folder}: {reason_of(error)}"
            )
            await self._pause(planned)
        else:
            # None: another store is encoding it, and it is found later.
            if found is not None:
                made, is_new = found
                ready = self._missing.pop(planned.source, 0)
                size_bytes = made.content.size_bytes if ready else 0
                self.progress.add(ready, size_bytes, is_new=is_new)

    async def _cover(self, planned: PlannedEncoding) -> bytes:
        """Return the cover as a JPEG, empty if there is none to display.

        Raises EncodingFailed where it can't be read now.
        """
        if planned.cover is None:
            return b""
        try:
            image = await self._covers.image(planned.cover, SHARED_WIDTH)
        except (CoverHeld, ParsingError, StorageError) as error:
            raise EncodingFailed(
                "its cover can't be read", is_permanent=False
            ) from error
        except CoverError:
            return b""
        return image.data

    async def _pause(self, planned: PlannedEncoding) -> None:
        """Queue a track again, and wait until the disk may have space."""
        async with self._changed:
            self._queue.appendleft(planned)
        await asyncio.sleep(self._full_seconds)

    async def _load(self) -> None:
        try:
            await asyncio.to_thread(self.store.load)
        except OSError as error:
            self.progress.report(
                f"encodings can't be read: {self.store.folder}: "
                f"{reason_of(error)}"
            )

    async def _tidy(self) -> None:
        """Delete what no catalog names any more, once there is a catalog."""
        if self._planned_for is None:
            return
        self._tidied_at = self._timer()
        named = {each.source for each in self._planned}
        try:
            deleted = await asyncio.to_thread(
                self.store.tidy, named, self._clock()
            )
        except OSError as error:
            log.warning("formats: old encodings can't be deleted: %s", error)
            return
        if deleted:
            log.info("formats: deleted %s", plural(deleted, "old file"))

    def _fail(
        self, planned: PlannedEncoding, reason: str, *, is_final: bool = False
    ) -> None:
        """Skip a track for a while, and log the reason.

        With `is_final` until the next start, or until it is replaced.
        """
        seconds = math.inf if is_final else RETRY_SECONDS
        self._failed[planned.source] = self._timer() + seconds
        self.progress.count_failed(len(self._failed))
        log.warning(
            "%s has no %s%s: %s",
            printable(planned.item.content.path),
            planned.recipe.label,
            "" if is_final else f", for {RETRY_SECONDS // 60:.0f} minutes",
            reason,
        )

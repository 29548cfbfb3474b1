# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Previews: a few seconds of a track, to listen to before buying.

A preview is the part that the seller chose, or else it starts at a quarter of
the track and lasts a third of it at most. It has no tags and no pictures, and
is as loud as streams of whole tracks are.
Previews are made by ffmpeg, if it is installed, and cached.
"""

import asyncio
import hashlib
import logging
import math
import signal
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from msrv.catalog.config.listening_fields import MAX_CLIP_SECONDS
from msrv.catalog.covers import Fetch
from msrv.catalog.ffmpeg import (
    FfmpegOutput,
    OutputTooLong,
    cut_clip,
    decode_clip,
)
from msrv.catalog.model import Item, ItemKind, ListeningMode
from msrv.catalog.parsing import confined_ffmpeg
from msrv.catalog.parsing.confinement import ResourceLimits
from msrv.catalog.parsing.crash_marks import CrashMarks
from msrv.catalog.sound.analysis import SoundAnalysis
from msrv.catalog.sound.clip_files import (
    Clip,
    load_clip,
    save_clip,
    waveform_path,
)
from msrv.catalog.sound.loudness import parse_loudness, playing_gain
from msrv.catalog.sound.waveform import (
    SAMPLE_RATE_HZ,
    PeakMeter,
    draw_waveform,
)
from msrv.storage.local import LocalStorage
from msrv.storage.model import Content, StorageError
from msrv.storage.verification import verified

log = logging.getLogger(__name__)

FOLDER_NAME = "previews"
SHORTEST_TRACK_SECONDS = 5.0
LONGEST_CLIP_SECONDS = 30.0

# Part of every cached clip's name: increase it when clips change.
_VERSION = 2
_BYTES_PER_SECOND = 96_000 // 8
# More than any clip has; ffmpeg's output is held in memory up to this.
_MAX_CLIP_BYTES = 2 * MAX_CLIP_SECONDS * _BYTES_PER_SECOND
_MAX_SAMPLES_BYTES = 5 * MAX_CLIP_SECONDS * SAMPLE_RATE_HZ
_RETRY_SECONDS = 600.0
_REMEMBERED = 4096


class NoPreview(Exception):
    """There is no preview of this item, at least at present."""


class Previews:
    """Maker of previews, one at a time, with a cache.

    `cache_dir` is created when it is first needed and may be emptied at any
    time. `ffmpeg` is the result of find_ffmpeg(); with None, no previews are
    offered, but for those that `fetch` returns. `limits` are those of its
    process. A track that crashes it gets one of `marks`. `clock` is monotonic,
    in seconds.
    """

    def __init__(
        self,
        ffmpeg: str | None,
        storage_root: Path,
        cache_dir: Path,
        *,
        timeout_seconds: float = 30.0,
        limits: ResourceLimits = confined_ffmpeg.LIMITS,
        marks: CrashMarks | None = None,
        clock: Callable[[], float] = time.monotonic,
        fetch: Fetch | None = None,
    ) -> None:
        self._fetch = fetch
        self._command = (
            ()
            if ffmpeg is None
            else confined_ffmpeg.ffmpeg_command(ffmpeg, limits)
        )
        self._storage = LocalStorage(storage_root)
        self._cache_dir = cache_dir
        self._timeout_seconds = timeout_seconds
        self._marks = marks or CrashMarks(None)
        self._clock = clock
        self._one_at_a_time = asyncio.Semaphore(1)
        # By the file that is read: another with the same bytes may exist
        # where this one is missing.
        self._making: dict[Content, asyncio.Task[Clip]] = {}
        # By the name of a clip: the clip, or the time of the next try.
        self._known: OrderedDict[str, Clip | float] = OrderedDict()

    @property
    def is_available(self) -> bool:
        """True if previews can be made at all."""
        return bool(self._command) or self._fetch is not None

    def is_offered(self, item: Item) -> bool:
        """Return whether to offer a preview; it may still be NoPreview.

        Tracks for sale have one, unless the seller wants none, or a third of
        it would be too short.
        """
        seconds = item.duration_seconds
        return (
            self.is_available
            and item.kind is ItemKind.TRACK
            and item.listening.mode is not ListeningMode.NONE
            and not item.hidden
            and seconds is not None
            and SHORTEST_TRACK_SECONDS <= seconds < math.inf
        )

    async def clip(self, item: Item) -> Clip:
        """Return a track's preview, made now if it isn't cached.

        Raises NoPreview if none is offered, the track is broken, missing or
        has changed since it was hashed, ffmpeg took too long, or the disk is
        full.
        """
        if not self.is_offered(item):
            raise NoPreview(item.item_id)
        known = self._known.get(_key(item))
        if isinstance(known, float) and known > self._clock():
            raise NoPreview(item.item_id)
        task = self._making.get(item.content)
        if task is None:
            task = asyncio.create_task(self._load_or_make(item))
            self._making[item.content] = task
            task.add_done_callback(lambda done: self._on_done(item, done))
        # wait() rather than await: when this request is cancelled, the task
        # continues for the others.
        await asyncio.wait((task,))
        if task.cancelled():  # by aclose()
            raise NoPreview(item.item_id)
        return task.result()

    async def waveform(self, item: Item) -> bytes:
        """Return the waveform of a track's preview: an SVG, or empty.

        It is made with the preview. Raises NoPreview.
        """
        clip = await self.clip(item)
        try:
            return await asyncio.to_thread(waveform_path(clip.path).read_bytes)
        except OSError as error:
            raise NoPreview(item.item_id) from error

    async def aclose(self) -> None:
        """Stop ffmpeg if it runs, and wait until it has ended."""
        tasks = tuple(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._marks.close)
        await self._storage.aclose()

    def _on_done(self, item: Item, task: asyncio.Task[Clip]) -> None:
        del self._making[item.content]
        # Reading the exception marks it as retrieved, where no request waits.
        if not task.cancelled() and task.exception() is None:
            self._remember(_key(item), task.result())

    def _remember(self, key: str, known: Clip | float) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _load_or_make(self, item: Item) -> Clip:
        key = _key(item)
        path = self._cache_dir / f"{key}.mp3"
        cached = await asyncio.to_thread(load_clip, path, self._known.get(key))
        if cached is not None:
            return cached
        try:
            published = await self._fetch_clip(key)
            if published is not None:
                data, svg = published
            else:
                async with self._one_at_a_time:
                    data, svg = await self._cut(item)
            return await asyncio.to_thread(
                save_clip, path, data, svg, is_copy=published is not None
            )
        except StorageError as error:
            # Not remembered: a check costs little, and the file may be back
            # at once.
            raise NoPreview(item.item_id) from error
        except (NoPreview, OutputTooLong, OSError, TimeoutError) as error:
            log.warning(
                "no preview of %s, for %d minutes: %s",
                ascii(item.content.path),
                _RETRY_SECONDS // 60,
                str(error) or type(error).__name__,
            )
            self._remember(key, self._clock() + _RETRY_SECONDS)
            raise NoPreview(item.item_id) from error

    async def _fetch_clip(self, key: str) -> tuple[bytes, bytes] | None:
        """Return a clip that was made elsewhere, and its waveform.

        Raises NoPreview if only those exist, and this one doesn't.
        """
        if self._fetch is None:
            return None
        data = await self._fetch(f"{FOLDER_NAME}/{key}.mp3")
        if data is not None:
            svg = await self._fetch(f"{FOLDER_NAME}/{key}.svg")
            return data, svg or b""
        if not self._command:
            raise NoPreview("it was published without one")
        return None

    async def _cut(self, item: Item) -> tuple[bytes, bytes]:
        """Return a clip, as loud as all streams are, and its waveform.

        Raises NoPreview with the reason, and as above.
        """
        start, length = clip_part(item)
        key = item.content.sha256
        mark = await asyncio.to_thread(self._marks.find, key)
        if mark is not None:
            raise NoPreview(f"the track {mark.reason}")
        track = await verified(
            self._storage,
            lambda: asyncio.to_thread(self._storage.open, item.content),
        )
        try:
            with self._marks.parsing(key):
                decoded = await decode_clip(
                    self._command,
                    track,
                    start=start,
                    length=length,
                    max_bytes=_MAX_SAMPLES_BYTES,
                    timeout_seconds=self._timeout_seconds,
                )
                await self._refuse_crash(key, decoded)
                # Without it, an ffmpeg that can't measure cuts it as it is.
                analysis = await asyncio.to_thread(_analyse, decoded)
                output = await cut_clip(
                    self._command,
                    track,
                    start=start,
                    length=length,
                    gain_db=playing_gain(analysis.loudness, None),
                    max_bytes=_MAX_CLIP_BYTES,
                    timeout_seconds=self._timeout_seconds,
                )
        finally:
            track.close()
        await self._refuse_crash(key, output)
        await asyncio.to_thread(self._marks.clear, key)
        # ffmpeg succeeds without output if the track ends before the clip
        # starts, which happens if its tags state a wrong duration.
        is_short = len(output.data) < length * _BYTES_PER_SECOND / 2
        if output.status != 0 or is_short:
            raise NoPreview(
                f"ffmpeg ended with {output.status}: {output.messages!a}"
            )
        peaks = analysis.peaks
        return output.data, draw_waveform(peaks) if peaks else b""

    async def _refuse_crash(self, key: bytes, output: FfmpegOutput) -> None:
        """Mark a track at which ffmpeg crashed. Raises NoPreview then."""
        if output.status >= 0:
            return
        await asyncio.to_thread(self._mark_crash, key, -output.status)
        raise NoPreview(
            f"ffmpeg ended with {output.status}: {output.messages!a}"
        )

    def _mark_crash(self, key: bytes, number: int) -> None:
        """Mark a track at which ffmpeg was killed by a signal."""
        self._marks.record(
            key,
            f"makes ffmpeg crash ({signal.Signals(number).name})",
            by_chance=number in {signal.SIGKILL, signal.SIGTERM},
        )


def _key(item: Item) -> str:
    """Return the name of an item's clip: of its bytes and its part."""
    clip = item.listening.clip
    part = f"-{clip[0]}-{clip[1]}" if clip else ""
    return f"{item.content.sha256.hex()}{part}-{_VERSION}"


def clip_version(item: Item) -> str:
    """Return what changes in an address whenever an item's clip does."""
    return hashlib.sha256(_key(item).encode("ascii")).hexdigest()[:16]


def clip_part(item: Item) -> tuple[float, float]:
    """Return where a clip starts, and how long it is, in seconds.

    The part that the seller chose, if most of it is in the track.
    """
    seconds = item.duration_seconds or 0.0
    if item.listening.clip is not None:
        start, end = item.listening.clip
        length = min(end, seconds) - start
        if length >= (end - start) / 2:
            return start, length
    return seconds / 4, min(LONGEST_CLIP_SECONDS, seconds / 3)


def _analyse(decoded: FfmpegOutput) -> SoundAnalysis:
    """Return the analysis of a part of a track that was decoded."""
    if decoded.status != 0:
        return SoundAnalysis(None, b"")
    meter = PeakMeter(channels=2)
    meter.add(decoded.data)
    return SoundAnalysis(parse_loudness(decoded.messages), meter.peaks())

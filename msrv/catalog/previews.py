"""Previews: a few seconds of a track, to hear before buying.

Owns making them with ffmpeg, where that is installed, and keeping them. A
preview starts a quarter in and lasts a third at most, so it is never the
track; nothing of the track but its sound is in it. ffmpeg runs confined
(`parsing.confined_ffmpeg`), without an environment. It reads one file, already
opened and checked against the catalog, and writes to us: no name of the
library's is ever on its command line, so none can be taken for an option, a
pattern or an address.
"""

import asyncio
import hashlib
import logging
import math
import shutil
import signal
import subprocess
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from msrv.catalog.model import Item, ItemKind
from msrv.catalog.parsing import confined_ffmpeg
from msrv.catalog.parsing.confinement import ENVIRONMENT, ResourceLimits
from msrv.catalog.parsing.crash_marks import CrashMarks
from msrv.files import write_file
from msrv.storage.local import LocalStorage
from msrv.storage.model import Content, StorageError
from msrv.storage.verification import verified

log = logging.getLogger(__name__)

SHORTEST_TRACK_SECONDS = 5.0
LONGEST_CLIP_SECONDS = 30.0

# Part of every cached clip's name: raise it when clips are made otherwise.
_RECIPE = 1
_BYTES_PER_SECOND = 96_000 // 8
# More than any clip; what is read of ffmpeg's output and held meanwhile.
_CLIP_BYTES_AT_MOST = 2 * int(LONGEST_CLIP_SECONDS) * _BYTES_PER_SECOND
_COMPLAINT_BYTES = 2000
_RETRY_SECONDS = 600.0
_REMEMBERED = 4096

# What a track may be in. No playlists: they have ffmpeg open other files.
_CONTAINERS = (
    "aac,aiff,ape,asf,caf,dsf,flac,matroska,mov,mp3,mpc,mpc8,ogg,tta,wav,wv"
)


class NoPreview(Exception):
    """There is no preview of this item, at least for now."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A preview on disk: MP3 (`audio/mpeg`).

    `etag` is a strong entity tag with its quotes. The file may go at any
    time, as caches do; ask for the clip anew then.
    """

    path: Path
    size_bytes: int
    etag: str


def find_ffmpeg(limits: ResourceLimits = confined_ffmpeg.LIMITS) -> str | None:
    """Find an ffmpeg that can write MP3, which every browser plays.

    Runs it as previews do, so it blocks, for 10 seconds at most. None where
    there is none.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        log.warning("no previews: ffmpeg is not installed")
        return None
    try:
        encoders = subprocess.run(  # noqa: S603 - fixed arguments
            [
                *confined_ffmpeg.ffmpeg_command(program, limits),
                *("-nostdin", "-v", "error", "-encoders"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=10,
            env=ENVIRONMENT,
            cwd="/",
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("no previews: ffmpeg doesn't run: %s", error)
        return None
    if b" libmp3lame " not in encoders:
        log.warning("no previews: this ffmpeg can't write MP3 (libmp3lame)")
        return None
    return program


class Previews:
    """Makes previews, once each and one at a time, and keeps them.

    They are kept in `cache_dir`, which is made when it is first needed and
    may be emptied at any time. `ffmpeg` is what find_ffmpeg() gave; with None
    nothing is offered. `limits` are what it may take of this machine. A track
    that makes it crash gets one of `marks`. `clock` counts seconds and never
    goes back.
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
    ) -> None:
        self._command = (
            ()
            if ffmpeg is None
            else confined_ffmpeg.ffmpeg_command(ffmpeg, limits)
        )
        self._folder = LocalStorage(storage_root)
        self._cache_dir = cache_dir
        self._timeout_seconds = timeout_seconds
        self._marks = marks or CrashMarks(None)
        self._clock = clock
        self._turn = asyncio.Semaphore(1)
        # By the file that is read: another with the same bytes may be there
        # where this one is away.
        self._making: dict[Content, asyncio.Task[Clip]] = {}
        # By a track's sha256: its clip, or when to try again to make one.
        self._known: OrderedDict[bytes, Clip | float] = OrderedDict()

    @property
    def available(self) -> bool:
        """Whether previews can be made at all."""
        return bool(self._command)

    def offered(self, item: Item) -> bool:
        """Say whether to offer a preview, which may yet turn out NoPreview.

        Tracks for sale have one, unless a third would be too short to hear.
        """
        seconds = item.duration_seconds
        return (
            self.available
            and item.kind is ItemKind.TRACK
            and not item.hidden
            and seconds is not None
            and SHORTEST_TRACK_SECONDS <= seconds < math.inf
        )

    async def clip(self, item: Item) -> Clip:
        """Give a track's preview, made now if it is the first time.

        Raises NoPreview: none is offered, the track is broken, missing or
        another than was hashed, it took too long, the disk is full.
        """
        if not self.offered(item):
            raise NoPreview(item.item_id)
        key = item.content.sha256
        known = self._known.get(key)
        if isinstance(known, float) and known > self._clock():
            raise NoPreview(item.item_id)
        task = self._making.get(item.content)
        if task is None:
            task = asyncio.create_task(self._made(item))
            self._making[item.content] = task
            task.add_done_callback(lambda done: self._finish(item, done))
        # To wait is not to await: when this visitor goes away, the task
        # still runs for the others.
        await asyncio.wait((task,))
        if task.cancelled():  # by aclose()
            raise NoPreview(item.item_id)
        return task.result()

    async def aclose(self) -> None:
        """Stop ffmpeg where it runs, and wait until it is gone."""
        tasks = tuple(self._making.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._marks.close)
        await self._folder.aclose()

    def _finish(self, item: Item, task: asyncio.Task[Clip]) -> None:
        del self._making[item.content]
        # Looking at the error says that it was seen, where nobody waits.
        if not task.cancelled() and task.exception() is None:
            self._remember(item.content.sha256, task.result())

    def _remember(self, key: bytes, known: Clip | float) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    async def _made(self, item: Item) -> Clip:
        key = item.content.sha256
        path = self._cache_dir / f"{key.hex()}-{_RECIPE}.mp3"
        kept = await asyncio.to_thread(_kept, path, self._known.get(key))
        if kept is not None:
            return kept
        try:
            async with self._turn:
                data = await self._cut(item)
            return await asyncio.to_thread(_kept_clip, path, data)
        except StorageError as error:
            # Not remembered: looking costs little, and it may be back at once.
            raise NoPreview(item.item_id) from error
        except (NoPreview, OSError, TimeoutError) as error:
            log.warning(
                "no preview of %s, for %d minutes: %s",
                ascii(item.content.path),
                _RETRY_SECONDS // 60,
                str(error) or type(error).__name__,
            )
            self._remember(key, self._clock() + _RETRY_SECONDS)
            raise NoPreview(item.item_id) from error

    async def _cut(self, item: Item) -> bytes:
        """Run ffmpeg once; raises NoPreview saying why, or as in _made."""
        seconds = item.duration_seconds or 0.0
        length = min(LONGEST_CLIP_SECONDS, seconds / 3)
        key = item.content.sha256
        mark = await asyncio.to_thread(self._marks.find, key)
        if mark is not None:
            raise NoPreview(f"the track {mark.reason}")
        track = await verified(
            self._folder,
            lambda: asyncio.to_thread(self._folder.open, item.content),
        )
        try:
            with self._marks.parsing(key):
                data, complaint, status = await self._run(
                    track, start=seconds / 4, length=length
                )
        finally:
            track.close()
        if status < 0:
            await asyncio.to_thread(self._crashed, key, -status)
        # ffmpeg is content to write nothing where the track ends before the
        # clip begins, which tags that lie about its duration lead to.
        if status != 0 or len(data) < length * _BYTES_PER_SECOND / 2:
            last = complaint.decode(errors="replace").strip()
            raise NoPreview(f"ffmpeg ended with {status}: {last!a}")
        return data

    def _crashed(self, key: bytes, number: int) -> None:
        """Mark a track at which ffmpeg was killed by a signal."""
        self._marks.record(
            key,
            f"makes ffmpeg crash ({signal.Signals(number).name})",
            by_chance=number in {signal.SIGKILL, signal.SIGTERM},
        )

    async def _run(
        self, track: BinaryIO, *, start: float, length: float
    ) -> tuple[bytes, bytes, int]:
        """Give ffmpeg's output, the end of its complaints, its exit status.

        Raises OSError where it doesn't start, TimeoutError where it doesn't
        end, and NoPreview where it writes too much. It never outlives this
        call, nor this process.
        """
        fades = f"afade=in:d=0.5,afade=out:st={length - 1:.3f}:d=1"
        process = await asyncio.create_subprocess_exec(
            *(*self._command, "-nostdin", "-v", "error"),
            *("-protocol_whitelist", "file,pipe"),
            *("-format_whitelist", _CONTAINERS),
            # As a file, not as a pipe: some containers must be sought in.
            *("-ss", f"{start:.3f}", "-i", "file:/dev/stdin"),
            *("-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1"),
            *("-af", fades, "-t", f"{length:.3f}"),
            *("-ac", "2", "-ar", "44100", "-c:a", "libmp3lame", "-b:a", "96k"),
            *("-f", "mp3", "-id3v2_version", "0", "pipe:1"),
            stdin=track,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                asyncio.TaskGroup() as group,
            ):
                data = group.create_task(_all(process.stdout))
                complaint = group.create_task(
                    _end(process.stderr, _COMPLAINT_BYTES)
                )
                status = group.create_task(process.wait())
        except* NoPreview as errors:
            raise NoPreview(str(errors.exceptions[0])) from errors
        finally:
            if process.returncode is None:
                process.kill()
                # Not wait(): it waits for the end of the pipes, which isn't
                # noticed while one is full and nobody reads it.
                await process.communicate()
        return data.result(), complaint.result(), status.result()


async def _all(stream: asyncio.StreamReader | None) -> bytes:
    """Read a whole clip. Raises NoPreview where it is too long for one."""
    data = bytearray()
    while stream is not None and (some := await stream.read(65536)):
        data += some
        if len(data) > _CLIP_BYTES_AT_MOST:
            raise NoPreview("ffmpeg writes more than a clip")
    return bytes(data)


async def _end(stream: asyncio.StreamReader | None, at_most: int) -> bytes:
    """Read all there is and give the end of it."""
    end = b""
    while stream is not None and (some := await stream.read(65536)):
        end = (end + some)[-at_most:]
    return end


def _clip(path: Path, data: bytes) -> Clip:
    digest = hashlib.sha256(data).hexdigest()
    return Clip(path, len(data), f'"{digest[:32]}"')


def _kept(path: Path, known: Clip | float | None) -> Clip | None:
    """Look for a clip on disk, and read it unless it is `known`."""
    try:
        if isinstance(known, Clip) and path.stat().st_size == known.size_bytes:
            return known
        return _clip(path, path.read_bytes())
    except OSError:
        return None


def _kept_clip(path: Path, data: bytes) -> Clip:
    """Keep a clip. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, data, durable_name=False)
    return _clip(path, data)

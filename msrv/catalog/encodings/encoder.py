# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Encoder: runs ffmpeg on a master, and then writes the tags.

Both run confined and with idle priority: ffmpeg reads the master by its
standard input and writes the encoding by its standard output, both opened by
the store, and the tags are written by the process of `tagging_main`.
"""

import logging
import math
import os
import re
import selectors
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Final

from msrv.catalog.encodings.recipes import RECIPES, STREAMS, Recipe
from msrv.catalog.encodings.track_tags import TrackTags
from msrv.catalog.ffmpeg import CONTAINERS, query_ffmpeg
from msrv.catalog.model import Sound
from msrv.catalog.parsing import confined_ffmpeg
from msrv.catalog.parsing.confinement import (
    ENVIRONMENT,
    ResourceLimits,
    python_command,
)
from msrv.catalog.parsing.errors import ParserUnavailable, ProcessEnded
from msrv.catalog.parsing.messages import Message
from msrv.catalog.parsing.parser_process import ParserProcess
from msrv.catalog.parsing.priority import IDLE, NORMAL
from msrv.catalog.parsing.replies import clean_message

log = logging.getLogger(__name__)

_STDERR_BYTES: Final = 2000
_VERSION: Final = re.compile(rb"ffmpeg version (\S{1,100})")
_CPU_SECONDS: Final = 60
_HEAD_BYTES: Final = 64 << 20
"""Bytes of an encoding beyond its samples, which a cover may take."""
_MAX_BYTES: Final = (4 << 30) - 1
"""Limit of WAV and AIFF, whose sizes have 32 bits."""
_SLOWEST: Final = 60.0
"""Seconds that a second of music may take on a busy machine."""
_LEAST_SECONDS: Final = 3600.0
_LENGTH_SECONDS: Final = 0.5
"""By which an encoding may be longer or shorter than its master's header
states: encoders add hundredths of a second at both ends."""
_WRITE_ERRORS: Final = (
    "Error closing file",
    "Error writing trailer",
    "File too large",
    "No space left",
)
"""Messages after which ffmpeg may nevertheless end with status 0."""
_TAGGING_SECONDS: Final = 600.0


class EncodingFailed(Exception):
    """A track couldn't be encoded; the text is the reason, in one line.

    `is_permanent` is False if the same master may succeed later.
    """

    def __init__(self, reason: str, *, is_permanent: bool = True) -> None:
        super().__init__(reason)
        self.is_permanent = is_permanent


@dataclass(frozen=True, slots=True)
class EncoderBuild:
    """An installed ffmpeg: its path, version, and the recipes it knows."""

    program: str
    version: str
    formats: frozenset[str]


def inspect_ffmpeg(
    program: str, limits: ResourceLimits = confined_ffmpeg.LIMITS
) -> EncoderBuild:
    """Return what an ffmpeg can encode. Blocks, for 20 seconds at most.

    Raises OSError and subprocess.SubprocessError.
    """
    version = _VERSION.match(query_ffmpeg(program, "-version", limits))
    encoders = {
        line.split()[1].decode("ascii", "replace")
        for line in query_ffmpeg(program, "-encoders", limits).splitlines()
        if len(line.split()) > 1
    }
    return EncoderBuild(
        program,
        version[1].decode("ascii", "replace") if version else "unknown",
        frozenset(
            recipe.name
            for recipe in (RECIPES | STREAMS).values()
            if recipe.encoder in encoders
        ),
    )


@dataclass(frozen=True, slots=True)
class EncodingTask:
    """A master's sound and length, and the format, tags and cover to write."""

    recipe: Recipe
    sound: Sound
    seconds: float
    master_name: str
    tags: TrackTags
    cover: bytes = b""

    @property
    def max_bytes(self) -> int:
        """Largest size of the encoding: that of its samples, in 32 bits."""
        rate = max(self.sound.sample_rate_hz or 0, 48_000)
        samples = self.seconds * rate * (self.sound.channels or 2)
        return int(min(samples * 4 + _HEAD_BYTES, _MAX_BYTES))


class Encoder:
    """Encodes one track at a time, in the thread that calls it.

    Always the same thread: the kernel kills a process with the thread that
    started it. `kill`, from any thread, ends what runs for good.
    """

    def __init__(
        self,
        build: EncoderBuild,
        *,
        is_idle: bool = True,
        limits: ResourceLimits = confined_ffmpeg.LIMITS,
    ) -> None:
        self._build = build
        self._is_idle = is_idle
        self._limits = limits
        self._lock = threading.Lock()
        self._is_killed = False
        self._ffmpeg: subprocess.Popen[bytes] | None = None
        self._tagging: ParserProcess | None = None

    def encode(
        self, task: EncodingTask, master: BinaryIO, descriptor: int
    ) -> None:
        """Encode an open master into an open, empty file. Blocks.

        Raises EncodingFailed, and OSError if a process can't be started.
        """
        self._run_ffmpeg(task, master, descriptor)
        self._write_tags(task, master, descriptor)

    def kill(self) -> None:
        """Kill what runs; nothing is encoded from now on."""
        with self._lock:
            self._is_killed = True
            if self._ffmpeg is not None:
                self._ffmpeg.kill()
            if self._tagging is not None:
                self._tagging.process.kill()

    def close(self) -> None:
        """Stop the process that writes tags. In the thread that encodes."""
        if self._tagging is not None:
            self._tagging.kill()
            self._tagging = None

    def _run_ffmpeg(
        self, task: EncodingTask, master: BinaryIO, descriptor: int
    ) -> None:
        limits = replace(
            self._limits,
            file_bytes=task.max_bytes,
            cpu_seconds=_CPU_SECONDS + int(task.seconds),
        )
        command = confined_ffmpeg.ffmpeg_command(
            self._build.program, limits, is_idle=self._is_idle
        )
        with self._lock:
            self._check_killed()
            process = self._ffmpeg = subprocess.Popen(  # noqa: S603 - fixed arguments
                [*command, *_arguments(task)],
                stdin=master,
                stdout=descriptor,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        until = max(_LEAST_SECONDS, task.seconds * _SLOWEST)
        try:
            messages = _read_messages(process, until)
        finally:
            process.kill()
            status = process.wait()
            with self._lock:
                self._ffmpeg = None
        self._check_killed()
        if status or any(each in messages for each in _WRITE_ERRORS):
            raise _failure(status, messages)

    def _write_tags(
        self, task: EncodingTask, master: BinaryIO, descriptor: int
    ) -> None:
        recipe = task.recipe
        requests = (
            Message(
                {"do": "read", "name": task.master_name},
                descriptor=master.fileno(),
            ),
            Message(
                {
                    "do": "write",
                    "name": f"encoding{recipe.suffix}",
                    "kind": recipe.tags,
                    "tags": task.tags.to_json(),
                },
                task.cover,
                descriptor,
            ),
        )
        try:
            process = self._tagging_process()
            for request in requests:
                reply = process.request(request, _TAGGING_SECONDS)
        except (ParserUnavailable, ProcessEnded) as error:
            self.close()
            self._check_killed()
            raise EncodingFailed(
                f"its tags can't be written: {error}", is_permanent=False
            ) from error
        _check_reply(reply.fields, task.seconds)

    def _tagging_process(self) -> ParserProcess:
        """Return the running process. Raises ParserUnavailable."""
        if self._tagging is not None and not self._tagging.is_running():
            self.close()
        if self._tagging is None:
            command = (
                *python_command("msrv.catalog.encodings.tagging_main"),
                IDLE if self._is_idle else NORMAL,
            )
            started, _ = ParserProcess.start(command)
            with self._lock:
                self._tagging = started
            if self._is_killed:
                started.process.kill()
        return self._tagging

    def _check_killed(self) -> None:
        if self._is_killed:
            raise EncodingFailed("the store is stopping", is_permanent=False)


def _check_reply(reply: dict[str, Any], expected: float) -> None:
    """Raise EncodingFailed unless a whole encoding has its tags.

    The encoding has to be as long as its master, as far as that is known:
    ffmpeg may succeed although it couldn't write all of it.
    """
    for name, is_permanent in (("refused", True), ("unwritable", False)):
        if name in reply:
            raise EncodingFailed(
                f"its tags can't be written: {clean_message(reply[name])}",
                is_permanent=is_permanent,
            )
    seconds = reply.get("seconds")
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise EncodingFailed("its tags can't be written")
    if expected and abs(seconds - expected) > _LENGTH_SECONDS:
        raise EncodingFailed(
            f"it would have {seconds:.1f} of {expected:.1f} seconds"
        )


def _arguments(task: EncodingTask) -> tuple[str, ...]:
    """Return ffmpeg's arguments: one stream of sound, without metadata."""
    return (
        *("-nostdin", "-v", "error", "-xerror", "-y"),
        *("-protocol_whitelist", "file,pipe"),
        *("-format_whitelist", CONTAINERS),
        *("-threads", "1", "-i", "file:/dev/stdin"),
        *("-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1"),
        *("-threads", "1", "-filter_threads", "1"),
        *task.recipe.options(task.sound),
        "file:/dev/stdout",
    )


def _read_messages(
    process: "subprocess.Popen[bytes]", timeout_seconds: float
) -> str:
    """Return the end of what a process writes to its standard error.

    Waits until it ends. Raises EncodingFailed if it takes too long.
    """
    assert process.stderr is not None  # noqa: S101 - a pipe
    until, end = time.monotonic() + timeout_seconds, b""
    with process.stderr as stream, selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0:
            if not selector.select(left):
                continue
            some = os.read(stream.fileno(), 65536)
            if not some:
                process.wait()
                return end.decode(errors="replace").strip()
            end = (end + some)[-_STDERR_BYTES:]
    raise EncodingFailed("it takes too long", is_permanent=False)


def _failure(status: int, messages: str) -> EncodingFailed:
    """Return the error for ffmpeg's status and the end of its messages."""
    if status < 0:
        name = signal.Signals(-status).name
        by_chance = status in {-signal.SIGKILL, -signal.SIGTERM}
        return EncodingFailed(
            f"ffmpeg was ended by {name}", is_permanent=not by_chance
        )
    is_full = any(each in messages for each in _WRITE_ERRORS)
    last = (messages.splitlines() or [""])[-1]
    return EncodingFailed(
        f"ffmpeg ended with {status}: {last!a}",
        is_permanent=not is_full,
    )

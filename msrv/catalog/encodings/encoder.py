# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Encoder: runs ffmpeg on a master, and then writes the tags.

Before that, ffmpeg decodes the master once to analyse its sound. Both run
confined and with idle priority: ffmpeg reads the master by its
standard input and writes the encoding by its standard output, both opened by
the store, and the tags are written by the process of `tagging_main`.
"""

import logging
import math
import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from msrv.catalog.encodings.ffmpeg_process import (
    INPUT,
    EncodingFailed,
    analysis_arguments,
    check_result,
    read_output,
)
from msrv.catalog.encodings.recipes import RECIPES, STREAMS, Recipe
from msrv.catalog.encodings.track_tags import TrackTags
from msrv.catalog.ffmpeg import query_ffmpeg
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
from msrv.catalog.sound.analysis import SoundAnalysis
from msrv.catalog.sound.loudness import parse_loudness
from msrv.catalog.sound.waveform import PeakMeter

log = logging.getLogger(__name__)

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
_TAGGING_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class EncoderBuild:
    """An installed ffmpeg: its path, version, and the recipes it knows.

    `measures_loudness` is False for one without the filter `ebur128`.
    """

    program: str
    version: str
    formats: frozenset[str]
    measures_loudness: bool = True


def inspect_ffmpeg(
    program: str, limits: ResourceLimits = confined_ffmpeg.LIMITS
) -> EncoderBuild:
    """Return what an ffmpeg can encode. Blocks, for 30 seconds at most.

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
        b" ebur128 " in query_ffmpeg(program, "-filters", limits),
    )


@dataclass(frozen=True, slots=True)
class EncodingTask:
    """A master's sound and length, and the format, tags and cover to write.

    `gain_db` changes the samples; 0 leaves them as they are.
    """

    recipe: Recipe
    sound: Sound
    seconds: float
    master_name: str
    tags: TrackTags
    cover: bytes = b""
    gain_db: float = 0.0

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
        self._run_ffmpeg(
            _encoding_arguments(task),
            task.seconds,
            master,
            descriptor,
            file_bytes=task.max_bytes,
        )
        self._write_tags(task, master, descriptor)

    def analyse(
        self, sound: Sound, seconds: float, master: BinaryIO
    ) -> SoundAnalysis:
        """Return the loudness and the waveform of an open master. Blocks.

        Raises as `encode` does.
        """
        channels = min(sound.channels or 2, 2)
        meter = PeakMeter(channels)
        messages = self._run_ffmpeg(
            analysis_arguments(
                channels, measures_loudness=self._build.measures_loudness
            ),
            seconds,
            master,
            subprocess.PIPE,
            on_output=meter.add,
        )
        return SoundAnalysis(parse_loudness(messages), meter.peaks())

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
        self,
        arguments: tuple[str, ...],
        seconds: float,
        master: BinaryIO,
        output: int,
        *,
        file_bytes: int = 0,
        on_output: Callable[[bytes], None] | None = None,
    ) -> str:
        """Run ffmpeg, and return the end of its messages.

        `output` is a descriptor, or PIPE for `on_output`.
        """
        limits = self._limits._replace(
            file_bytes=file_bytes,
            cpu_seconds=_CPU_SECONDS + int(seconds),
        )
        command = confined_ffmpeg.ffmpeg_command(
            self._build.program, limits, is_idle=self._is_idle
        )
        with self._lock:
            self._check_killed()
            process = self._ffmpeg = subprocess.Popen(  # noqa: S603 - fixed arguments
                [*command, *arguments],
                stdin=master,
                stdout=output,
                stderr=subprocess.PIPE,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        until = max(_LEAST_SECONDS, seconds * _SLOWEST)
        try:
            messages = read_output(process, until, on_output)
        finally:
            process.kill()
            status = process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
            with self._lock:
                self._ffmpeg = None
        self._check_killed()
        # Only an encoder prints nothing but errors.
        check_result(status, messages, has_only_errors=on_output is None)
        return messages

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


def _encoding_arguments(task: EncodingTask) -> tuple[str, ...]:
    """Return ffmpeg's arguments: one stream of sound, without metadata."""
    gain = ("-af", f"volume={task.gain_db:.2f}dB:precision=float")
    return (
        *("-nostdin", "-v", "error", "-y"),
        *INPUT,
        *(gain if task.gain_db else ()),
        *task.recipe.options(task.sound),
        "file:/dev/stdout",
    )

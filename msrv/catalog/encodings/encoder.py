# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Encoder: runs ffmpeg on a master, and then writes the tags.

Before that, ffmpeg decodes the master once to analyse its sound. Both run
confined and with idle priority: ffmpeg reads the master by its
standard input and writes the encoding by its standard output, both opened by
the store, and the tags are written by the process of `tagging_main`.
"""

import logging
import re
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Final

from msrv.catalog.encodings.encoding_task import (
    EncodingTask,
    check_reply,
    encoding_arguments,
)
from msrv.catalog.encodings.ffmpeg_process import (
    EncodingFailed,
    MasterInput,
    analysis_arguments,
    check_result,
    read_output,
)
from msrv.catalog.encodings.recipes import RECIPES, STREAMS
from msrv.catalog.ffmpeg import query_ffmpeg
from msrv.catalog.integrity.container_info import ByteSource
from msrv.catalog.integrity.mpeg import frames_end
from msrv.catalog.integrity.trailing_tags import sound_end
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
from msrv.catalog.sound.analysis import SoundAnalysis
from msrv.catalog.sound.loudness import parse_loudness
from msrv.catalog.sound.waveform import PeakMeter

log = logging.getLogger(__name__)

_VERSION: Final = re.compile(rb"ffmpeg version (\S{1,100})")
_CPU_SECONDS: Final = 60
_SLOWEST: Final = 60.0
"""Seconds that a second of music may take on a busy machine."""
_LEAST_SECONDS: Final = 3600.0
_LOST_SECONDS: Final = 0.01
_ADDED_SECONDS: Final = 0.05
"""By which a master that was decoded past errors may be shorter or longer
than its header states: less than a frame may be lost, one of junk added."""
_LONGEST_SECONDS: Final = 6 * 3600.0
"""Length of a master whose length isn't known, for limits."""
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
            encoding_arguments(
                task,
                MasterInput(_input_end(master, task.sound), task.skips_errors),
            ),
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

        `seconds` is the length that its header states, 0 if it states none.
        Errors are skipped where nothing is lost by that: what is decoded has
        the stated length, so the errors are behind it. Raises as `encode`
        does.
        """
        end = _input_end(master, sound)
        try:
            return self._analyse(sound, seconds, master, MasterInput(end))
        except EncodingFailed as error:
            if not error.is_permanent or not seconds:
                raise
            source = MasterInput(end, skips_errors=True)
            found = self._analyse(sound, seconds, master, source)
            more = found.seconds - seconds
            if not -_LOST_SECONDS <= more <= _ADDED_SECONDS:
                raise
            return found

    def _analyse(
        self,
        sound: Sound,
        seconds: float,
        master: BinaryIO,
        source: MasterInput,
    ) -> SoundAnalysis:
        channels = sound.channels or 2
        meter = PeakMeter(min(channels, 2))
        messages = self._run_ffmpeg(
            analysis_arguments(
                channels,
                source,
                measures_loudness=self._build.measures_loudness,
            ),
            seconds,
            master,
            subprocess.PIPE,
            on_output=meter.add,
        )
        return SoundAnalysis(
            parse_loudness(messages),
            meter.peaks(),
            meter.seconds,
            source.skips_errors,
        )

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

        `output` is a descriptor, or PIPE for `on_output`. `seconds` is 0 for
        an unknown length.
        """
        seconds = seconds or _LONGEST_SECONDS
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
        check_reply(reply.fields, task.seconds)

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


def _input_end(master: BinaryIO, sound: Sound) -> int:
    """Return the offset after an open master's sound, 0 for that of its end.

    Tags may lie behind it, and behind the frames of an MP3 anything.
    """
    source = ByteSource(master)
    end = sound_end(source)
    if sound.codec == "mp3":
        end = min(end, frames_end(source) or end)
    master.seek(0)
    return end if end < source.size_bytes else 0

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""ffmpeg: found once, and run confined to cut a clip from a track.

It runs in `parsing.confined_ffmpeg`, without an environment. It reads one
file, already opened and checked against the catalog, and writes to a pipe: no
name of the library is ever on its command line, so none can be taken for an
option, a pattern or a URL.
"""

import asyncio
import functools
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from msrv.catalog.parsing import confined_ffmpeg
from msrv.catalog.parsing.confinement import ENVIRONMENT, ResourceLimits
from msrv.catalog.parsing.crash_marks import FOLDER_NAME, CrashMarks
from msrv.catalog.sound.waveform import SAMPLE_RATE_HZ

log = logging.getLogger(__name__)

_STDERR_BYTES: Final = 2000
CONTAINERS: Final = (
    "aac,aiff,ape,asf,caf,dsf,flac,matroska,mov,mp3,mpc,mpc8,ogg,tta,wav,wv"
)
"""Formats of tracks. No playlists: they make ffmpeg open other files."""
LOUDNESS_FILTER: Final = "ebur128=peak=true:dualmono=true:framelog=verbose"
"""Filter that prints the loudness last; both speakers play what is mono."""
STEREO_FILTER: Final = (
    "aresample=rematrix_maxval=1,aformat=channel_layouts=stereo"
)
"""Filter that mixes more channels down to two, without clipping: ffmpeg does
that by itself, but for some encoders and filters at another level."""


class OutputTooLong(Exception):
    """ffmpeg writes more than any clip has."""


@dataclass(frozen=True, slots=True)
class FfmpegOutput:
    """Output of ffmpeg, the end of its messages, its exit status.

    A negative `status` is the signal that ended it.
    """

    data: bytes
    messages: str
    status: int


def find_ffmpeg(limits: ResourceLimits = confined_ffmpeg.LIMITS) -> str | None:
    """Return the path of an ffmpeg that can write MP3; None without one.

    Runs it as previews do, so it blocks, for 10 seconds at most. Every
    browser plays MP3.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        log.warning("no previews: ffmpeg is not installed")
        return None
    try:
        encoders = query_ffmpeg(program, "-encoders", limits)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("no previews: ffmpeg doesn't run: %s", error)
        return None
    if b" libmp3lame " not in encoders:
        log.warning("no previews: this ffmpeg can't write MP3 (libmp3lame)")
        return None
    return program


def query_ffmpeg(program: str, option: str, limits: ResourceLimits) -> bytes:
    """Return what ffmpeg prints for `-version`, `-encoders` and the like.

    Blocks, for 10 seconds at most. Raises OSError and SubprocessError.
    """
    return subprocess.run(  # noqa: S603 - fixed arguments
        [
            *confined_ffmpeg.ffmpeg_command(program, limits),
            *("-nostdin", "-v", "error", option),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=10,
        env=ENVIRONMENT,
        cwd="/",
    ).stdout


def preview_marks(
    data: Path, ffmpeg: str | None, *, clock: Callable[[], float] = time.time
) -> CrashMarks:
    """Return the marks of tracks that crash ffmpeg, in the data folder.

    Once another build of it is installed, marks of this one don't count.
    """
    return CrashMarks(
        data / FOLDER_NAME / "previews",
        versions=functools.partial(_build, ffmpeg),
        clock=clock,
    )


def _build(program: str | None) -> str:
    """Return what tells a program's builds apart; empty without a program."""
    if program is None:
        return ""
    path = Path(os.path.realpath(program))
    try:
        status = path.stat()
    except OSError:
        return str(path)
    return f"{path} {status.st_size} {status.st_mtime_ns}"


async def cut_clip(
    command: Sequence[str],
    track: BinaryIO,
    *,
    start: float,
    length: float,
    gain_db: float,
    max_bytes: int,
    timeout_seconds: float,
) -> FfmpegOutput:
    """Run ffmpeg to cut `length` seconds from a track, as MP3 with fades.

    `command` is that of `confined_ffmpeg`. Raises OSError if it doesn't
    start, TimeoutError if it doesn't end, and OutputTooLong over `max_bytes`.
    ffmpeg never outlives this call, nor this process.
    """
    fades = f"afade=in:d=0.5,afade=out:st={length - 1:.3f}:d=1"
    gain = f"volume={gain_db:.2f}dB:precision=float," if gain_db else ""
    return await _run(
        (
            *(*command, "-nostdin", "-v", "error"),
            *_part(start),
            *("-af", f"{STEREO_FILTER},{gain}{fades}"),
            *("-t", f"{length:.3f}"),
            *("-ac", "2", "-ar", "44100", "-c:a", "libmp3lame", "-b:a", "96k"),
            *("-f", "mp3", "-id3v2_version", "0", "pipe:1"),
        ),
        track,
        max_bytes=max_bytes,
        timeout_seconds=timeout_seconds,
    )


async def decode_clip(
    command: Sequence[str],
    track: BinaryIO,
    *,
    start: float,
    length: float,
    max_bytes: int,
    timeout_seconds: float,
) -> FfmpegOutput:
    """Run ffmpeg to decode `length` seconds of a track, and measure them.

    The output is samples for a PeakMeter of two channels, and the messages
    end with the loudness. Raises as `cut_clip` does.
    """
    return await _run(
        (
            *(*command, "-nostdin", "-hide_banner", "-nostats", "-v", "info"),
            *_part(start),
            # As it is cut.
            *("-af", f"{STEREO_FILTER},{LOUDNESS_FILTER}"),
            *("-t", f"{length:.3f}"),
            *("-ac", "2", "-ar", str(SAMPLE_RATE_HZ)),
            *("-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"),
        ),
        track,
        max_bytes=max_bytes,
        timeout_seconds=timeout_seconds,
    )


def _part(start: float) -> tuple[str, ...]:
    """Return the arguments for the sound of a track from a second on."""
    return (
        *("-protocol_whitelist", "file,pipe"),
        *("-format_whitelist", CONTAINERS),
        # As a file, not as a pipe: some containers must be sought in.
        *("-ss", f"{start:.3f}", "-i", "file:/dev/stdin"),
        *("-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1"),
    )


async def _run(
    command: Sequence[str],
    stdin: BinaryIO,
    *,
    max_bytes: int,
    timeout_seconds: float,
) -> FfmpegOutput:
    """Run ffmpeg, and return its output; errors as of `cut_clip`."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            asyncio.TaskGroup() as group,
        ):
            data = group.create_task(_read_all(process.stdout, max_bytes))
            messages = group.create_task(_read_end(process.stderr))
            status = group.create_task(process.wait())
    except* OutputTooLong as errors:
        raise OutputTooLong(str(errors.exceptions[0])) from errors
    finally:
        if process.returncode is None:
            process.kill()
            # Not wait(): it waits for the end of the pipes, which isn't
            # noticed while one is full and isn't read.
            await process.communicate()
    return FfmpegOutput(
        data.result(),
        messages.result().decode(errors="replace").strip(),
        status.result(),
    )


async def _read_all(
    stream: asyncio.StreamReader | None, max_bytes: int
) -> bytes:
    """Read a whole clip. Raises OutputTooLong."""
    data = bytearray()
    while stream is not None and (some := await stream.read(65536)):
        data += some
        if len(data) > max_bytes:
            raise OutputTooLong("ffmpeg writes more than a clip")
    return bytes(data)


async def _read_end(stream: asyncio.StreamReader | None) -> bytes:
    """Read a stream to its end, and return the last bytes."""
    end = b""
    while stream is not None and (some := await stream.read(65536)):
        end = (end + some)[-_STDERR_BYTES:]
    return end

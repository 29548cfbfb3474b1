# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Arguments, output and messages of ffmpeg, and errors of what it makes."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from msrv.catalog.ffmpeg import (
    CONTAINERS,
    LOUDNESS_FILTER,
    STEREO_FILTER,
)
from msrv.catalog.sound.waveform import SAMPLE_RATE_HZ

_STEREO: Final = 2
_STDERR_BYTES: Final = 2000
_READ_BYTES: Final = 65536
_TOO_LARGE: Final = "File too large"
_WRITE_ERRORS: Final = (
    "Error closing file",
    "Error writing trailer",
    _TOO_LARGE,
    "No space left",
)
"""Messages after which ffmpeg may nevertheless end with status 0."""


class EncodingFailed(Exception):
    """A track couldn't be encoded; the text is the reason, in one line.

    `is_permanent` is False if the same master may succeed later.
    """

    def __init__(self, reason: str, *, is_permanent: bool = True) -> None:
        super().__init__(reason)
        self.is_permanent = is_permanent


@dataclass(frozen=True, slots=True)
class MasterInput:
    """Part of a master that ffmpeg decodes, and whether past errors.

    It ends at the offset `end`, which is 0 for all of it. With
    `skips_errors`, what can't be decoded is left out, so that the length of
    the rest has to be checked.
    """

    end: int = 0
    skips_errors: bool = False

    def arguments(self) -> tuple[str, ...]:
        """Return ffmpeg's arguments for its first stream of sound."""
        file = "file:/dev/stdin"
        if self.end:
            file = f"subfile,,start,0,end,{self.end},,:{file}"
        return (
            *(() if self.skips_errors else ("-xerror",)),
            *("-protocol_whitelist", "file,pipe,subfile"),
            *("-format_whitelist", CONTAINERS),
            *("-threads", "1", "-i", file),
            *("-map", "0:a:0", "-map_metadata", "-1", "-map_chapters", "-1"),
            *("-threads", "1", "-filter_threads", "1"),
        )


def read_output(
    process: "subprocess.Popen[bytes]",
    timeout_seconds: float,
    on_output: Callable[[bytes], None] | None = None,
) -> str:
    """Return the end of what a process writes to its standard error.

    `on_output` gets its standard output, if that is a pipe. Waits until it
    ends. Raises EncodingFailed if it takes too long.
    """
    until, end = time.monotonic() + timeout_seconds, b""
    streams = [each for each in (process.stdout, process.stderr) if each]
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                some = os.read(key.fd, _READ_BYTES)
                if not some:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stderr:
                    end = (end + some)[-_STDERR_BYTES:]
                elif on_output is not None:
                    on_output(some)
            if not selector.get_map():
                process.wait()
                return end.decode(errors="replace").strip()
    raise EncodingFailed("it takes too long", is_permanent=False)


def check_result(
    status: int, messages: str, *, has_only_errors: bool = True
) -> None:
    """Raise EncodingFailed unless ffmpeg has written all of its output.

    An output that is larger than its limit will be so again; a disk that is
    full may have space later.
    """
    is_full = has_only_errors and any(
        each in messages for each in _WRITE_ERRORS
    )
    if status == 0 and not is_full:
        return
    if status < 0:
        name = signal.Signals(-status).name
        by_chance = status in {-signal.SIGKILL, -signal.SIGTERM}
        raise EncodingFailed(
            f"ffmpeg was ended by {name}", is_permanent=not by_chance
        )
    last = (messages.splitlines() or [""])[-1]
    raise EncodingFailed(
        f"ffmpeg ended with {status}: {last!a}",
        is_permanent=not is_full or _TOO_LARGE in messages,
    )


def analysis_arguments(
    channels: int, source: MasterInput, *, measures_loudness: bool
) -> tuple[str, ...]:
    """Return ffmpeg's arguments: samples for the peaks, loudness as text.

    `channels` is the master's number. More than two are measured as they are
    heard, in stereo.
    """
    loudness = LOUDNESS_FILTER
    if channels > _STEREO:
        loudness = f"{STEREO_FILTER},{loudness}"
    return (
        *("-nostdin", "-hide_banner", "-nostats", "-v", "info"),
        *source.arguments(),
        *(("-af", loudness) if measures_loudness else ()),
        *("-ar", str(SAMPLE_RATE_HZ), "-ac", str(min(channels, _STEREO))),
        *("-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"),
    )

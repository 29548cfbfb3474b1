# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The encoder's programs: their priority, and what they may write."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from msrv.catalog.encodings.encoder import inspect_ffmpeg
from msrv.catalog.encodings.recipes import RECIPES, STREAMS
from msrv.catalog.parsing import landlock
from msrv.catalog.parsing.confined_ffmpeg import LIMITS, ffmpeg_command
from msrv.catalog.parsing.confinement import ENVIRONMENT
from tests.polling import wait_until


def test_ffmpeg_states_its_version_and_encoders(ffmpeg: str) -> None:
    build = inspect_ffmpeg(ffmpeg)
    assert build.version[0].isdigit() or build.version.startswith("n")
    assert build.formats == RECIPES.keys() | STREAMS.keys()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's priorities")
async def test_encoding_runs_while_nothing_else_wants_to() -> None:
    command = (*ffmpeg_command("/bin/sleep", is_idle=True), "60")
    process = await asyncio.create_subprocess_exec(
        *command, env=ENVIRONMENT, cwd="/"
    )
    try:
        await wait_until(
            lambda: os.sched_getscheduler(process.pid) == os.SCHED_IDLE
        )
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 19
    finally:
        process.kill()
        await process.wait()


def test_ffmpeg_writes_no_file_but_its_output(
    ffmpeg: str, tmp_path: Path
) -> None:
    try:
        landlock.version()
    except OSError:
        pytest.skip("the kernel has no Landlock")
    output, other = tmp_path / "output", tmp_path / "other"
    other.write_bytes(b"")
    command = ffmpeg_command(ffmpeg, LIMITS._replace(file_bytes=1 << 20))
    sound = ("-f", "lavfi", "-i", "sine=d=0.1", "-f", "wav", "-y")

    def run(target: str) -> int:
        with output.open("w+b") as file:
            return subprocess.run(
                (*command, *sound, target),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd="/",
                timeout=60,
                check=False,
            ).returncode

    assert run("file:/dev/stdout") == 0
    assert output.read_bytes().startswith(b"RIFF")
    assert run(f"file:{other}") != 0
    assert run(f"file:{tmp_path / 'new'}") != 0
    assert other.read_bytes() == b""
    assert not (tmp_path / "new").exists()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Confinement of ffmpeg."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from msrv.catalog.ffmpeg import preview_marks
from msrv.catalog.parsing.crash_marks import FOLDER_NAME, CrashMarks
from msrv.catalog.previews import NoPreview
from tests.catalog.ffmpeg_tools import (
    SLEEPS,
    WRITES_OUTPUT,
    Program,
    add_track,
    is_running,
    names_in,
)
from tests.catalog.parsing import hostile_parser
from tests.catalog.parsing.hostile_parser import needs_confinement
from tests.polling import wait_until

SECRET = "a secret of the store that starts ffmpeg: 4hT-9kQ"

TRIES = """
import ctypes, json, resource, socket
found = {
    "environ": sorted(os.environ),
    "nice": os.getpriority(os.PRIO_PROCESS, 0),
}
def tried(name, call):
    try:
        call(); found[name] = "done"
    except (OSError, MemoryError) as error:
        found[name] = type(error).__name__
tried("socket", lambda: socket.socket())
tried("fork", os.fork)
tried("kill", lambda: os.kill(os.getppid(), 0))
tried("memory", lambda: bytearray(300 << 20))
tried("secret", lambda: open(SECRET_FILE))
tried("environ of the store", lambda: open(f"/proc/{os.getppid()}/environ"))
tried("write", lambda: open(LIBRARY + "/made", "w"))
large = os.open(FOLDER + "/large", os.O_RDWR | os.O_CREAT)
tried("large", lambda: os.write(large, bytes(2 << 20)))
found["large"] = os.path.getsize(FOLDER + "/large")
found["core"] = resource.getrlimit(resource.RLIMIT_CORE)
found["privileges"] = ctypes.CDLL(None).prctl(39, 0, 0, 0, 0)
found["standard input"] = open("/dev/stdin", "rb").read().decode()
with open(FOLDER + "/found", "w") as file:
    json.dump(found, file)
"""


@needs_confinement
async def test_ffmpeg_can_read_only_its_track(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NONCE", SECRET)
    folder = tmp_path / "program"
    folder.mkdir()
    (tmp_path / "nonce").write_text(SECRET, "utf-8")
    program = Program(
        folder,
        f"SECRET_FILE, LIBRARY = {str(tmp_path / 'nonce')!r}, {str(root)!r}\n"
        f"FOLDER = {str(folder)!r}\n"
        # Python ignores SIGXFSZ, and so a write is cut and the next fails.
        f"{TRIES}\n{WRITES_OUTPUT}",
    )
    await program.previews(root, cache).clip(add_track(root, b"the track", 30))
    found = json.loads((folder / "found").read_text("utf-8"))
    assert set(found.pop("environ")) - {"LC_CTYPE"} == {"PATH"}
    assert found == {
        "nice": min(os.nice(0) + 10, 19),
        "socket": "PermissionError",
        "fork": "PermissionError",
        "kill": "PermissionError",
        "memory": "MemoryError",
        "secret": "PermissionError",
        "environ of the store": "PermissionError",
        "write": "PermissionError",
        "large": program.limits.file_bytes,
        "core": [0, 0],
        "privileges": 1,
        "standard input": "the track",
    }


async def test_oversized_output_is_discarded(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    """ffmpeg can fill neither memory nor disk."""
    program = Program(tmp_path, "while True: os.write(1, bytes(100_000))")
    previews = program.previews(root, cache)
    with pytest.raises(NoPreview) as caught:
        await previews.clip(add_track(root, b"x", 30))
    assert "more than a clip" in str(caught.value.__cause__)
    assert not is_running(program.pids[0])


async def test_crashing_track_is_not_retried_with_the_same_ffmpeg(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path, "os.kill(os.getpid(), 11)")
    track = add_track(root, b"x", 30)
    for _ in range(2):
        marks = preview_marks(tmp_path, str(program.path))
        previews = program.previews(root, cache, marks=marks)
        with pytest.raises(NoPreview):
            await previews.clip(track)
        await previews.aclose()
    assert len(program.pids) == 1
    other = Program(tmp_path, WRITES_OUTPUT)
    marks = preview_marks(tmp_path, str(other.path))
    assert await other.previews(root, cache, marks=marks).clip(track)


async def test_track_that_has_a_preview_after_all_loses_its_mark(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    now = 0.0
    gate = tmp_path / "gate"
    program = Program(
        tmp_path,
        f"if not os.path.exists({str(gate)!r}): os.kill(os.getpid(), 9)\n"
        f"{WRITES_OUTPUT}",
    )
    marks = preview_marks(tmp_path, str(program.path), clock=lambda: now)
    previews = program.previews(root, cache, marks=marks, clock=lambda: now)
    track = add_track(root, b"x", 30)
    with pytest.raises(NoPreview):
        await previews.clip(track)
    found = marks.find(track.content.sha256)
    assert found is not None
    assert found.retry_at is not None
    now = found.retry_at
    gate.touch()
    assert await previews.clip(track)
    await previews.aclose()
    assert names_in(tmp_path / FOLDER_NAME / "previews") == []


async def test_stopping_the_store_marks_no_track(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path, SLEEPS)
    previews = program.previews(
        root, cache, marks=CrashMarks(tmp_path / "marks")
    )
    asked = asyncio.create_task(previews.clip(add_track(root, b"x", 30)))
    await wait_until(lambda: len(program.pids) == 1)
    await previews.aclose()
    with pytest.raises(NoPreview):
        await asked
    assert list((tmp_path / "marks").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no such signal")
def test_ffmpeg_ends_with_a_killed_store(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    code = (
        "import asyncio, sys; sys.path.insert(0, '.')\n"
        "from pathlib import Path\n"
        "from tests.catalog.ffmpeg_tools import SLEEPS, Program, add_track\n"
        f"program = Program(Path({str(tmp_path)!r}), SLEEPS)\n"
        f"root, cache = Path({str(root)!r}), Path({str(cache)!r})\n"
        "previews = program.previews(root, cache)\n"
        "asyncio.run(previews.clip(add_track(root, b'x', 30)))\n"
    )
    starts = tmp_path / "starts"
    os.mkfifo(starts)
    with subprocess.Popen([sys.executable, "-c", code]) as store:
        reading = os.open(starts, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(reading, encoding="ascii") as file:
            assert select.select([file], [], [], 60)[0]
            process_id = int(file.readline())
        assert not hostile_parser.has_ended(process_id)
        descriptor = os.pidfd_open(process_id)
        store.send_signal(signal.SIGKILL)
        store.wait()
    try:
        assert select.select([descriptor], [], [], 60)[0]
    finally:
        os.close(descriptor)

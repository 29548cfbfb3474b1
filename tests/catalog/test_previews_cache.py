# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cache of previews, and supervision of ffmpeg."""

import asyncio
import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from msrv.catalog.ffmpeg import find_ffmpeg
from msrv.catalog.model import ItemKind
from msrv.catalog.previews import NoPreview, Previews
from msrv.storage.model import Changed, Gone
from tests.catalog.ffmpeg_tools import (
    SLEEPS,
    WRITES_OUTPUT,
    Program,
    add_track,
    is_running,
    names_in,
    script_waiting_for,
)
from tests.polling import wait_until


def test_ffmpeg_without_mp3_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_ffmpeg() is None
    limits = Program(tmp_path, "print(' A....D libshine MP3')").limits
    assert find_ffmpeg(limits) is None
    Program(tmp_path, "sys.exit(1)")
    assert find_ffmpeg(limits) is None
    program = Program(tmp_path, "print(' A....D libmp3lame MP3')")
    assert find_ffmpeg(limits) == str(program.path)


@pytest.mark.parametrize(
    "unlike",
    [
        {"kind": ItemKind.FILE},
        {"kind": ItemKind.RELEASE},
        {"hidden": True},
        {"duration_seconds": None},
        {"duration_seconds": 4.99},
        {"duration_seconds": float("nan")},
        {"duration_seconds": float("inf")},
    ],
    ids=str,
)
async def test_items_without_a_preview(
    root: Path, cache: Path, tmp_path: Path, unlike: dict[str, object]
) -> None:
    program = Program(tmp_path, WRITES_OUTPUT)
    previews = program.previews(root, cache)
    track = add_track(root, b"x", 5.0)
    assert previews.is_available
    assert previews.is_offered(track)
    other = replace(track, **unlike)  # type: ignore[arg-type] # any field
    assert not previews.is_offered(other)
    with pytest.raises(NoPreview):
        await previews.clip(other)
    assert program.pids == []


async def test_no_preview_is_offered_without_ffmpeg(
    root: Path, cache: Path
) -> None:
    previews = Previews(None, root, cache)
    track = add_track(root, b"x", 5.0)
    assert not previews.is_available
    assert not previews.is_offered(track)
    with pytest.raises(NoPreview):
        await previews.clip(track)


async def test_previews_are_cached_across_restarts(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path, WRITES_OUTPUT)
    previews = program.previews(root, cache)
    track = add_track(root, b"x", 30)
    clip = await previews.clip(track)
    names = {clip.path.name, clip.path.with_suffix(".svg").name}
    assert set(names_in(cache)) == names
    assert await previews.clip(track) is clip
    restarted = program.previews(root, cache)
    assert await restarted.clip(track) == clip
    # To measure it, and to cut it.
    assert len(program.pids) == 2
    # An emptied cache is filled again.
    shutil.rmtree(cache)
    assert await previews.clip(track) == clip
    assert clip.path.exists()
    assert len(program.pids) == 4


async def test_concurrent_requests_share_one_ffmpeg(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    """A request that is cancelled doesn't stop it for the others."""
    gate = tmp_path / "gate"
    program = Program(tmp_path, script_waiting_for(gate))
    previews = program.previews(root, cache)
    track = add_track(root, b"x", 30)
    asked = [asyncio.create_task(previews.clip(track)) for _ in range(10)]
    await wait_until(lambda: len(program.pids) == 1)
    asked[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
    gate.touch()
    clips = await asyncio.gather(*asked[1:])
    assert len({id(clip) for clip in clips}) == 1
    assert len(program.pids) == 2


async def test_one_ffmpeg_runs_at_a_time(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    program = Program(tmp_path, script_waiting_for(gate))
    previews = program.previews(root, cache)
    tracks = [add_track(root, bytes([n]), 30, f"{n}.mp3") for n in range(3)]
    asked = [asyncio.create_task(previews.clip(track)) for track in tracks]
    await wait_until(lambda: len(program.pids) == 1)
    # All three had their chance to start: each has checked its cache.
    await wait_until(lambda: len(previews._one_at_a_time._waiters or ()) == 2)
    assert len(program.pids) == 1
    gate.touch()
    await asyncio.gather(*asked)
    assert len(program.pids) == 6


async def test_ffmpeg_that_hangs_is_killed(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path, SLEEPS)
    previews = program.previews(root, cache, timeout_seconds=2)
    with pytest.raises(NoPreview):
        await previews.clip(add_track(root, b"x", 30))
    assert len(program.pids) == 1
    assert not is_running(program.pids[0])


async def test_closing_kills_ffmpeg(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path, SLEEPS)
    previews = program.previews(root, cache)
    asked = asyncio.create_task(previews.clip(add_track(root, b"x", 30)))
    await wait_until(lambda: len(program.pids) == 1)
    await previews.aclose()
    assert not is_running(program.pids[0])
    with pytest.raises(NoPreview):
        await asked


@pytest.mark.parametrize(
    "does",
    [
        "os.write(2, b'broken'); sys.exit(1)",
        "os.write(1, bytes(100))",
        f"{WRITES_OUTPUT}; sys.exit(1)",
        "os.write(2, bytes(5_000_000)); sys.exit(1)",
    ],
)
async def test_failure_is_remembered_for_ten_minutes(
    root: Path,
    cache: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    does: str,
) -> None:
    seconds = [1000.0]
    program = Program(tmp_path, does)
    previews = program.previews(root, cache, clock=lambda: seconds[0])
    track = add_track(root, b"x", 30)
    for _ in range(3):
        with pytest.raises(NoPreview):
            await previews.clip(track)
    assert len(program.pids) == 2
    assert len(caplog.records) == 1
    assert len(caplog.text) < 10_000
    seconds[0] += 601
    Program(tmp_path, WRITES_OUTPUT)
    assert (await previews.clip(track)).size_bytes == 200_000


async def test_ffmpeg_that_cannot_start_makes_no_preview(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    previews = Previews(str(tmp_path / "gone"), root, cache)
    with pytest.raises(NoPreview):
        await previews.clip(add_track(root, b"x", 30))


async def test_changed_or_missing_track_has_no_preview_until_it_is_back(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path, WRITES_OUTPUT)
    previews = program.previews(root, cache)
    track = add_track(root, b"x", 30)
    path = root / "track.mp3"
    path.write_bytes(b"another")
    with pytest.raises(NoPreview) as caught:
        await previews.clip(track)
    assert isinstance(caught.value.__cause__, Changed)
    path.unlink()
    with pytest.raises(NoPreview) as caught:
        await previews.clip(track)
    assert isinstance(caught.value.__cause__, Gone)
    assert program.pids == []
    path.write_bytes(b"x")
    then = track.content.mtime_ns
    os.utime(path, ns=(then, then))
    assert await previews.clip(track)


async def test_full_disk_makes_no_preview_and_leaves_no_file(
    root: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    program = Program(tmp_path, WRITES_OUTPUT)
    previews = program.previews(root, cache)
    with pytest.raises(NoPreview):
        await previews.clip(add_track(root, b"x", 30))
    assert os.strerror(errno.ENOSPC) in caplog.text
    assert names_in(cache) == []


async def test_number_of_remembered_previews_is_bounded(
    root: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("msrv.catalog.previews._REMEMBERED", 2)
    program = Program(tmp_path, WRITES_OUTPUT)
    previews = program.previews(root, cache)
    for n in range(4):
        await previews.clip(add_track(root, bytes([n]), 30))
    assert len(previews._known) == 2

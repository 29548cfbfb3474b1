"""Previews: made once, by a program kept on a lead."""

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
    SPEAKS,
    Program,
    inside,
    put,
    runs,
    waits_for,
)
from tests.polling import wait_until


def test_no_ffmpeg_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else a machine without it, or with a poor one, offers what it can't do.
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
async def test_what_has_no_preview_is_not_offered_one(
    root: Path, cache: Path, tmp_path: Path, unlike: dict[str, object]
) -> None:
    # Else a page shows a player that plays nothing, or what is withdrawn.
    program = Program(tmp_path, SPEAKS)
    previews = program.previews(root, cache)
    track = put(root, b"x", 5.0)
    assert previews.is_available
    assert previews.is_offered(track)
    other = replace(track, **unlike)  # type: ignore[arg-type] # any field
    assert not previews.is_offered(other)
    with pytest.raises(NoPreview):
        await previews.clip(other)
    assert program.pids == []


async def test_without_ffmpeg_nothing_is_offered(
    root: Path, cache: Path
) -> None:
    # Else a store without it shows players that play nothing.
    previews = Previews(None, root, cache)
    track = put(root, b"x", 5.0)
    assert not previews.is_available
    assert not previews.is_offered(track)
    with pytest.raises(NoPreview):
        await previews.clip(track)


async def test_kept_from_start_to_start(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else every listener waits for ffmpeg, and it runs all day.
    program = Program(tmp_path, SPEAKS)
    previews = program.previews(root, cache)
    track = put(root, b"x", 30)
    clip = await previews.clip(track)
    assert inside(cache) == [clip.path.name]
    assert await previews.clip(track) is clip
    restarted = program.previews(root, cache)
    assert await restarted.clip(track) == clip
    assert len(program.pids) == 1
    # An emptied cache is filled again.
    shutil.rmtree(cache)
    assert await previews.clip(track) == clip
    assert clip.path.exists()
    assert len(program.pids) == 2


async def test_one_run_for_all_who_ask(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else a new single's listeners start a hundred programs at once, and
    # one who closes the page stops the preview of all the others.
    gate = tmp_path / "gate"
    program = Program(tmp_path, waits_for(gate))
    previews = program.previews(root, cache)
    track = put(root, b"x", 30)
    asked = [asyncio.create_task(previews.clip(track)) for _ in range(10)]
    await wait_until(lambda: len(program.pids) == 1)
    asked[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
    gate.touch()
    clips = await asyncio.gather(*asked[1:])
    assert len({id(clip) for clip in clips}) == 1
    assert len(program.pids) == 1


async def test_one_program_at_a_time(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else an album's page takes every processor from the downloads.
    gate = tmp_path / "gate"
    program = Program(tmp_path, waits_for(gate))
    previews = program.previews(root, cache)
    tracks = [put(root, bytes([n]), 30, f"{n}.mp3") for n in range(3)]
    asked = [asyncio.create_task(previews.clip(track)) for track in tracks]
    await wait_until(lambda: len(program.pids) == 1)
    # All three had their chance to start: each has checked its cache.
    await wait_until(lambda: len(previews._one_at_a_time._waiters or ()) == 2)
    assert len(program.pids) == 1
    gate.touch()
    await asyncio.gather(*asked)
    assert len(program.pids) == 3


async def test_a_program_that_hangs_is_ended(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else one bad track stops all previews, until someone restarts.
    program = Program(tmp_path, SLEEPS)
    previews = program.previews(root, cache, timeout_seconds=2)
    with pytest.raises(NoPreview):
        await previews.clip(put(root, b"x", 30))
    assert len(program.pids) == 1
    assert not runs(program.pids[0])


async def test_closing_ends_the_program(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else a stopped store leaves ffmpeg behind, or waits for it.
    program = Program(tmp_path, SLEEPS)
    previews = program.previews(root, cache)
    asked = asyncio.create_task(previews.clip(put(root, b"x", 30)))
    await wait_until(lambda: len(program.pids) == 1)
    await previews.aclose()
    assert not runs(program.pids[0])
    with pytest.raises(NoPreview):
        await asked


@pytest.mark.parametrize(
    "does",
    [
        "os.write(2, b'broken'); sys.exit(1)",
        "os.write(1, bytes(100))",
        f"{SPEAKS}; sys.exit(1)",
        "os.write(2, bytes(5_000_000)); sys.exit(1)",
    ],
)
async def test_a_failure_is_remembered_for_a_while(
    root: Path,
    cache: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    does: str,
) -> None:
    # Else each visit to a page with a broken track starts ffmpeg again.
    seconds = [1000.0]
    program = Program(tmp_path, does)
    previews = program.previews(root, cache, clock=lambda: seconds[0])
    track = put(root, b"x", 30)
    for _ in range(3):
        with pytest.raises(NoPreview):
            await previews.clip(track)
    assert len(program.pids) == 1
    assert len(caplog.records) == 1
    assert len(caplog.text) < 10_000
    seconds[0] += 601
    Program(tmp_path, SPEAKS)
    assert (await previews.clip(track)).size_bytes == 200_000


async def test_a_program_that_cannot_start_is_no_preview(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else removing ffmpeg under a running store is a page of errors.
    previews = Previews(str(tmp_path / "gone"), root, cache)
    with pytest.raises(NoPreview):
        await previews.clip(put(root, b"x", 30))


async def test_only_what_was_hashed_is_played(
    root: Path, cache: Path, tmp_path: Path
) -> None:
    # Else a file swapped in is cached for good under the other's name; and
    # one that comes back must be playable at once.
    program = Program(tmp_path, SPEAKS)
    previews = program.previews(root, cache)
    track = put(root, b"x", 30)
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


async def test_a_full_disk_is_no_preview(
    root: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Else half a clip is kept for good, or a full disk is a page of errors.
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    program = Program(tmp_path, SPEAKS)
    previews = program.previews(root, cache)
    with pytest.raises(NoPreview):
        await previews.clip(put(root, b"x", 30))
    assert os.strerror(errno.ENOSPC) in caplog.text
    assert inside(cache) == []


async def test_memory_is_bounded(
    root: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Else a store that runs for a year grows with all it ever played.
    monkeypatch.setattr("msrv.catalog.previews._REMEMBERED", 2)
    program = Program(tmp_path, SPEAKS)
    previews = program.previews(root, cache)
    for n in range(4):
        await previews.clip(put(root, bytes([n]), 30))
    assert len(previews._known) == 2

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The worker when the disk is full, a program dies or ffmpeg is missing."""

import asyncio
import contextlib
import logging
import os
import signal
from pathlib import Path

import pytest
from PIL import Image

from msrv.catalog.encodings.encoding_task import EncodingTask
from msrv.catalog.metadata.audio_pictures import read_picture
from msrv.catalog.parsing.errors import ParserCrashed
from msrv.catalog.parsing.parser import Parser
from tests.catalog.encodings.encoded_files import (
    drafts_in,
    files_in,
    files_in_or_none,
    offered_in,
)
from tests.catalog.encodings.masters import (
    ENCODING_SECONDS,
    EncodedLibrary,
    wait_until_encoded,
    write_single,
)
from tests.containers.deployer import small_disks
from tests.optional_programs import require
from tests.polling import wait_until


async def test_full_disk_leaves_no_half_file_and_is_tried_again(
    library: EncodedLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    is_full = True
    library.options = {
        "min_free_bytes": lambda total: 2 * total if is_full else 0,
        "full_seconds": 0.05,
    }
    with caplog.at_level(logging.INFO):
        async with library.working() as (_, worker):
            await wait_until(lambda: worker.progress.status.problem)
            assert "almost full" in worker.progress.status.problem
            assert files_in_or_none(library) == {}
            is_full = False
            await wait_until_encoded(worker)
            assert worker.progress.status.problem == ""
    assert caplog.text.count("almost full") == 1
    assert "2 of 2 encodings are ready" in caplog.text


async def test_disk_that_fills_meanwhile_is_waited_for(
    ffmpeg: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    missing = small_disks.lack()
    require("mount", available=missing is None, reason=missing or "")
    formats = ("mp3-v0", "opus-128", "alac", "wav")
    write_single(ffmpeg, tmp_path / "library", *formats)
    with small_disks.small_disk(tmp_path / "disk", 200_000) as disk:
        library = EncodedLibrary(
            *(ffmpeg, tmp_path / "library", tmp_path / "data", disk / "made"),
            {"full_seconds": 0.05, "min_free_bytes": lambda _: -(1 << 40)},
        )
        async with library.working() as (_, worker):
            await wait_until(
                lambda: "No space left" in worker.progress.status.problem,
                ENCODING_SECONDS,
            )
            records = library.encodings.glob("*.json")
            assert len(list(records)) < len(formats)
            # Nothing else keeps the disk full, but what is tried just now.
            await wait_until(
                lambda: (
                    files_in(library.encodings).keys()
                    == offered_in(library.encodings)
                )
            )
            await asyncio.to_thread(small_disks.resize, disk, 4_000_000)
            await wait_until_encoded(worker)
            status = worker.progress.status
            assert (status.ready, status.failed) == (len(formats), 0)
            assert len(files_in(library.encodings)) == len(formats)
    assert "for 60 minutes" not in caplog.text


async def test_output_that_does_not_fit_leaves_no_file(
    library: EncodedLibrary,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The kernel refuses to write beyond RLIMIT_FSIZE, as on a full disk."""
    monkeypatch.setattr(EncodingTask, "max_bytes", 5000)
    async with library.working() as (_, worker):
        await wait_until_encoded(worker)
        assert worker.progress.status.failed == 2
    assert files_in(library.encodings) == {}
    assert not drafts_in(library.encodings)


async def test_broken_master_is_left_out_with_a_reason(
    library: EncodedLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    path = library.root / "Night Bus" / "01 a.flac"
    data = bytearray(path.read_bytes())
    # Its tags, its length and its last frame are right.
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)
    async with library.working() as (catalog, worker):
        await wait_until_encoded(worker)
        assert worker.progress.status.failed == 2
        (release,) = catalog.current.releases
        formats = worker.formats
        assert len(formats.of_item(release, release.items[0])) == 1
    assert files_in(library.encodings) == {}
    assert not drafts_in(library.encodings)
    assert "has no MP3 V0" in caplog.text


@pytest.mark.parametrize("is_retried", [True, False])
async def test_cover_that_crashed_its_parser_by_chance_is_waited_for(
    library: EncodedLibrary,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_retried: bool,
) -> None:
    """Otherwise what is encoded would be without a cover for good."""

    def crash(*_: object) -> None:
        raise ParserCrashed("was killed", is_retried=is_retried)

    picture = library.root / "Night Bus" / "cover.jpg"
    Image.new("RGB", (64, 48), "#a03020").save(picture)
    with monkeypatch.context() as patched:
        patched.setattr(Parser, "shrink", crash)
        worker = await library.encode_all()
    failed, ready = (2, 0) if is_retried else (0, 2)
    status = worker.progress.status
    assert (status.failed, status.ready) == (failed, ready)
    if is_retried:
        worker = await library.encode_all()
        assert worker.progress.status.ready == 2
        for name in files_in(library.encodings):
            with (library.encodings / name).open("rb") as file:
                assert read_picture(file)


@pytest.mark.parametrize("target", ["libmp3lame", "tagging_main"])
async def test_killed_program_is_a_failure_that_is_tried_again(
    library: EncodedLibrary, target: str
) -> None:
    async with library.working() as (_, worker):
        await asyncio.to_thread(_kill_one, target)
        await wait_until_encoded(worker)
        assert 0 < worker.progress.status.failed <= 2
    worker = await library.encode_all()
    assert worker.progress.status.ready == 2
    assert not drafts_in(library.encodings)


def _kill_one(target: str) -> None:
    """Kill a child of this process as soon as there is one."""
    while True:
        for pid in _children():
            with contextlib.suppress(OSError):
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                if target.encode() in command:
                    os.kill(pid, signal.SIGKILL)
                    return


def _children() -> list[int]:
    """Return the ids of this process's children, of all its threads."""
    return [
        int(pid)
        for path in Path("/proc/self/task").iterdir()
        for pid in (path / "children").read_text().split()
    ]


async def test_without_ffmpeg_originals_are_sold_and_the_log_says_so(
    library: EncodedLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    library.options = {"ffmpeg": None}
    async with library.working() as (catalog, worker):
        await wait_until(lambda: worker.progress.status.wanted == 2)
        (release,) = catalog.current.releases
        formats = worker.formats
        assert len(formats.of_item(release, release.items[0])) == 1
    assert "ffmpeg is not installed, so only originals" in caplog.text


async def test_encodings_outlive_ffmpeg(library: EncodedLibrary) -> None:
    await library.encode_all()
    library.options = {"ffmpeg": None}
    async with library.working() as (catalog, worker):
        (release,) = catalog.current.releases
        formats = worker.formats
        assert formats.item_in(release, release.items[0], "opus-128")

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The worker: encodes what the catalog needs, whatever happens meanwhile."""

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from msrv.catalog.encodings import encoder
from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.encodings.item_formats import (
    FormatNotReady,
    UnknownFormat,
)
from msrv.catalog.encodings.streams import find_stream
from tests.catalog.encodings.masters import (
    ENCODING_SECONDS,
    LYRICS,
    EncodedLibrary,
    wait_until_encoded,
    write_single,
    write_track,
)
from tests.conftest import require
from tests.containers.deployer import small_disks
from tests.polling import wait_until


@pytest.fixture
def library(ffmpeg: str, tmp_path: Path) -> EncodedLibrary:
    """A track and a PDF, of which the track shall be MP3 and Opus too."""
    root = tmp_path / "library"
    write_single(ffmpeg, root, "mp3-v0", "opus-128")
    (root / "Night Bus" / "Lyrics.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    return EncodedLibrary(
        ffmpeg, root, tmp_path / "data", tmp_path / "encodings"
    )


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the finished files in a folder of encodings."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file()
        and not path.name.startswith(".")
        and path.suffix != ".json"
    }


def offered_in(folder: Path) -> set[str]:
    """Return the names of the files that are offered."""
    records = folder.glob("*.json")
    return {json.loads(path.read_bytes())["file"] for path in records}


def drafts_in(folder: Path) -> list[Path]:
    return list(folder.glob(".*.draft")) if folder.exists() else []


async def test_what_is_not_ready_is_not_offered(
    library: EncodedLibrary,
) -> None:
    library.options = {"jobs": 0}
    async with library.working() as (catalog, worker):
        (release,) = catalog.current.releases
        formats = worker.formats
        item = release.items[0]
        assert [each.name for each in formats.of_item(release, item)] == [
            "original"
        ]
        assert len(formats.of_release(release)) == 1
        for wanted in ("mp3-v0", "opus-128"):
            with pytest.raises(FormatNotReady):
                formats.item_in(release, item, wanted)
            with pytest.raises(FormatNotReady):
                formats.release_in(release, wanted)
        for unknown in ("aac-256", "mp3", "", "../x"):
            with pytest.raises(UnknownFormat):
                formats.item_in(release, item, unknown)
            with pytest.raises(UnknownFormat):
                formats.release_in(release, unknown)
        await library_encoded_elsewhere(library, worker.store)
        found = formats.item_in(release, item, "mp3-v0")
        assert found.file_name == "01 a.mp3"
        whole = formats.release_in(release, "mp3-v0")
        assert [each.content.media_type for each in whole.items] == [
            "audio/mpeg",
            "application/pdf",
        ]


async def library_encoded_elsewhere(
    library: EncodedLibrary, store: EncodingStore
) -> None:
    """Have another store encode everything, and read the folder again."""
    await replace(
        library, data=library.data.with_name("other"), options={}
    ).encode_all()
    await asyncio.to_thread(store.load)


async def test_new_track_is_encoded_without_a_restart(
    library: EncodedLibrary,
) -> None:
    async with library.working() as (catalog, worker):
        await wait_until_encoded(worker)
        assert worker.progress.status.ready == 2
        write_track(
            library.ffmpeg,
            library.root / "Night Bus" / "03 c.m4a",
            title="Terminus",
            lyrics=LYRICS,
        )
        await wait_until(
            lambda: worker.progress.status.ready == 4, ENCODING_SECONDS
        )
        (release,) = catalog.current.releases
        item = next(each for each in release.items if "m4a" in each.file_name)
        assert worker.formats.item_in(release, item, "opus-128")


async def test_lossy_file_is_not_encoded(
    library: EncodedLibrary,
) -> None:
    write_track(library.ffmpeg, library.root / "Umbrella" / "Umbrella.mp3")
    async with library.working() as (catalog, worker):
        await wait_until_encoded(worker)
        assert worker.progress.status.wanted == 2
        single = next(
            each
            for each in catalog.current.releases
            if each.folder == "Umbrella"
        )
        formats = worker.formats
        assert formats.item_in(single, single.items[0], "mp3")
        with pytest.raises(UnknownFormat):
            formats.item_in(single, single.items[0], "mp3-v0")


async def test_sellers_mp3_beside_a_master_is_a_format(
    library: EncodedLibrary,
) -> None:
    path = write_track(library.ffmpeg, library.root / "Night Bus" / "01 a.mp3")
    async with library.working() as (catalog, worker):
        await wait_until_encoded(worker)
        (release,) = catalog.current.releases
        formats = worker.formats
        found = formats.item_in(release, release.items[0], "mp3")
        assert (found.label, found.file_name) == ("MP3", "01 a.mp3")
        assert found.size_bytes == path.stat().st_size
        assert not found.content.is_encoded


async def test_stream_of_a_whole_track_is_not_a_download(
    library: EncodedLibrary,
) -> None:
    (library.root / "Night Bus" / "release.toml").write_text(
        'formats = ["alac"]\nlisten = "full"\n', "utf-8"
    )
    async with library.working() as (catalog, worker):
        await wait_until_encoded(worker)
        (release,) = catalog.current.releases
        item = release.items[0]
        assert find_stream(worker.store, item) is not None
        names = [each.name for each in worker.formats.of_item(release, item)]
        assert names == ["original", "alac"]
        assert [each.name for each in worker.formats.of_release(release)] == [
            "original",
            "alac",
        ]


async def test_corrected_title_is_in_the_tags_and_nothing_is_lost_meanwhile(
    library: EncodedLibrary,
) -> None:
    await library.encode_all()
    before = files_in(library.encodings)
    (library.root / "Night Bus" / "release.toml").write_text(
        '[items."01 a.flac"]\ntitle = "Departures"\n', "utf-8"
    )
    library.options = {"jobs": 0}
    async with library.working() as (catalog, worker):
        (release,) = catalog.current.releases
        assert release.items[0].title == "Departures"
        formats = worker.formats
        old = formats.item_in(release, release.items[0], "mp3-v0")
        assert old.content.path in before
    library.options = {}
    await library.encode_all()
    after = files_in(library.encodings)
    assert len(after) == len(before) + 2
    assert any(
        b"Departures" in data
        for name, data in after.items()
        if name not in before
    )


async def test_two_stores_with_one_folder_encode_each_track_once(
    library: EncodedLibrary,
) -> None:
    other = replace(library, data=library.data.with_name("other"))
    async with (
        library.working() as (_, first),
        other.working() as (_, second),
    ):
        statuses = first.progress, second.progress

        def made() -> int:
            return sum(each.status.made for each in statuses)

        await wait_until(lambda: made() >= 2, ENCODING_SECONDS)
        # What one of them has made, the other finds, and makes not again.
        for worker in (first, second):
            await asyncio.to_thread(worker.store.load)
        assert len(files_in(library.encodings)) == 2
    assert made() == 2
    assert not drafts_in(library.encodings)


async def test_tracks_with_one_master_are_counted_at_once(
    library: EncodedLibrary,
) -> None:
    """A single is on the album as well: both have the same stream."""
    for folder in ("Night Bus", "Single"):
        target = library.root / folder
        target.mkdir(exist_ok=True)
        (target / "release.toml").write_text(
            'formats = []\nlisten = "full"\n', "utf-8"
        )
    shutil.copy(library.root / "Night Bus" / "01 a.flac", target)
    async with library.working() as (_, worker):
        await wait_until_encoded(worker)
        status = worker.progress.status
        assert (status.wanted, status.ready, status.made) == (4, 4, 2)
        files = files_in(library.encodings).values()
        assert status.size_bytes == sum(map(len, files))


def files_in_or_none(library: EncodedLibrary) -> dict[str, bytes]:
    return files_in(library.encodings) if library.encodings.exists() else {}


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
    monkeypatch.setattr(encoder.EncodingTask, "max_bytes", 5000)
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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The worker: encodes what the catalog needs, whatever happens meanwhile."""

import asyncio
import shutil
from dataclasses import replace

import pytest

from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.encodings.item_formats import (
    FormatNotReady,
    UnknownFormat,
)
from msrv.catalog.encodings.streams import find_stream
from tests.catalog.encodings.encoded_files import (
    drafts_in,
    files_in,
)
from tests.catalog.encodings.masters import (
    ENCODING_SECONDS,
    LYRICS,
    EncodedLibrary,
    wait_until_encoded,
    write_track,
)
from tests.polling import wait_until


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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""LiveCatalog: updates, and the last good catalog."""

import asyncio
import errno
import logging
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from msrv.catalog import library_log
from msrv.catalog.library import indexing
from msrv.catalog.library.scan import LibraryUnreadable, scan
from msrv.catalog.live_catalog import LiveCatalog, NotReady
from msrv.catalog.model import Catalog
from msrv.catalog.watching.folder_watch import FolderWatch
from msrv.catalog.watching.scan_schedule import ScanSchedule
from tests.catalog.temporary_library import Library, wav
from tests.polling import wait_until

PATIENCE_SECONDS = 10


@asynccontextmanager
async def opened(library: Library) -> AsyncIterator[LiveCatalog]:
    catalog = LiveCatalog(
        library.root,
        library.data,
        settle_seconds=0,
        schedule=ScanSchedule(poll_seconds=0.01),
    )
    async with catalog, asyncio.timeout(PATIENCE_SECONDS):
        await catalog.ready()
        yield catalog


async def changed(catalog: LiveCatalog, old: Catalog) -> Catalog:
    await wait_until(lambda: catalog.current.version != old.version)
    return catalog.current


async def test_catalog_is_not_ready_before_the_first_reading(
    library: Library,
) -> None:
    library.release("R")
    catalog = LiveCatalog(library.root, library.data, settle_seconds=0)
    with pytest.raises(NotReady):
        _ = catalog.current
    async with catalog:
        await catalog.ready()
        assert len(catalog.current.releases) == 1
        assert catalog.reading.problems == ()


async def test_change_is_published_without_a_restart(library: Library) -> None:
    library.release("R")
    async with opened(library) as catalog:
        old = catalog.current
        library.release("S")
        new = await changed(catalog, old)
        assert {each.folder for each in new.releases} == {"R", "S"}
        # A request in progress still has the old one.
        assert {each.folder for each in old.releases} == {"R"}
        (library.root / "S").rename(library.root / "T")
        new = await changed(catalog, new)
        await wait_until(lambda: len(catalog.current.releases) == 2)
        shutil.rmtree(library.root / "T")
        await wait_until(lambda: len(catalog.current.releases) == 1)


async def test_album_that_is_being_copied_is_not_offered(
    library: Library,
) -> None:
    library.release("R")
    async with opened(library) as catalog:
        old = catalog.current
        for number in range(40):
            library.put(f"New/{number}.wav", wav(number))
            await asyncio.sleep(0.002)
        new = await changed(catalog, old)
        sizes = {each.folder: len(each.items) for each in new.releases}
        assert sizes == {"R": 2, "New": 40}


async def test_invalid_edit_keeps_the_last_good_configuration(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    library.release("R", toml='title = "Good"')
    async with opened(library) as catalog:
        library.put("R/release.toml", "\n\ntitle = \n")
        await wait_until(lambda: bool(catalog.reading.problems))
        assert catalog.current.releases[0].title == "Good"
        # It is logged once, however often the folder is scanned.
        library.release("S")
        await wait_until(lambda: len(catalog.current.releases) == 2)
        said = "R/release.toml:3: is not valid TOML: Invalid value"
        assert caplog.text.count(said) == 1
        assert [
            record.levelname
            for record in caplog.records
            if said in record.getMessage()
        ] == ["WARNING"]
        library.put("R/release.toml", 'title = "Better"')
        await wait_until(lambda: f"fixed: {said}" in caplog.text)
        assert not catalog.reading.problems
    assert "catalog: 1 release, 2 items" in caplog.text
    assert "catalog: 2 releases, 4 items" in caplog.text


async def test_missing_library_prevents_the_start(
    tmp_path: Path,
) -> None:
    catalog = LiveCatalog(tmp_path / "missing", tmp_path / "data")
    with pytest.raises(LibraryUnreadable, match="No such file"):
        await catalog.__aenter__()


async def test_library_that_disappears_keeps_the_last_good_catalog(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    library.release("R")
    async with opened(library) as catalog:
        old = catalog.current
        away = library.root.with_name("away")
        library.root.rename(away)
        await wait_until(lambda: "can't read the library" in caplog.text)
        library.root.mkdir()
        await wait_until(lambda: "is its disk mounted" in caplog.text)
        await asyncio.sleep(0.05)  # some more looks, that say no more
        assert caplog.text.count("the last good catalog stays") == 2
        assert catalog.current is old
        library.root.rmdir()
        away.rename(library.root)
        library.release("S")
        await wait_until(lambda: len(catalog.current.releases) == 2)


async def test_unexpected_error_does_not_stop_the_updates(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    library.release("R")
    async with opened(library) as catalog:

        def fail(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("msrv.catalog.live_catalog.load_library", fail)
        library.release("S")
        await wait_until(lambda: "ZeroDivisionError" in caplog.text)
        await asyncio.sleep(0.05)
        assert caplog.text.count("can't read the library") == 1
        assert len(catalog.current.releases) == 1
        monkeypatch.undo()
        await wait_until(lambda: len(catalog.current.releases) == 2)


async def test_watch_that_fails_does_not_stop_the_updates(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    library.release("R")
    async with opened(library) as catalog:

        async def fail(*_: object) -> None:
            raise OSError(errno.ENOSPC, "no watches left")

        monkeypatch.setattr(ScanSchedule, "wait", fail)
        library.release("S")
        await wait_until(lambda: len(catalog.current.releases) == 2)
        assert caplog.text.count("can't watch the library") == 1


async def test_stop_interrupts_the_hashing_of_a_file(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.release("R")
    reading = threading.Event()
    ended = threading.Event()
    real = indexing._hash

    def slowly(file: object, stopping: Callable[[], bool]) -> object:
        reading.set()
        while not stopping():
            ended.wait(0.001)
        ended.set()
        return real(file, stopping)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(indexing, "_hash", slowly)
    catalog = LiveCatalog(library.root, library.data, settle_seconds=0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with catalog:
            await wait_until(reading.is_set)
        assert ended.is_set()
    with pytest.raises(NotReady):
        _ = catalog.current
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_library_is_read_off_the_event_loop(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.release("R")
    threads = set()

    def watch(
        root: Path, folders: FolderWatch | None, *, configs: frozenset[str]
    ) -> object:
        threads.add(threading.current_thread())
        return scan(root, folders, configs=configs)

    monkeypatch.setattr("msrv.catalog.live_catalog.scan", watch)
    async with opened(library):
        pass
    assert threads
    assert threading.main_thread() not in threads


async def test_progress_of_a_long_reading_is_logged(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(library_log, "_PROGRESS_SECONDS", 0)
    library.release("R")
    async with opened(library):
        pass
    assert "hashed 1 of 2 files, 0.0 of 0.0 GB" in caplog.text

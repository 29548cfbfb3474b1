# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A start from a stored library: it sells at once, then what a scan found."""

import logging
import threading

import pytest

from msrv.catalog import live_catalog
from msrv.catalog.documents import stored_library
from msrv.catalog.documents.stored_library import FILE_NAME
from msrv.catalog.library.found_files import Scan
from msrv.catalog.library.scan import scan
from msrv.catalog.live_catalog import LiveCatalog, NotReady
from msrv.catalog.watching.scan_schedule import ScanSchedule
from tests.catalog.documents.stored_libraries import fill, read, store
from tests.catalog.temporary_library import Library
from tests.polling import wait_until


def live(library: Library) -> LiveCatalog:
    return LiveCatalog(
        library.root,
        library.data,
        settle_seconds=0,
        schedule=ScanSchedule(poll_seconds=0.01),
    )


async def test_store_sells_before_it_has_scanned(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fill(library)
    store(library)
    expected = read(library).catalog
    library.put("Plain/c.txt", "c")
    scanning = threading.Event()

    def slow_scan(*args: object, **options: object) -> Scan:
        assert scanning.wait(20)
        return scan(*args, **options)  # type: ignore[arg-type] # as given

    monkeypatch.setattr(live_catalog, "scan", slow_scan)
    caplog.set_level(logging.INFO)
    async with live(library) as catalog:
        try:
            await wait_until(lambda: has_catalog(catalog))
            offered = {each.folder for each in catalog.current.offered}
            everything = {each.folder for each in expected.offered}
            assert offered == everything - {"Plain"}
        finally:
            scanning.set()
        await catalog.ready()
        assert not catalog.reading.is_stored
        (plain,) = (
            each for each in catalog.current.offered if each.folder == "Plain"
        )
        assert len(plain.items) == 3
    assert "catalog: 3 releases from the stored library" in caplog.text
    assert "catalog: 4 releases, 9 items" in caplog.text


def has_catalog(catalog: LiveCatalog) -> bool:
    try:
        return catalog.current is not None
    except NotReady:
        return False


async def test_library_is_stored_once_it_is_read_and_at_the_end(
    library: Library,
) -> None:
    fill(library)
    async with live(library) as catalog:
        await catalog.ready()
        await wait_until((library.data / FILE_NAME).exists)
        library.put("New/a.txt", "a")
        await wait_until(
            lambda: any(
                each.folder == "New" for each in catalog.current.offered
            )
        )
        last = catalog.current
    data = (library.data / FILE_NAME).read_bytes()
    assert len(last.releases) == 5
    assert b"New/a.txt" in data


async def test_bug_in_storing_does_not_keep_the_library_from_being_read(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a bug")

    fill(library)
    store(library)
    monkeypatch.setattr(stored_library, "decode_catalog", fail)
    monkeypatch.setattr(stored_library, "format_library", fail)
    async with live(library) as catalog:
        await catalog.ready()
        assert len(catalog.current.offered) == 4
    assert "catalog.stored can't be used" in caplog.text
    assert "catalog.stored can't be written" in caplog.text

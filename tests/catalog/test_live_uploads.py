# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""LiveCatalog waits for uploads to end, and for files to come back."""

import logging
from pathlib import Path

import pytest

from msrv.catalog.library import indexing
from msrv.catalog.library.found_files import FoundFile
from msrv.catalog.live_catalog import NotReady
from tests.catalog.live_store import GRACE, QUIET, Store
from tests.catalog.temporary_library import Library, wav

STORE = 'currency = "GBP"\n[prices]\nitem = "9.00"\n'


@pytest.fixture
def store(library: Library) -> Store:
    return Store(library)


async def test_price_is_kept_while_store_toml_is_missing(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Clients delete a file before they upload its next version."""
    path = store.library.put("store.toml", STORE)
    store.library.release("R")
    async with store.open():
        assert store.price() == "£9.00"
        path.unlink()
        await store.later(GRACE - 1)
        assert store.price() == "£9.00"
        assert (
            "store.toml: is missing; its last good version" in store.problems()
        )
        assert "store.toml: is missing" in caplog.text
        store.library.put("store.toml", STORE.replace("9.00", "8.00"))
        await store.later(QUIET)
        assert store.price() == "£8.00"
        assert not store.problems()


async def test_truncated_store_toml_changes_no_price(store: Store) -> None:
    """An upload that stalls before `[prices]` leaves a valid file."""
    store.library.put("store.toml", STORE)
    store.library.release("R")
    async with store.open():
        store.library.put("store.toml", STORE.partition("[")[0])
        await store.later(QUIET)
        assert store.price() == "£9.00"
        assert "no longer states prices.item" in store.problems()
        await store.later(GRACE)
        assert store.price() == "£1.00"
        assert not store.problems()


async def test_removed_price_is_accepted_after_the_grace_and_logged(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    path = store.library.put("store.toml", STORE)
    store.library.release("R")
    async with store.open():
        path.unlink()
        await store.later(0)
        await store.later(GRACE)
        assert store.price() == "€1.00"
        assert not store.problems()
        assert "is missing, for over 60 seconds" in caplog.text


@pytest.mark.parametrize("how", ["gone", "empty", "broken"])
async def test_restart_while_files_are_missing_keeps_the_prices(
    store: Store, how: str
) -> None:
    files = {
        "store.toml": STORE,
        "R/release.toml": 'price = "15.00"\nitem_price = "7.00"\n',
    }
    store.library.release("R")
    store.library.release("S")
    for name, text in files.items():
        store.library.put(name, text)
    async with store.open() as catalog:
        prices = {each.folder: each.price for each in catalog.current.releases}
    for name in files:
        path = store.library.root / name
        if how == "gone":
            path.unlink()
        else:
            path.write_text("" if how == "empty" else "x = ")
    for _ in range(2):
        async with store.open() as catalog:
            assert {
                each.folder: each.price for each in catalog.current.releases
            } == prices
            assert "store.toml" in store.problems()
            assert "R/release.toml" in store.problems()
            await store.later(GRACE - 1)


async def test_price_is_kept_while_release_toml_is_missing(
    store: Store,
) -> None:
    store.library.release("R", toml='price = "15.00"\n')
    path = store.library.root / "R/release.toml"
    async with store.open() as catalog:
        path.unlink()
        await store.later(QUIET)
        assert str(catalog.current.releases[0].price) == "€15.00"
        assert "R/release.toml: is missing" in store.problems()
        await store.later(GRACE - 1)
        assert str(catalog.current.releases[0].price) == "€15.00"
        await store.later(1)
        assert str(catalog.current.releases[0].price) == "€2.00"


async def test_read_error_does_not_shrink_a_release(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.library.release("R") / "01 A.wav"
    real = indexing._read_file

    def fail(
        root: Path, wanted: FoundFile, *rest: object, **more: object
    ) -> object:
        if wanted.path == "R/01 A.wav":
            return indexing._problem(wanted, "can't be read: I/O error")
        return real(root, wanted, *rest, **more)  # type: ignore[arg-type] # passed on

    async with store.open() as catalog:
        monkeypatch.setattr(indexing, "_read_file", fail)
        before = path.stat().st_ctime_ns
        while path.stat().st_ctime_ns == before:
            path.chmod(0o600)
        await store.later(GRACE - 1)
        assert len(store.sold()["R"]) == 2
        assert str(catalog.current.releases[0].price) == "€2.00"
        assert store.problems() == "R/01 A.wav: can't be read: I/O error"
        await store.later(1)
        assert len(store.sold()["R"]) == 1
        monkeypatch.undo()
        await store.scans()
        assert len(store.sold()["R"]) == 2
        assert not store.problems()


async def test_stalled_upload_is_not_offered(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store.library.release("R")
    whole = wav(9)
    async with store.open():
        for size in (20, 40, 60):
            store.library.put("S/1.wav", whole[:size])
            await store.later(QUIET - 1)
            assert store.sold().keys() == {"R"}
            assert store.problems() == (
                "S: is held back: S/1.wav is still arriving; waiting until "
                "it has been unchanged for 10 s"
            )
        store.library.put("S/1.wav", whole)
        await store.later(QUIET)
        assert store.sold()["S"] == [len(whole)]
        assert not store.problems()
    assert caplog.text.count("is held back") == 1


async def test_album_is_not_offered_before_all_of_it_has_arrived(
    store: Store,
) -> None:
    """An album on sale keeps its state while a bonus track arrives."""
    store.library.release("R")
    async with store.open() as catalog:
        before = catalog.current.releases_by_id
        for number in range(4):
            store.library.put(f"New/{number}.wav", wav(number))
            store.library.put(f"R/bonus {number}.wav", wav(number))
            await store.later(QUIET - 2)
            assert store.sold().keys() == {"R"}
            assert catalog.current.releases_by_id == before
        await store.later(QUIET)
        assert len(store.sold()["New"]) == 4
        assert len(store.sold()["R"]) == 6


async def test_folder_that_never_becomes_quiet_is_a_problem(
    store: Store,
) -> None:
    store.library.release("R")
    log = store.library.put("S/upload.txt", "log")
    store.library.put("S/1.wav", wav(1))
    async with store.open():
        store.library.put("R/log.txt", "")
        for number in range(9):
            log.write_text("." * number)
            store.library.put("R/log.txt", "." * number)
            await store.later(QUIET - 1)
        assert store.problems().splitlines() == [
            f"{folder}: is not updated: {folder}/{name} keeps changing; "
            "waiting until it has been unchanged for 10 s"
            for folder, name in (("R", "log.txt"), ("S", "upload.txt"))
        ]
        assert len(store.sold()["R"]) == 2


async def test_restart_on_an_unchanged_library_is_ready_at_once(
    store: Store,
) -> None:
    store.library.put("store.toml", STORE)
    store.library.release("R")
    async with store.open():
        assert store.sold().keys() == {"R"}
        assert store.now == 0


async def test_first_start_is_ready_after_the_quiet_time(
    store: Store,
) -> None:
    store.library.put("store.toml", STORE)
    store.library.release("R")
    async with store.running() as catalog:
        await store.scans()
        with pytest.raises(NotReady):
            _ = catalog.current
        store.now += QUIET + 1
        await catalog.ready()
        assert store.price() == "£9.00"


async def test_library_that_never_becomes_quiet_is_opened_in_the_end(
    store: Store,
) -> None:
    store.library.put("R/log.txt", "")
    async with store.running() as catalog:
        for number in range(4):
            store.library.put("R/log.txt", "." * number)
            await store.scans()
            store.now += QUIET - 2
        await catalog.ready()
        assert store.problems().startswith("R: is held back: R/log.txt")


async def test_start_during_an_upload_still_delivers_what_was_sold(
    store: Store,
) -> None:
    store.library.release("R")
    store.library.release("S")
    async with store.open() as catalog:
        before = catalog.current.releases_by_id
    store.library.put("R/03 Bonus.wav", wav(3)[:20])
    store.ahead = 0
    async with store.running() as catalog:
        await catalog.ready()
        assert store.sold().keys() == {"S"}
        (held,) = [
            each for each in catalog.current.releases if each.folder == "R"
        ]
        assert held.hidden
        assert [item.item_id for item in held.items] == [
            item.item_id for item in before[held.release_id].items
        ]
        assert store.problems().startswith("R: is held back")
        store.library.put("R/03 Bonus.wav", wav(3))
        await store.later(QUIET)
        assert len(store.sold()["R"]) == 3

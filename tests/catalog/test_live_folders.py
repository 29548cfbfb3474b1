# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""LiveCatalog while folders join other releases, leave them or are renamed."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from msrv.catalog.model import Item, Release
from msrv.catalog.names import ids
from tests.catalog.live_store import GRACE, QUIET, Store
from tests.catalog.temporary_library import Library, wav

STORE: Final = 'currency = "GBP"\n[prices]\nitem = "2.00"\nrelease = "7.00"\n'
PICTURE: Final = b"\xff\xd8\xff\xe0" + bytes(900)


@pytest.fixture
def store(library: Library) -> Store:
    library.put("store.toml", STORE)
    return Store(library)


def prices(store: Store) -> Mapping[str, str]:
    return {
        each.folder: str(each.price) for each in store.catalog.current.offered
    }


def delivered(store: Store, *item_ids: str) -> list[str]:
    """Return the paths that buyers get for some ids, each of which exists."""
    paths = []
    for item_id in item_ids:
        entry = store.catalog.current.by_id[item_id]
        items = entry.items if isinstance(entry, Release) else (entry,)
        for item in items:
            assert isinstance(item, Item)
            assert (store.library.root / item.content.path).is_file()
            paths.append(item.content.path)
    return paths


def _discs(library: Library) -> tuple[Path, dict[str, str], dict[str, str]]:
    library.release("Album/CD1")
    library.release("Album/CD2", {"01 A.wav": wav(3)}, 'price = "18.00"')
    return (
        library.root / "Album/CD2/release.toml",
        {"Album/CD1": "£4.00", "Album/CD2": "£18.00"},
        {"Album": "£7.00"},
    )


def _art(library: Library) -> tuple[Path, dict[str, str], dict[str, str]]:
    library.release("Photos")
    library.put("Photos/Artwork/a.jpg", PICTURE)
    file = library.put("Photos/Artwork/release.toml", 'price = "25.00"')
    return (
        file,
        {"Photos": "£4.00", "Photos/Artwork": "£25.00"},
        {"Photos": "£4.00"},
    )


def _single(library: Library) -> tuple[Path, dict[str, str], dict[str, str]]:
    library.release("Album/CD1")
    file = library.put("Album/release.toml", 'price = "18.00"')
    return file, {"Album": "£18.00"}, {"Album/CD1": "£4.00"}


def _secret(library: Library) -> tuple[Path, dict[str, str], dict[str, str]]:
    library.release("Secret/CD1")
    file = library.put("Secret/release.toml", "hidden = true")
    return file, {}, {"Secret/CD1": "£4.00"}


_Writer = Callable[[Library], tuple[Path, dict[str, str], dict[str, str]]]


@pytest.mark.parametrize("write", [_discs, _art, _single, _secret])
async def test_missing_release_toml_changes_no_release(
    store: Store, write: _Writer, caplog: pytest.LogCaptureFixture
) -> None:
    """It decides which folders are one release, too."""
    file, before, after = write(store.library)
    text = file.read_text()
    where = file.relative_to(store.library.root).as_posix()
    async with store.open():
        sold = list(store.catalog.current.by_id)
        assert prices(store) == before
        file.unlink()
        for seconds in (0, 1, QUIET, GRACE - 1):
            await store.later(seconds)
            assert prices(store) == before
        assert f"{where}: is missing; its last good" in store.problems()
        file.write_text(text)
        await store.later(QUIET)
        assert prices(store) == before
        assert not store.problems()
        file.unlink()
        await store.later(QUIET)
    # A restart begins the grace anew.
    async with store.open():
        await store.later(GRACE - 1)
        assert prices(store) == before
        await store.later(1)
        # Its folders are another release now, which has to be quiet first.
        assert set(prices(store).items()) <= set(before.items())
        assert delivered(store, *sold)
        await store.later(QUIET)
        assert prices(store) == after
        assert delivered(store, *sold)
        assert not store.problems()
        assert f"{where} is missing, for over 60 seconds" in caplog.text


async def test_release_toml_of_a_disc_that_was_never_valid_waits_too(
    store: Store,
) -> None:
    store.library.release("Album/CD1")
    store.library.release("Album/CD2", {"01 A.wav": wav(3)}, "price = ")
    async with store.open():
        assert prices(store) == {"Album/CD1": "£4.00"}
        (store.library.root / "Album/CD2/release.toml").unlink()
        await store.later(QUIET - 1)
        assert "Album" not in prices(store)
        store.library.put("Album/CD2/release.toml", 'price = "18.00"')
        await store.later(QUIET)
        assert prices(store) == {"Album/CD1": "£4.00", "Album/CD2": "£18.00"}


async def test_purchases_are_delivered_while_a_second_disc_arrives(
    store: Store,
) -> None:
    store.library.release("Album/CD1")
    whole = ids.release_id("Album/CD1")
    first = ids.item_id(whole, "01 A.wav")
    async with store.open():
        for number in range(3):
            store.library.put(f"Album/CD2/0{number}.wav", wav(10 + number))
            await store.later(QUIET - 1)
            assert prices(store) == {}
            assert delivered(store, whole, first) == [
                "Album/CD1/01 A.wav",
                "Album/CD1/02 B.wav",
                "Album/CD1/01 A.wav",
            ]
        await store.later(QUIET)
        assert prices(store) == {"Album": "£7.00"}
        assert len(delivered(store, whole, first)) == 3


@pytest.mark.parametrize(
    "toml", [None, 'title = "Deluxe"', "title = ", 'id = "deluxe"']
)
async def test_purchases_are_delivered_while_a_renamed_folder_gets_a_file(
    store: Store, toml: str | None
) -> None:
    store.library.release("Solo", toml='price = "3.00"')
    whole = ids.release_id("Solo")
    first = ids.item_id(whole, "01 A.wav")
    async with store.open() as catalog:
        catalog.mark_sold({whole: "Solo", first: "A"})
        (store.library.root / "Solo").rename(store.library.root / "Deluxe")
        if toml is not None:
            store.library.put("Deluxe/release.toml", toml)
        for number in range(3):
            store.library.put("Deluxe/03 C.wav", wav(3) + bytes(number))
            await store.later(QUIET - 1)
            assert prices(store) == {}
            assert delivered(store, whole, first) == [
                "Deluxe/01 A.wav",
                "Deluxe/02 B.wav",
                "Deluxe/01 A.wav",
            ]
        await store.later(QUIET)
        # (Even where its release.toml is invalid.)
        assert "Deluxe/01 A.wav" in delivered(store, whole, first)
        if toml != "title = ":
            assert "Deluxe" in prices(store)
            assert any(
                note.startswith("Solo was renamed or moved to Deluxe:")
                for note in catalog.reading.notes
            )


async def test_folder_renamed_into_another_release_waits_there(
    store: Store,
) -> None:
    store.library.release("Album/CD1")
    store.library.release("Album/Live", {"01 A.wav": wav(3)})
    live = ids.release_id("Album/Live")
    async with store.open():
        assert prices(store) == {"Album/CD1": "£4.00", "Album/Live": "£4.00"}
        store.library.put("Album/01 Intro.wav", wav(8))
        await store.later(QUIET)
        assert set(prices(store)) == {"Album", "Album/Live"}
        before = prices(store)["Album"]
        (store.library.root / "Album/Live").rename(
            store.library.root / "Album/CD2"
        )
        await store.later(QUIET - 1)
        assert prices(store) == {"Album": before}
        assert delivered(store, live)[0] == "Album/CD2/01 A.wav"
        await store.later(QUIET)
        assert prices(store) == {"Album": "£7.00"}
        assert delivered(store, live)[0] == "Album/CD2/01 A.wav"

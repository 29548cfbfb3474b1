# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ids of earlier versions lead to the same files."""

import tempfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msrv.catalog.model import Catalog, Item, Release, Shop
from msrv.catalog.names import ids
from msrv.catalog.release_zip import plan_zip
from msrv.catalog.texts.thanks import thanks_for
from tests.catalog.temporary_library import Library, wav

KINO: Final = "Кино"
FIRST: Final = "01 Звезда.wav"
COVER: Final = "Обложка.pdf"
NEW: Final = ids.release_id(KINO)
OLD: Final = ids.former_release_id(KINO)


def whole(catalog: Catalog, item_id: str) -> Release:
    found = catalog.by_id[item_id]
    assert isinstance(found, Release)
    return found


def one(catalog: Catalog, item_id: str) -> Item:
    found = catalog.by_id[item_id]
    assert isinstance(found, Item)
    return found


@pytest.fixture
def kino(library: Library) -> Library:
    """Library of a release whose names are in Cyrillic, with an extra."""
    for number, name in enumerate((FIRST, "02 B.wav"), 1):
        library.put(f"{KINO}/{name}", wav(number))
    library.put(f"{KINO}/Скан.cue", "FILE")
    return library


def test_release_has_its_former_id(kino: Library) -> None:
    catalog = kino.read().catalog
    assert (NEW, OLD) == ("kino-rij7biyc", "item-rij7biyc")
    new, old = whole(catalog, NEW), whole(catalog, OLD)
    assert (new.hidden, old.hidden) == (False, True)
    assert catalog.moved[OLD] == NEW
    # The same file, to resume a download by.
    assert plan_zip(old, Shop()).etag == plan_zip(new, Shop()).etag
    first = one(catalog, ids.former_item_id(OLD, FIRST))
    assert first == old.items[0]
    assert (first.hidden, first.content.path) == (True, f"{KINO}/{FIRST}")
    assert catalog.moved[first.item_id] == ids.item_id(NEW, FIRST)
    extra = one(catalog, ids.former_item_id(OLD, "Скан.cue"))
    assert extra.content.path == f"{KINO}/Скан.cue"
    # A refund of the release ends the links to its tracks.
    assert catalog.releases_with(first.item_id) == (OLD,)
    assert catalog.release_of(first) is new


def test_pinned_former_id_has_items_with_former_ids(kino: Library) -> None:
    kino.put(f"{KINO}/release.toml", f'id = "{OLD}"')
    catalog = kino.read().catalog
    assert [each.release_id for each in catalog.releases] == [OLD]
    old = ids.former_item_id(OLD, FIRST)
    assert one(catalog, old).content.path == f"{KINO}/{FIRST}"
    assert catalog.moved == {
        ids.former_item_id(OLD, name): ids.item_id(OLD, name)
        for name in (FIRST, "Скан.cue")
    }


def test_pinned_item_is_in_the_former_release(kino: Library) -> None:
    kino.put(
        f"{KINO}/release.toml",
        f'id = "{NEW}"\n[items."{FIRST}"]\nid = "star"\n',
    )
    catalog = kino.read().catalog
    assert whole(catalog, OLD).items[0].item_id == "star"
    # By the release that was bought, be it under the one id or the other.
    assert catalog.releases_with("star") == (NEW, OLD)


def test_former_disc_keeps_its_ids(library: Library) -> None:
    for disc in (1, 2):
        for number, name in enumerate((FIRST, "02 B.wav"), 1):
            library.put(f"{KINO}/CD{disc}/{name}", wav(10 * disc + number))
    catalog = library.read().catalog
    old = ids.release_id(f"{KINO}/CD2")
    for item_id in (
        ids.item_id(old, FIRST),
        ids.former_item_id(old, FIRST),
    ):
        item = one(catalog, item_id)
        assert item.content.path == f"{KINO}/CD2/{FIRST}"
        assert catalog.releases_with(item_id) == (old,)
    assert len(whole(catalog, old).items) == 2


def test_buyers_of_former_ids_are_thanked(library: Library) -> None:
    for disc in (1, 2):
        for number, name in enumerate((FIRST, "02 B.wav"), 1):
            library.put(f"{KINO}/CD{disc}/{name}", wav(10 * disc + number))
    library.put(f"{KINO}/CD2/01 Звезда.mp3", b"sold before the WAV was there")
    library.put(f"{KINO}/Скан.cue", "FILE")
    library.put(f"{KINO}/release.toml", 'thanks = "Спасибо"')
    catalog = library.read().catalog
    disc_id = ids.release_id(f"{KINO}/CD2")
    for item_id in catalog.by_id:
        assert thanks_for(catalog, [item_id]) == ("Спасибо",), item_id
    assert {disc_id, OLD, ids.former_item_id(OLD, "Скан.cue")} <= set(
        catalog.by_id
    )


def test_store_toml_may_have_former_ids(kino: Library) -> None:
    kino.put("Zoo/A.wav", wav(9))
    item_id = ids.former_item_id(OLD, FIRST)
    kino.put(
        "store.toml",
        f'order = ["{OLD}"]\nfeatured = ["{OLD}"]\n'
        f'[discounts.KINO]\npercent = 10\nitems = ["{item_id}", "{OLD}"]\n',
    )
    reading = kino.read()
    shop = reading.catalog.shop
    assert (shop.order, shop.featured) == ((NEW,), (NEW,))
    assert shop.discounts[0].item_ids == (ids.item_id(NEW, FIRST), NEW)
    assert reading.problems == ()
    assert reading.catalog.releases[0].release_id == NEW


NAMES: Final = st.text(
    st.characters(exclude_characters="/\\\0", exclude_categories=["Cs", "Cc"]),
    min_size=1,
    max_size=12,
).filter(lambda name: name.strip() == name and name[0] not in ".~#@_$")


@settings(max_examples=25, deadline=None)
@given(folder=NAMES, name=NAMES)
def test_any_name_has_its_former_ids(folder: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        library = Library(Path(place))
        library.put(f"{folder}/{name}.wav", wav(1))
        library.put(f"{folder}/A.wav", wav(2))
        catalog = library.read().catalog
        again = library.read().catalog
    if not catalog.releases:
        return  # a name that is ignored
    old = ids.former_release_id(folder)
    assert whole(catalog, old).folder == folder
    for file_name in (f"{name}.wav", "A.wav"):
        item = catalog.by_id.get(ids.former_item_id(old, file_name))
        if item is not None:
            assert isinstance(item, Item)
            assert item.file_name == file_name
    assert catalog.version == again.version

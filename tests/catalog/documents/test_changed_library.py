# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A stored library that changed meanwhile: nothing wrong is sold."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msrv.catalog.documents.stored_library import StoredLibrary
from msrv.catalog.library.scan import scan
from msrv.catalog.loaded_library import LoadedLibrary
from tests.catalog.documents.stored_libraries import fill, load, read, store
from tests.catalog.temporary_library import Library


def test_library_withholds_only_after_a_change(library: Library) -> None:
    fill(library)
    store(library)
    unchanged = load(library)
    assert unchanged is not None
    assert not unchanged.withholds
    library.put(".trash/a.txt", "ignored")
    ignored = load(library)
    assert ignored is not None
    assert not ignored.withholds
    library.put("New/a.txt", "new")
    extended = load(library)
    assert extended is not None
    assert extended.withholds
    assert extended.catalog == unchanged.catalog
    shutil.rmtree(library.root / "New")
    library.put("Plain/c.txt", "new")
    changed = load(library)
    assert changed is not None
    assert changed.withholds
    assert not read(library, changed).withholds


Edit = Callable[[Library], object]


def rename(path: str, other: str) -> Edit:
    def edit(library: Library) -> None:
        if not (library.root / other).exists():  # a second time
            (library.root / path).rename(library.root / other)

    return edit


def remove(path: str) -> Edit:
    def edit(library: Library) -> None:
        target = library.root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return edit


def put(path: str, text: str) -> Edit:
    return lambda library: library.put(path, text)


def replace_file(path: str, text: str) -> Edit:
    def edit(library: Library) -> None:
        library.put("draft~", text).replace(library.root / path)

    return edit


def swap(path: str, other: str) -> Edit:
    def edit(library: Library) -> None:
        for old, new in ((path, "away"), (other, path), ("away", other)):
            (library.root / old).rename(library.root / new)

    return edit


EDITS: dict[str, Edit] = {
    "repriced": put("Artist/Priced/release.toml", 'price = "50"\n'),
    "repriced by a new file": replace_file(
        "Artist/Priced/release.toml", '[items."a.txt"]\nprice = "7"\n'
    ),
    "withdrawn": put("Pinned/release.toml", 'id = "pinned"\nhidden = true\n'),
    "first release.toml": put("Plain/RELEASE.toml", 'price = "30"\n'),
    "no release.toml": remove("Pinned/release.toml"),
    "file removed": remove("Plain/b.txt"),
    "file added": put("Plain/c.txt", "c"),
    "file changed in its place": put("Plain/a.txt", "changed"),
    "file replaced": replace_file("Artist/Other/a.txt", "replaced"),
    "release removed": remove("Artist/Other"),
    "release added": put("Artist/New/a.txt", "new"),
    "release renamed": rename("Artist/Other", "Elsewhere"),
    "artist renamed": rename("Artist", "Band"),
    "releases swapped": swap("Artist/Other", "Artist/Priced"),
    "parent is a release": put("Artist/release.toml", 'title = "All"\n'),
    "store repriced": put("store.toml", '[prices]\nitem = "3"\n'),
    "store renamed": rename("store.toml", "Store.TOML"),
    "no store.toml": remove("store.toml"),
    "page": put("Pages/about.md", "# About\n\nOther"),
    "everything away": lambda library: [
        remove(each.name)(library) for each in library.root.iterdir()
    ],
}


def sold(loaded: LoadedLibrary) -> dict[str, object]:
    """Return what can be bought, at which price."""
    entries: dict[str, object] = {}
    for release in loaded.catalog.offered:
        entries[release.release_id] = release.price, release.minimum
        for item in release.offered:
            entries[item.item_id] = item.price, item.minimum
    return entries


@pytest.mark.parametrize("name", EDITS)
def test_nothing_is_sold_that_changed_meanwhile(
    name: str, library: Library
) -> None:
    fill(library)
    store(library)
    EDITS[name](library)
    check(library)


@settings(max_examples=20)
@given(st.lists(st.sampled_from(sorted(EDITS)), min_size=2, max_size=4))
def test_any_changes_are_right_before_a_purchase(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        fill(library)
        store(library)
        for name in names:
            # Of a file that another edit has removed.
            try:
                EDITS[name](library)
            except FileNotFoundError:
                continue
        check(library)


def check(library: Library) -> None:
    """Check that all that is sold at the start is sold after a scan, too."""
    stored = load(library)
    fresh = read(library)
    if stored is not None:
        assert sold(stored).items() <= sold(fresh).items()
        # Buyers can download what isn't sold meanwhile.
        assert stored.catalog.by_id.keys() >= {"pinned"}
    if fresh.catalog.releases:
        assert read(library, stored).catalog == fresh.catalog
    else:
        assert not read(library, stored).catalog.releases


def test_change_affects_releases_beside_it_only(library: Library) -> None:
    fill(library)
    loaded = store(library)
    EDITS["file added"](library)
    stored = load(library)
    assert stored is not None
    folders = {each.folder for each in loaded.catalog.offered}
    assert {each.folder for each in stored.catalog.offered} == (
        folders - {"Plain"}
    )
    assert stored.catalog.version != loaded.catalog.version


def test_changes_at_the_time_of_the_scan_are_assumed(library: Library) -> None:
    """Two changes of one millisecond have the same date."""
    fill(library)
    found = scan(library.root)
    file = StoredLibrary(library.root, library.data)
    file.update(library.read(found=found), found)
    file.save()
    assert load(library) is None  # store.toml may have changed, too

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Hashing of a whole library, in batches."""

from typing import Any

import pytest

from msrv.catalog.library import hash_batches, indexing, release_updates
from msrv.catalog.library.loader import LoadedLibrary
from msrv.catalog.library.release_builder import BuiltRelease, build_release
from msrv.money import Money
from tests.catalog.temporary_library import Library, problems


@pytest.fixture(autouse=True)
def _one_folder_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_batches, "MAX_BYTES", 0)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders whose files were hashed, in order."""
    paths: list[str] = []
    real = indexing.index_files

    def watch(*arguments: object, **options: object) -> object:
        paths.extend(folder.path for folder in arguments[2])  # type: ignore[attr-defined] # a list
        return real(*arguments, **options)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr("msrv.catalog.library.loader.index_files", watch)
    return paths


def change_status(library: Library) -> None:
    """Change the status of all tracks, as a chmod does."""
    for path in library.root.rglob("*.wav"):
        before = path.stat().st_ctime_ns
        while path.stat().st_ctime_ns == before:
            path.chmod(0o600)
            path.chmod(0o644)


def identities(library: Library, reading: LoadedLibrary) -> list[bool]:
    """Return whether each item has the current identity of its file."""
    return [
        item.content.identity.ctime_ns
        == (library.root / item.content.path).stat().st_ctime_ns
        for release in sorted(
            reading.catalog.releases, key=lambda each: each.folder
        )
        for item in release.items[:1]
    ]


def test_new_price_does_not_wait_for_hashing(
    library: Library, hashed: list[str]
) -> None:
    for name in "ABC":
        library.release(name, toml='item_price = "2"')
    first = library.read()
    change_status(library)
    library.release("D", toml='item_price = "4"')
    hashed.clear()
    second = library.read(first)
    assert hashed == ["A"]
    assert second.retrying
    assert identities(library, second) == [True, False, False]
    assert second.catalog.version == first.catalog.version
    third = library.read(second)
    fourth = library.read(library.read(third))
    assert not fourth.retrying
    assert identities(library, fourth) == [True] * 4
    change_status(library)
    fifth = library.read(fourth)
    library.put("A/release.toml", 'item_price = "5"')
    prices = {
        release.items[0].price
        for release in library.read(fifth).catalog.releases
    }
    assert Money(500, "EUR") in prices


def test_store_starts_before_all_files_are_rehashed(
    library: Library, hashed: list[str]
) -> None:
    for name in "ABC":
        library.release(name)
    first = library.read()
    change_status(library)
    hashed.clear()
    again = library.read()
    assert hashed == ["A"]
    assert again.catalog.version == first.catalog.version
    assert again.problems == ()
    assert identities(library, again) == [True, False, False]
    for _ in range(2):
        assert again.retrying
        again = library.read(again)
    assert not again.retrying
    assert hashed == ["A", "B", "C"]
    assert identities(library, again) == [True] * 3


def test_first_load_includes_every_release(
    library: Library,
) -> None:
    for name in "ABC":
        library.release(name)
    assert len(library.read().catalog.releases) == 3


def test_folder_that_fails_stops_no_start_before_hashing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ABC":
        library.release(name)
    library.read()
    change_status(library)

    def fail_for_one(*arguments: Any) -> BuiltRelease:  # noqa: ANN401 - passed on
        if arguments[1].path == "C":
            raise OverflowError("too large")
        return build_release(*arguments)

    monkeypatch.setattr(release_updates, "build_release", fail_for_one)
    reading = library.read()
    assert len(reading.catalog.releases) == 2
    assert reading.retrying
    assert problems(reading) == [
        "C: could not be read: OverflowError('too large')"
    ]

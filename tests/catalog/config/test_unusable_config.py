# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A store.toml or release.toml that exists and isn't a usable file."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from msrv.catalog.config.last_good import LastGoodConfig
from tests.catalog.temporary_library import Library, problems, wav

STORE: Final = 'currency = "GBP"\n[prices]\nitem = "9.00"\n'
RELEASE: Final = 'price = "18.00"\nitem_price = "9.00"\n'
PROBLEM: Final = "can't be used: it has to be a file, in the library"


def folder_with_files(path: Path) -> None:
    path.mkdir()
    (path / "01 Other.wav").write_bytes(wav(9))


WAYS: Final[Mapping[str, Callable[[Path], None]]] = {
    # Docker creates one in place of a file to mount that is missing.
    "folder": Path.mkdir,
    "folder with files": folder_with_files,
    "link out of the library": lambda path: path.symlink_to("/etc/passwd"),
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "circular link": lambda path: path.symlink_to(path.name),
    "link to a folder": lambda path: path.symlink_to("."),
    "FIFO": os.mkfifo,
}


@pytest.mark.parametrize("way", WAYS)
def test_unusable_store_toml_sells_nothing_at_default_prices(
    library: Library, way: str
) -> None:
    library.release("R")
    WAYS[way](library.root / "store.toml")
    reading = library.read()
    assert reading.catalog.offered == ()
    assert f"store.toml: {PROBLEM}" in problems(reading)
    assert "R: is not offered until store.toml is fixed" in problems(reading)


@pytest.mark.parametrize("way", WAYS)
def test_unusable_store_toml_leaves_the_store_as_it_was(
    library: Library, way: str
) -> None:
    library.last_good = LastGoodConfig()
    library.release("R")
    file = library.put("store.toml", STORE)
    before = library.read()
    file.unlink()
    WAYS[way](file)
    # As it runs, and after a restart.
    for reading in (library.read(before), library.read()):
        offered = {each.folder: each for each in reading.catalog.offered}
        assert str(offered["R"].items[0].price) == "£9.00"
        assert f"store.toml: {PROBLEM}" in problems(reading)


@pytest.mark.parametrize("way", WAYS)
def test_release_with_an_unusable_release_toml_is_not_offered(
    library: Library, way: str
) -> None:
    library.release("R")
    WAYS[way](library.root / "R/release.toml")
    reading = library.read()
    assert "R" not in {each.folder for each in reading.catalog.offered}
    assert f"R/release.toml: {PROBLEM}" in problems(reading)


@pytest.mark.parametrize("way", WAYS)
def test_unusable_release_toml_leaves_the_release_as_it_was(
    library: Library, way: str
) -> None:
    library.last_good = LastGoodConfig()
    # (A disc with a release.toml is a release of its own.)
    library.release("R/CD1")
    library.release("R/CD2", {"01 A.wav": wav(3)}, RELEASE)
    before = library.read()
    file = library.root / "R/CD2/release.toml"
    file.unlink()
    WAYS[way](file)
    for reading in (library.read(before), library.read()):
        prices = {each.folder: each.price for each in reading.catalog.offered}
        assert str(prices["R/CD2"]) == "€18.00"
        assert f"R/CD2/release.toml: {PROBLEM}" in problems(reading)


def test_link_to_a_file_in_the_library_is_used(library: Library) -> None:
    library.release("R")
    library.put("shared/prices.toml", STORE)
    (library.root / "store.toml").symlink_to("shared/prices.toml")
    releases = {each.folder: each for each in library.read().catalog.offered}
    assert str(releases["R"].items[0].price) == "£9.00"

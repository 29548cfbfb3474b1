# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixtures of the catalog's tests: libraries and caches."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalog.cover_pictures import PictureLibrary
from tests.catalog.renamed_libraries import read
from tests.catalog.temporary_library import Library
from tests.catalog.unprivileged import open_folder


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """An empty library."""
    return Library(tmp_path)


@pytest.fixture
def bus(library: Library) -> Library:
    """Library of one release, which has been read."""
    library.release("Bus")
    read(library)
    return library


@pytest.fixture
def unprivileged_library() -> Iterator[Library]:
    """An empty library in folders that any user can enter."""
    with open_folder() as folder:
        library = Library(folder)
        library.data.mkdir()
        library.data.chmod(0o777)
        yield library


@pytest.fixture
def picture_library(tmp_path: Path) -> PictureLibrary:
    """An empty library of pictures."""
    return PictureLibrary(tmp_path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty library, without its catalog."""
    root = tmp_path / "library"
    root.mkdir()
    return root


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Path of the cache of previews, which does not exist yet."""
    return tmp_path / "cache" / "previews"

"""What the catalog's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalog.cover_pictures import Gallery
from tests.catalog.temporary_library import Library
from tests.catalog.unprivileged import open_folder


@pytest.fixture
def shelf(tmp_path: Path) -> Library:
    """An empty library."""
    return Library(tmp_path)


@pytest.fixture
def open_shelf() -> Iterator[Library]:
    """An empty library in folders that any user can enter."""
    with open_folder() as folder:
        shelf = Library(folder)
        shelf.data.mkdir()
        shelf.data.chmod(0o777)
        yield shelf


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    """An empty library of pictures."""
    return Gallery(tmp_path)


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

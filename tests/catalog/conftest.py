"""What the catalog's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalog.rights import open_folder
from tests.catalog.shelves import Library


@pytest.fixture
def shelf(tmp_path: Path) -> Library:
    """An empty library."""
    return Library(tmp_path)


@pytest.fixture
def open_shelf() -> Iterator[Library]:
    """An empty library in folders that any user may enter."""
    with open_folder() as folder:
        shelf = Library(folder)
        shelf.data.mkdir()
        shelf.data.chmod(0o777)
        yield shelf

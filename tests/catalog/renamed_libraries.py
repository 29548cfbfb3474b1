# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Libraries whose files are renamed, and what their ids lead to."""

from pathlib import Path
from typing import Final

from msrv.catalog.id_history import IdHistory
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.loader import LoadedLibrary
from msrv.catalog.model import Item, Release
from msrv.catalog.names import ids
from tests.catalog.shared_parser import load_library
from tests.catalog.temporary_library import Library

BUS: Final = ids.release_id("Bus")
FIRST: Final = ids.item_id(BUS, "01 A.wav")
SECOND: Final = ids.item_id(BUS, "02 B.wav")


def read(
    library: Library, data: Path | None = None, *sold: str
) -> LoadedLibrary:
    """Read a library as a store does that has sold these ids."""
    data = data or library.data
    with FileIndex.open(data) as index, IdHistory.open(data) as history:
        history.mark_sold({item_id: f"Title of {item_id}" for item_id in sold})
        return load_library(library.root, index, history=history)


def item(reading: LoadedLibrary, item_id: str) -> Item:
    found = reading.catalog.by_id[item_id]
    assert isinstance(found, Item)
    return found


def release(reading: LoadedLibrary, item_id: str) -> Release:
    found = reading.catalog.by_id[item_id]
    assert isinstance(found, Release)
    return found


def paths(found: Release) -> list[str]:
    return [each.content.path for each in found.items]

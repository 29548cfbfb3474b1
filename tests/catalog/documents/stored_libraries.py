# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Libraries that are stored, and loaded again."""

import time

from msrv.catalog.documents.stored_library import StoredLibrary
from msrv.catalog.library.scan import scan
from msrv.catalog.loaded_library import LoadedLibrary
from tests.catalog.temporary_library import Library


def later_ns() -> int:
    """Return a time at which all files are old."""
    return time.time_ns() + 10**12


def fill(library: Library) -> None:
    """Write a store.toml, and releases of each sort."""
    library.put("store.toml", 'currency = "EUR"\n[prices]\nitem = "1"\n')
    for name in ("a", "b"):
        library.put(f"Plain/{name}.txt", name)
        library.put(f"Artist/Priced/{name}.txt", f"priced {name}")
        library.put(f"Artist/Other/{name}.txt", f"other {name}")
        library.put(f"Pinned/{name}.txt", f"pinned {name}")
    library.put("Artist/Priced/release.toml", '[items."a.txt"]\nprice = "2"\n')
    library.put("Pinned/release.toml", 'id = "pinned"\nprice = "9"\n')
    # Its id is taken, so that it isn't in the catalog as it was built.
    library.put("Pinned 2/release.toml", 'id = "pinned"\n')
    library.put("Pinned 2/a.txt", "another")
    library.put("Pages/about.md", "# About\n\nText")


def read(
    library: Library, previous: LoadedLibrary | None = None
) -> LoadedLibrary:
    return library.read(previous, found=scan(library.root, clock=later_ns))


def store(library: Library) -> LoadedLibrary:
    """Load and store a library, and wait until the file system's time is on.

    Its clock stands still for some milliseconds: a change then is not seen.
    """
    found = scan(library.root, clock=later_ns)
    loaded = library.read(found=found)
    file = StoredLibrary(library.root, library.data)
    file.update(loaded, found)
    file.save()
    start = probe(library)
    while probe(library) == start:
        pass
    return loaded


def probe(library: Library) -> int:
    path = library.data / "probe"
    path.write_bytes(b"")
    return path.stat().st_ctime_ns


def load(library: Library) -> LoadedLibrary | None:
    return StoredLibrary(library.root, library.data).load()

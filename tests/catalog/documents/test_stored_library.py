# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stored library: a start from it sells what a scan would, and no more."""

import itertools
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msrv.catalog import live_catalog
from msrv.catalog.documents import library_document, stored_library
from msrv.catalog.documents.stored_library import FILE_NAME, StoredLibrary
from msrv.catalog.library.found_files import Scan
from msrv.catalog.library.scan import scan
from msrv.catalog.live_catalog import LiveCatalog, NotReady
from msrv.catalog.loaded_library import LoadedLibrary
from msrv.catalog.watching.scan_schedule import ScanSchedule
from tests.catalog.temporary_library import Library
from tests.polling import wait_until


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


def test_library_withholds_only_after_a_change(library: Library) -> None:
    fill(library)
    store(library)
    unchanged = load(library)
    assert unchanged is not None
    assert not unchanged.withholds
    library.put("Plain/c.txt", "new")
    changed = load(library)
    assert changed is not None
    assert changed.withholds
    assert not read(library, changed).withholds


def test_stored_library_is_as_it_was_loaded(library: Library) -> None:
    fill(library)
    loaded = store(library)
    stored = load(library)
    assert stored is not None
    assert stored.catalog == loaded.catalog
    assert stored.problems == loaded.problems
    assert stored.notes == loaded.notes
    assert stored.store.is_identical(loaded.store)
    again = read(library, stored)
    assert again.catalog == loaded.catalog
    assert again.problems == loaded.problems
    assert again.catalog.pages == loaded.catalog.pages


def test_unchanged_release_is_not_built_again(library: Library) -> None:
    fill(library)
    store(library)
    stored = load(library)
    assert stored is not None
    again = read(library, stored)
    kept = [
        release
        for release in again.catalog.releases
        if release is stored.catalog.releases_by_id[release.release_id]
    ]
    assert {each.folder for each in kept} == {
        "Plain",
        "Artist/Priced",
        "Artist/Other",
        "Pinned",
    }


Edit = Callable[[Library], object]


def rename(path: str, other: str) -> Edit:
    return lambda library: (library.root / path).rename(library.root / other)


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


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda _: b"",
        lambda data: data[:10],
        lambda data: data[:-50] + b"\0" + data[-49:],
        lambda data: data[:25] + bytes([data[25] ^ 1]) + data[26:],
        lambda data: data + b"\0",
        lambda data: b"SQLite" + data,
    ],
    ids=itertools.count(),
)
def test_damaged_file_is_ignored_with_one_line(
    library: Library,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
) -> None:
    fill(library)
    store(library)
    path = library.data / FILE_NAME
    path.write_bytes(damage(path.read_bytes()))
    caplog.set_level(logging.INFO)
    caplog.clear()
    assert load(library) is None
    (record,) = caplog.records
    assert "isn't used, and the library is read first" in record.getMessage()


def test_file_of_another_version_is_ignored(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fill(library)
    store(library)
    monkeypatch.setattr(library_document, "program_digest", lambda: bytes(32))
    caplog.set_level(logging.INFO)
    assert load(library) is None
    assert "it is of another version of the store" in caplog.text


def test_file_of_another_library_is_ignored(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    fill(library)
    store(library)
    library.root = library.root.rename(library.root.with_name("other"))
    caplog.set_level(logging.INFO)
    assert load(library) is None
    assert "it is of another library" in caplog.text


_WRITER = """
import itertools, sys
from dataclasses import replace
from pathlib import Path
from msrv.catalog.documents.stored_library import StoredLibrary
from msrv.catalog.library.scan import scan
root, data = map(Path, sys.argv[1:])
file = StoredLibrary(root, data)
loaded = file.load()
for number in itertools.count():
    notes = (str(number),) + ("long " * 100_000,)
    file.update(replace(loaded, notes=notes, waiting=False), scan(root))
    file.save()
    print(number, flush=True)
"""


def test_file_survives_a_killed_writer(library: Library) -> None:
    library.put("Plain/a.txt", "a")
    loaded = store(library)
    for written in (1, 2, 5):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, library.root, library.data],
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            for _ in range(written):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        stored = load(library)
        assert stored is not None
        assert stored.catalog.releases_by_id.keys() == (
            loaded.catalog.releases_by_id.keys()
        )
        assert len(stored.notes[1]) == 500_000


def test_drafts_of_killed_writers_are_deleted(library: Library) -> None:
    library.data.mkdir()
    old = library.data / f".{FILE_NAME}.0123456789abcdef"
    new = library.data / f".{FILE_NAME}.fedcba9876543210"
    for each in (old, new):
        each.write_bytes(b"MSRV")
    os.utime(old, (1, 1))
    assert load(library) is None
    assert not old.exists()
    assert new.exists()


def test_unchanged_library_is_not_written_again(library: Library) -> None:
    fill(library)
    store(library)
    before = (library.data / FILE_NAME).stat().st_ino
    file = StoredLibrary(library.root, library.data)
    stored = file.load()
    found = scan(library.root, clock=later_ns)
    file.update(library.read(stored, found=found), found)
    file.save()
    assert (library.data / FILE_NAME).stat().st_ino == before


def test_many_changes_are_written_once_in_a_while(library: Library) -> None:
    library.data.mkdir()
    now = 0.0
    file = StoredLibrary(library.root, library.data, timer=lambda: now)
    for number in range(3):
        library.put(f"R{number}/a.txt", "a")
        found = scan(library.root, clock=later_ns)
        file.update(library.read(found=found), found)
        file.save_due()
    stored = load(library)
    assert stored is not None
    assert len(stored.catalog.releases) == 1
    now = stored_library.SAVE_SECONDS
    file.save_due()
    stored = load(library)
    assert stored is not None
    assert len(stored.catalog.releases) == 3


def test_disk_that_is_full_is_logged_once(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    fill(library)
    found = scan(library.root)
    file = StoredLibrary(library.root, Path("/dev/full/data"))
    file.update(library.read(found=found), found)
    file.save()
    file.save()
    assert caplog.text.count("so the next start reads the library first") == 1


def live(library: Library) -> LiveCatalog:
    return LiveCatalog(
        library.root,
        library.data,
        settle_seconds=0,
        schedule=ScanSchedule(poll_seconds=0.01),
    )


async def test_store_sells_before_it_has_scanned(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fill(library)
    store(library)
    expected = read(library).catalog
    library.put("Plain/c.txt", "c")
    scanning = threading.Event()

    def slow_scan(*args: object) -> Scan:
        assert scanning.wait(20)
        return scan(*args)  # type: ignore[arg-type] # as they were given

    monkeypatch.setattr(live_catalog, "scan", slow_scan)
    caplog.set_level(logging.INFO)
    async with live(library) as catalog:
        try:
            await wait_until(lambda: has_catalog(catalog))
            offered = {each.folder for each in catalog.current.offered}
            everything = {each.folder for each in expected.offered}
            assert offered == everything - {"Plain"}
        finally:
            scanning.set()
        await catalog.ready()
        assert not catalog.reading.is_stored
        (plain,) = (
            each for each in catalog.current.offered if each.folder == "Plain"
        )
        assert len(plain.items) == 3
    assert "catalog: 3 releases, as stored, until it is read" in caplog.text
    assert "catalog: 4 releases, 9 items" in caplog.text


def has_catalog(catalog: LiveCatalog) -> bool:
    try:
        return catalog.current is not None
    except NotReady:
        return False


async def test_library_is_stored_once_it_is_read_and_at_the_end(
    library: Library,
) -> None:
    fill(library)
    async with live(library) as catalog:
        await catalog.ready()
        await wait_until((library.data / FILE_NAME).exists)
        library.put("New/a.txt", "a")
        await wait_until(
            lambda: any(
                each.folder == "New" for each in catalog.current.offered
            )
        )
        last = catalog.current
    data = (library.data / FILE_NAME).read_bytes()
    assert len(last.releases) == 5
    assert b"New/a.txt" in data


async def test_bug_in_storing_does_not_keep_the_library_from_being_read(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a bug")

    fill(library)
    store(library)
    monkeypatch.setattr(stored_library, "decode_catalog", fail)
    monkeypatch.setattr(stored_library, "format_library", fail)
    async with live(library) as catalog:
        await catalog.ready()
        assert len(catalog.current.offered) == 4
    assert "catalog.stored can't be used" in caplog.text
    assert "catalog.stored can't be written" in caplog.text

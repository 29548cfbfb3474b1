# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stored library: as it was loaded, in a file that can be trusted."""

import itertools
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from msrv.catalog.documents import library_document, stored_library
from msrv.catalog.documents.stored_library import FILE_NAME, StoredLibrary
from msrv.catalog.library.scan import scan
from tests.catalog.documents.stored_libraries import (
    fill,
    later_ns,
    load,
    read,
    store,
)
from tests.catalog.temporary_library import Library


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
    assert "reading the library before selling" in record.getMessage()


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

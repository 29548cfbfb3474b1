# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The index of hashes and metadata."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from msrv.catalog.library.file_index import FILE_NAME, FileIndex, IndexEntry
from msrv.catalog.library.found_files import FoundFile
from tests.catalog.temporary_library import Library
from tests.catalog.unprivileged import without_rights

FILE = FoundFile("A/b\udcff\n.wav", 3, 1_700_000_000_123_456_789, 1, 2**64 - 1)
KNOWN = IndexEntry.of(
    FILE, bytes(32), 2**32 - 1, {"tags": {"title": "Ä\ud83c"}}
)._replace(texts_json=None)


def remember(folder: Path) -> None:
    with FileIndex.open(folder) as index:
        index.add(FILE.path, KNOWN)
        index.save()
        written = index._connection.total_changes
        index.save()
        assert index._connection.total_changes == written


def test_entries_persist_across_restarts(tmp_path: Path) -> None:
    remember(tmp_path / "made" / "here")
    with FileIndex.open(tmp_path / "made" / "here") as index:
        found = index.find(FILE)
    assert found == KNOWN
    assert found.facts == {"tags": {"title": "Ä\ud83c"}}


@pytest.mark.parametrize(
    "other",
    [
        FILE._replace(path="A/c.wav"),
        FILE._replace(size_bytes=4),
        FILE._replace(mtime_ns=FILE.mtime_ns + 1),
        FILE._replace(ctime_ns=FILE.ctime_ns + 1),
        FILE._replace(inode=5),
    ],
)
def test_changed_file_is_not_found(tmp_path: Path, other: FoundFile) -> None:
    remember(tmp_path)
    with FileIndex.open(tmp_path) as index:
        assert index.find(other) is None


def test_unstable_inodes_are_not_compared_again(tmp_path: Path) -> None:
    """With new inodes at each mount, a file is hashed twice at most."""
    remember(tmp_path)
    moved = FILE._replace(inode=5)
    with FileIndex.open(tmp_path) as index:
        assert index.find(moved) is None
        index.add(FILE.path, KNOWN._replace(identity=moved.identity))
        index.save()
    with FileIndex.open(tmp_path) as index:
        assert index.find(moved)
        assert index.find(FILE._replace(inode=6))
        assert index.find(FILE._replace(ctime_ns=2)) is None


@pytest.mark.parametrize(
    "number",
    [
        0,
        -1,
        -(2**63),
        -2_177_452_800 * 10**9,
        15_032_385_535 * 10**9,
        2**63,
        2**64 - 1,
        10**30,
    ],
)
def test_any_numbers_of_a_status_are_stored(
    tmp_path: Path, number: int
) -> None:
    """A file dated 1901, 2446 or worse keeps its entry across restarts."""
    odd = FoundFile("A/odd.wav", number, number, number, number)
    with FileIndex.open(tmp_path) as index:
        index.add(odd.path, IndexEntry.of(odd, bytes(32), 0, {}))
        index.add(FILE.path, KNOWN)
        index.save()
    with FileIndex.open(tmp_path) as index:
        assert index.find(odd)
        assert index.find(FILE)


def test_unwritable_row_is_skipped_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Other rows are written, and the log names the file."""
    with FileIndex.open(tmp_path) as index:
        for path in ("A/1.wav", "A/3.wav"):
            index.add(path, KNOWN)
        index.add("A/2.wav", KNOWN._replace(crc32=2**80))
        index.save()
    assert "can't store A/2.wav" in caplog.text
    with FileIndex.open(tmp_path) as index:
        known = {n: index.has_path(f"A/{n}.wav") for n in (1, 2, 3)}
    assert known == {1: True, 2: False, 3: True}


def test_unwritable_row_is_found_until_the_end(tmp_path: Path) -> None:
    """It isn't read again at each change."""
    with FileIndex.open(tmp_path) as index:
        index.add(FILE.path, KNOWN._replace(crc32=2**80))
        index.save()
        index.save()
        assert index.find(FILE)


def test_folders_of_similar_names_are_apart(tmp_path: Path) -> None:
    paths = [
        "A/1",
        "A/B/1",
        "A0/1",
        "A-/1",
        "A",
        "1",
        "\udcff/1",
        "\udcff\udcff",
    ]
    with FileIndex.open(tmp_path) as index:
        for path in paths:
            index.add(path, KNOWN)
        index.save()
    with FileIndex.open(tmp_path) as index:
        assert all(index.has_path(path) for path in paths)
        assert not index.has_path("A/2")
        assert not index.has_path("A/B")
        index.retain(paths[1:])
        assert [each for each in paths if index.has_path(each)] == paths[1:]


def test_entries_change_while_their_folder_is_in_memory(
    tmp_path: Path,
) -> None:
    remember(tmp_path)
    changed = FILE._replace(mtime_ns=77)
    with FileIndex.open(tmp_path) as index:
        assert index.find(FILE)
        entry = KNOWN._replace(identity=changed.identity)
        index.add(FILE.path, entry)
        assert index.find(changed)
        index.save()
        assert index.find(changed)
        index.remove([FILE.path])
        assert not index.has_path(FILE.path)


def test_retain_removes_other_entries(tmp_path: Path) -> None:
    remember(tmp_path)
    with FileIndex.open(tmp_path) as index:
        index.retain([FILE.path])
        assert index.find(FILE)
        index.retain(["A/other.wav"])
        assert index.find(FILE) is None
    with FileIndex.open(tmp_path) as index:
        assert index.find(FILE) is None


def garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)


def half(path: Path) -> None:
    remember(path.parent)
    with FileIndex.open(path.parent) as index:
        for number in range(2000):
            index.add(f"A/{number}", KNOWN)
        index.save()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2 + 100])


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE files (songs TEXT)")


def newer(path: Path) -> None:
    remember(path.parent)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def wrong_rows(path: Path) -> None:
    remember(path.parent)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE files SET path = 5")


@pytest.mark.parametrize("spoil", [garbage, half, foreign, newer, wrong_rows])
def test_corrupt_index_is_rebuilt(
    tmp_path: Path,
    spoil: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A corrupt or foreign file is replaced by a new index."""
    spoil(tmp_path / FILE_NAME)
    with FileIndex.open(tmp_path) as index:
        assert index.find(FILE) is None
    assert "rebuilding the index" in caplog.text
    remember(tmp_path)
    with FileIndex.open(tmp_path) as index:
        assert index.find(FILE) == KNOWN


def test_empty_file_becomes_an_index(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    remember(tmp_path)
    with FileIndex.open(tmp_path) as index:
        assert index.find(FILE) == KNOWN


def test_index_is_in_memory_if_the_folder_is_read_only(
    unprivileged_library: Library,
    caplog: pytest.LogCaptureFixture,
) -> None:
    unprivileged_library.data.chmod(0o555)
    with without_rights(), FileIndex.open(unprivileged_library.data) as index:
        index.add(FILE.path, KNOWN)
        index.save()
        assert index.find(FILE) == KNOWN
    assert "the index can only be held in memory" in caplog.text
    assert list(unprivileged_library.data.iterdir()) == []


def test_read_only_index_is_still_used(
    unprivileged_library: Library,
    caplog: pytest.LogCaptureFixture,
) -> None:
    remember(unprivileged_library.data)
    (unprivileged_library.data / FILE_NAME).chmod(0o444)
    unprivileged_library.data.chmod(0o555)
    with without_rights(), FileIndex.open(unprivileged_library.data) as index:
        assert index.find(FILE) == KNOWN
        index.add("B", KNOWN)
        index.save()
        index.save()
        assert index.find(FILE._replace(path="B")) == KNOWN
    assert caplog.text.count("can't write the index") == 1


def test_index_is_in_memory_if_a_folder_has_its_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with FileIndex.open(tmp_path) as index:
        index.add(FILE.path, KNOWN)
        index.save()
    assert "the index can only be held in memory" in caplog.text


def test_full_disk_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with FileIndex.open(tmp_path) as index:
        # The error is the one that SQLite raises when the disk is full.
        index._connection.execute("PRAGMA max_page_count = 2")
        for number in range(2000):
            index.add(f"A/{number}", KNOWN)
        index.save()
        assert index.find(FILE._replace(path="A/1999")) == KNOWN
        assert "can't write the index" in caplog.text
        index._connection.execute("PRAGMA max_page_count = 100000")
        index.save()
    with FileIndex.open(tmp_path) as index:
        assert index.find(FILE._replace(path="A/1999")) == KNOWN


def test_two_processes_can_use_one_index(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`msrv check` can run beside the store."""
    caplog.set_level(logging.WARNING)
    with (
        FileIndex.open(tmp_path) as store,
        FileIndex.open(tmp_path) as command,
    ):
        store.add(FILE.path, KNOWN)
        store.save()
        command.add(FILE.path, KNOWN)
        command.save()
    with FileIndex.open(tmp_path) as index:
        assert index.find(FILE) == KNOWN
    assert caplog.text == ""

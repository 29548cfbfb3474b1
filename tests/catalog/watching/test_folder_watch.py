# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Folder watch: every kind of change, and folders that can't be watched."""

import os
import select
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from msrv.catalog.library.scan import scan
from msrv.catalog.watching import folder_watch
from msrv.catalog.watching.folder_watch import FolderWatch


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "library"
    album = root / "Artist" / "Album"
    album.mkdir(parents=True)
    (album / "01 One.txt").write_text("one")
    (root / "Empty").mkdir()
    (root / "store.toml").write_text('name = "S"')
    return root


@pytest.fixture
def watch(library: Path) -> Iterator[FolderWatch]:
    """Watch of a library that was scanned just now."""
    found = FolderWatch()
    scan(library, found)
    if not found.is_complete:
        pytest.fail("temporary files are not on a local file system of Linux")
    yield found
    found.close()


def has_changed(watch: FolderWatch) -> bool:
    return bool(select.select([watch], [], [], 0)[0])


ALBUM = "Artist/Album"
TRACK = f"{ALBUM}/01 One.txt"
CHANGES: dict[str, Callable[[Path], object]] = {
    "new file": lambda root: (root / ALBUM / "02.txt").write_text("two"),
    "new folder": lambda root: (root / "Empty" / "New").mkdir(),
    "written over": lambda root: (root / TRACK).write_text("other"),
    "appended": lambda root: subprocess.run(
        ["sh", "-c", 'echo more >>"$0"', root / TRACK], check=True
    ),
    "truncated": lambda root: os.truncate(root / TRACK, 1),
    "date set back": lambda root: os.utime(root / TRACK, (1, 1)),
    "mode": lambda root: (root / TRACK).chmod(0o600),
    "renamed": lambda root: (root / TRACK).rename(root / ALBUM / "x.txt"),
    "moved in": lambda root: (root / "store.toml").rename(root / ALBUM / "s"),
    "deleted": lambda root: (root / TRACK).unlink(),
    "folder renamed": lambda root: (root / ALBUM).rename(root / "Other"),
    "folder deleted": lambda root: shutil.rmtree(root / "Artist"),
    "link": lambda root: (root / ALBUM / "l.txt").symlink_to("01 One.txt"),
    "replaced": lambda root: (root.parent / "library.new").replace(
        root / TRACK
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_noticed(
    library: Path, watch: FolderWatch, change: Callable[[Path], object]
) -> None:
    (library.parent / "library.new").write_text("from elsewhere")
    assert not has_changed(watch)
    change(library)
    assert has_changed(watch)


def test_reading_changes_nothing(library: Path, watch: FolderWatch) -> None:
    subprocess.run(["cat", library / TRACK], check=True, capture_output=True)
    scan(library, None)
    list(library.rglob("*"))
    assert not has_changed(watch)


def test_folder_is_watched_before_it_is_listed(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that appears after the listing is noticed."""
    watch = FolderWatch()
    listed = os.scandir

    def add_file_after(path: str) -> object:
        found = listed(path)
        if path.endswith("Album"):
            (Path(path) / "late.txt").write_text("late")
        return found

    monkeypatch.setattr("msrv.catalog.library.scan.os.scandir", add_file_after)
    scan(library, watch)
    assert has_changed(watch)
    watch.close()


def test_folder_of_a_link_is_watched(library: Path) -> None:
    (library / "Linked").symlink_to(library / "Artist" / "Album")
    watch = FolderWatch()
    scan(library, watch)
    (library / TRACK).write_text("other")
    assert has_changed(watch)
    watch.close()


def test_watch_without_room_is_incomplete(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's limit of watches is reached: ENOSPC."""
    real = folder_watch._libc

    class Full:
        inotify_init1 = real.inotify_init1
        statfs = real.statfs

        @staticmethod
        def inotify_add_watch(*_: object) -> int:
            return -1

    monkeypatch.setattr(folder_watch, "_libc", Full)
    watch = FolderWatch()
    assert len(scan(library, watch).folders) == 1
    assert not watch.is_complete


def test_foreign_file_system_is_incomplete() -> None:
    """Changes in /proc, as on a network mount, are not all notified of."""
    watch = FolderWatch()
    for path in ("/proc", "/dev/shm"):  # noqa: S108 - only watched
        watch.add(path, Path(path).stat().st_dev)
        assert not watch.is_complete


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_descriptors_are_closed(library: Path) -> None:
    before = open_descriptors()
    for _ in range(3):
        watch = FolderWatch()
        scan(library, watch)
        watch.close()
        watch.close()
    assert open_descriptors() == before

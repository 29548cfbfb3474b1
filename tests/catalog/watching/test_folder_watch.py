# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Folder watch: every kind of change, and folders that can't be watched."""

import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_second_scan_finds_every_change(
    library: Path, watch: FolderWatch, change: Callable[[Path], object]
) -> None:
    (library.parent / "library.new").write_text("from elsewhere")
    change(library)
    assert scan(library, watch, lambda: 0) == scan(library, None, lambda: 0)
    assert watch.is_complete


PATHS = st.sampled_from(
    "A A/B A/B/C D A/1.txt A/B/2.txt D/1.txt D/cover.jpg".split()
)
EDITS = st.sampled_from(
    "write append delete rename symlink link folder replace scan new".split()
)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            EDITS,
            PATHS,
            PATHS,
        ),
        min_size=3,
        max_size=15,
    )
)
def test_any_changes_are_found_as_without_a_watch(
    edits: list[tuple[str, str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "A/B").mkdir(parents=True)
        for name in ("A/1.txt", "A/B/2.txt"):
            (root / name).write_text(name)
        watch = FolderWatch()
        scan(root, watch)
        for what, one, other in edits:
            with suppress(OSError, shutil.Error):
                edit(root / one, root / other, what)
            if what == "new":
                watch.close()
                watch = FolderWatch()
            if what != "append":  # so that several changes come at once
                found = scan(root, watch, lambda: 0)
                assert found == scan(root, None, lambda: 0)
        assert watch.is_complete
        watch.close()


def edit(path: Path, other: Path, what: str) -> None:
    """Change a path. Raises OSError where that isn't possible."""
    if what == "write":
        path.write_text(str(other))
    elif what == "append":
        with path.open("a") as file:
            file.write("more")
    elif what == "delete":
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    elif what == "rename":
        path.rename(other)
    elif what == "symlink":
        other.symlink_to(path)
    elif what == "link":
        os.link(path, other)
    elif what == "folder":
        path.mkdir(parents=True)
    elif what == "replace":
        shutil.rmtree(path)
        path.mkdir()
        (path / "1.txt").write_text("new")


def test_unchanged_folders_are_not_listed_again(
    library: Path, watch: FolderWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []
    real = os.scandir

    def scandir(path: str) -> object:
        listed.append(os.path.relpath(path, library))
        return real(path)

    (library / "Empty" / "new.txt").write_text("new")
    monkeypatch.setattr("msrv.catalog.library.scan.os.scandir", scandir)
    scan(library, watch)
    assert listed == [".", "Empty"]
    listed.clear()
    watch.forget(["Artist/Album/01 One.txt"])
    scan(library, watch)
    assert listed == [".", "Artist/Album"]


def test_events_that_were_lost_lead_to_a_full_scan(
    library: Path, watch: FolderWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an overflow of the kernel's queue, or an unmounted disk."""
    monkeypatch.setattr(watch, "_events", lambda: [(-1, 0x4000)])
    (library / TRACK).write_text("other")
    assert scan(library, watch, lambda: 0) == scan(library, None, lambda: 0)
    assert watch.is_complete
    (library / TRACK).write_text("another")
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

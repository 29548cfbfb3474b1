# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Indexing of new and changed files."""

import hashlib
import os
import zlib
from dataclasses import replace
from datetime import datetime

import pytest

from msrv.catalog.library import indexing
from msrv.catalog.library.file_index import FILE_NAME, FileIndex
from msrv.catalog.library.indexing import IndexingStopped, index_files
from msrv.catalog.library.scan import scan
from msrv.catalog.parsing.parser import Parser
from tests.catalog import shared_parser
from tests.catalog.temporary_library import (
    Library,
    items_by_name,
    problems,
    wav,
)
from tests.catalog.unprivileged import without_rights


def test_hashes_are_those_of_the_bytes(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_BLOCK_BYTES", 7)
    library.release("R")
    item = items_by_name(library.only())["01 A.wav"]
    assert item.content.sha256 == hashlib.sha256(wav(1)).digest()
    assert item.content.crc32 == zlib.crc32(wav(1))
    assert item.content.size_bytes == len(wav(1))


def test_unchanged_files_are_read_once(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.release("R", {"C.mp3": b"no sound"})
    first = library.read()

    def fail(*_: object) -> None:
        pytest.fail("read again")

    monkeypatch.setattr(indexing, "_open", fail)
    monkeypatch.setattr(Parser, "tags", fail)
    again = library.read()
    assert again.catalog == first.catalog
    assert again.problems == first.problems


def test_changed_file_is_read_again(library: Library) -> None:
    library.release("R")
    library.read()
    library.put("R/01 A.wav", wav(9))
    item = items_by_name(library.only())["01 A.wav"]
    assert item.content.sha256 == hashlib.sha256(wav(9)).digest()


@pytest.mark.parametrize("how", ["in place", "swapped"])
def test_retagged_file_with_its_old_date_is_read_again(
    library: Library, how: str
) -> None:
    """Tag editors can preserve a file's date and size.

    They can preserve neither its status change time nor its inode.
    """
    path = library.release("R") / "01 A.wav"
    before = path.stat()
    assert items_by_name(library.only())["01 A.wav"].content.identity[1:] == (
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_ino,
    )
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        if how == "swapped":
            path.with_name(".new").write_bytes(wav(9))
            path.with_name(".new").replace(path)
        else:
            path.write_bytes(wav(9))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (
        before.st_size,
        before.st_mtime_ns,
    )
    item = items_by_name(library.only())["01 A.wav"]
    assert item.content.sha256 == hashlib.sha256(wav(9)).digest()


@pytest.mark.parametrize(
    "mtime", ["1901-12-14", "1969-12-31", "1970-01-01", "2300-01-01"]
)
def test_any_file_date_is_accepted(library: Library, mtime: str) -> None:
    path = library.release("R") / "01 A.wav"
    seconds = int(datetime.fromisoformat(f"{mtime}T00:00:00Z").timestamp())
    os.utime(path, (seconds, seconds))
    if path.stat().st_mtime != seconds:
        pytest.skip("this file system holds no such date")
    first = library.only()
    assert len(first.items) == 2
    assert first == library.only()


@pytest.mark.parametrize("size", [(1 << 40) + 1, 2**62, -1])
def test_implausible_size_is_a_problem_of_one_file(
    library: Library, size: int
) -> None:
    """A sparse file of exabytes is not hashed, and other files are offered."""
    library.release("R")
    found = scan(library.root)
    folder = found.folders[0]
    odd = folder.files[0]._replace(size_bytes=size)
    found.folders[0] = replace(folder, files=(odd, *folder.files[1:]))
    reading = library.read(found=found)
    (problem,) = problems(reading)
    assert problem.startswith(f"R/01 A.wav: reports a size of {size:,} bytes")
    assert [each.file_name for each in reading.catalog.releases[0].items] == [
        "02 B.wav"
    ]


def test_unexpected_error_is_a_problem_of_one_file(
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The problem names the file, and other files are offered."""
    library.release("R")
    real = indexing._hash

    def fail(*arguments: object) -> tuple[bytes, int]:
        found = real(*arguments)  # type: ignore[arg-type] # passed on
        if found[1] == zlib.crc32(wav(1)):
            raise OverflowError("too large")
        return found

    monkeypatch.setattr(indexing, "_hash", fail)
    reading = library.read()
    (problem,) = problems(reading)
    assert problem.startswith("R/01 A.wav: could not be read: OverflowError")
    assert "R/01 A.wav could not be read" in caplog.text
    assert len(reading.catalog.releases[0].items) == 1


def test_release_is_held_back_if_a_file_changes_while_read(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening a file on a network mount may update its cached status."""
    library.release("R")
    path = library.root / "R/01 A.wav"
    found = scan(library.root)
    real = indexing._hash

    def grow(*arguments: object) -> tuple[bytes, int]:
        digests = real(*arguments)  # type: ignore[arg-type] # passed on
        if path.stat().st_mtime_ns != 1:
            os.utime(path, ns=(1, 1))
        return digests

    monkeypatch.setattr(indexing, "_hash", grow)
    reading = library.read(found=found)
    assert problems(reading) == [
        "R/01 A.wav: is being changed; not offered yet"
    ]
    assert reading.retrying
    assert reading.catalog.releases == ()
    monkeypatch.undo()
    again = library.read(reading)
    assert problems(again) == []
    assert len(again.catalog.releases[0].items) == 2


def test_file_deleted_while_loading_is_a_problem(library: Library) -> None:
    library.release("R")
    found = scan(library.root)
    (library.root / "R/01 A.wav").unlink()
    os.mkfifo(library.root / "R/01 A.wav")
    (library.root / "R/02 B.wav").unlink()
    assert problems(library.read(found=found)) == [
        "R/01 A.wav: is being changed; not offered yet",
    ]
    (library.root / "R/01 A.wav").unlink()
    library.put("R/01 A.wav", wav(1))
    library.put("R/02 B.wav", wav(2))
    found = scan(library.root)
    (library.root / "R/02 B.wav").unlink()
    assert problems(library.read(found=found)) == [
        "R/02 B.wav: can't be read: No such file or directory",
    ]


@pytest.mark.parametrize("known", [False, True])
def test_unreadable_file_is_not_offered(
    unprivileged_library: Library,
    *,
    known: bool,
) -> None:
    library = unprivileged_library
    library.release("R")
    library.release("S")
    if known:
        library.read()
    (library.root / "R/01 A.wav").chmod(0)
    (library.root / "S").chmod(0)
    with without_rights():
        reading = library.read()
    assert problems(reading) == [
        "R/01 A.wav: can't be read: Permission denied",
        "S: can't be read: Permission denied",
    ]
    (release,) = reading.catalog.releases
    assert [item.file_name for item in release.items] == ["02 B.wav"]
    (library.root / "R/01 A.wav").chmod(0o644)
    (library.root / "S").chmod(0o755)
    with without_rights():
        mended = library.read(reading)
    assert problems(mended) == []
    assert len(mended.catalog.by_id) == 6


def test_unreadable_file_keeps_its_index_entry(
    unprivileged_library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = unprivileged_library
    library.release("R")
    library.release("S")
    first = library.read()
    (library.data / FILE_NAME).chmod(0o666)
    (library.root / "S").chmod(0)
    with without_rights():
        second = library.read(first)
    (library.root / "S").chmod(0o755)
    monkeypatch.setattr(
        indexing, "_read_file", lambda *_, **__: pytest.fail("read")
    )
    assert library.read(second).catalog == first.catalog


def test_progress_is_reported(library: Library) -> None:
    library.release("R")
    said: list[tuple[int, ...]] = []
    with FileIndex.open(library.data) as index:
        index_files(
            library.root,
            index,
            scan(library.root).folders,
            parser=shared_parser.shared(),
            stopping=lambda: False,
            progress=lambda *figures: said.append(figures),
        )
    size = len(wav(1))
    assert said == [(1, 2, size, 2 * size), (2, 2, 2 * size, 2 * size)]


def test_indexing_stops_on_request(library: Library) -> None:
    library.release("R")
    with FileIndex.open(library.data) as index, pytest.raises(IndexingStopped):
        index_files(
            library.root,
            index,
            scan(library.root).folders,
            parser=shared_parser.shared(),
            stopping=lambda: True,
            progress=lambda *_: None,
        )


def test_index_is_saved_while_indexing(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted first load continues where it stopped."""
    monkeypatch.setattr(indexing, "_SAVE_FILES", 1)
    library.release("R")
    found = scan(library.root)

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    with (
        FileIndex.open(library.data) as index,
        pytest.raises(KeyboardInterrupt),
    ):
        index_files(
            library.root,
            index,
            found.folders,
            parser=shared_parser.shared(),
            stopping=lambda: False,
            progress=end,
        )
    with FileIndex.open(library.data) as index:
        assert index.find(found.folders[0].files[0])

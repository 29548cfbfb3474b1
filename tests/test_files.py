# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Private folders, atomically written files and folder locks."""

import os
import stat
from pathlib import Path

import pytest

from msrv.files import (
    SECRET_BYTES,
    UnreadableSecret,
    lock_folder,
    make_private_folder,
    read_secret,
    sync_folder,
    write_file,
)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_private_folder_is_created_with_its_parents(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b")
    assert mode_of(tmp_path / "a" / "b") == 0o700


def test_readable_folder_becomes_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    (folder / "ledger.sqlite3").touch()
    make_private_folder(folder)
    assert mode_of(folder) == 0o700
    assert (folder / "ledger.sqlite3").exists()


def test_file_in_the_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(OSError, match="exists"):
        make_private_folder(tmp_path / "data")


def test_write_file_replaces_an_existing_file(tmp_path: Path) -> None:
    path = tmp_path / "state"
    assert write_file(path, b"first")
    assert write_file(path, b"second")
    assert path.read_bytes() == b"second"
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_write_file_without_overwrite_keeps_an_existing_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "nonce"
    assert write_file(path, b"first", overwrite=False)
    assert not write_file(path, b"second", overwrite=False)
    assert path.read_bytes() == b"first"
    assert [each.name for each in tmp_path.iterdir()] == ["nonce"]


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_write_file_sets_the_mode(tmp_path: Path, mode: int) -> None:
    umask = os.umask(0o022)
    try:
        write_file(tmp_path / "key", b"", mode=mode)
    finally:
        os.umask(umask)
    assert mode_of(tmp_path / "key") == mode


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_failed_write_leaves_the_old_file_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "state"
    write_file(path, b"old")
    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_data_is_synced_before_it_is_named_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state"
    synced = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append(("folder" if is_folder else "file", path.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    write_file(path, b"data")
    assert synced == [("file", False), ("folder", True)]


def test_cached_file_is_written_without_a_folder_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise AssertionError

    monkeypatch.setattr("msrv.files.sync_folder", refuse)
    assert write_file(tmp_path / "cover.jpg", b"", durable_name=False)


def test_sync_of_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")


def test_folder_is_locked_until_its_descriptor_is_closed(
    tmp_path: Path,
) -> None:
    descriptor = lock_folder(tmp_path)
    assert descriptor is not None
    assert lock_folder(tmp_path) is None
    os.close(descriptor)
    again = lock_folder(tmp_path)
    assert again is not None
    os.close(again)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_line_ends_after_a_secret_are_dropped(
    tmp_path: Path, end: str
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(f" p\u00e4ss word {end}".encode())
    assert read_secret(path) == " p\u00e4ss word "


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "it is empty"),
        (b" \r\n", "it is empty"),
        (b"hunter2\xff", "it is not text in UTF-8"),
        (b"x" * (SECRET_BYTES + 1), "it is longer than 65,536 bytes"),
    ],
    ids=["missing", "empty", "blank", "binary", "long"],
)
def test_file_without_a_secret_is_an_error_that_does_not_repeat_it(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableSecret) as caught:
        read_secret(path)
    assert str(caught.value) == reason
    assert "hunter2" not in repr(caught.value.__cause__)


def test_device_is_not_read_for_a_secret_to_its_end() -> None:
    with pytest.raises(UnreadableSecret, match="longer"):
        read_secret(Path("/dev/zero"))

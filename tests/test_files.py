"""Folders for the store's own user alone."""

from pathlib import Path

import pytest

from msrv.files import make_private_folder


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_private_folder_is_created_with_its_parents(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b")
    assert mode_of(tmp_path / "a" / "b") == 0o700


def test_open_folder_of_ours_is_closed(tmp_path: Path) -> None:
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

"""The one secret, where the operator gave none."""

import threading
from pathlib import Path

import pytest

from msrv import settings
from msrv.cli.nonce import find_nonce
from msrv.proofs.nonce_strength import weakness
from msrv.settings import WrongSetting


def test_one_is_made_once_and_kept(tmp_path: Path) -> None:
    """Every restart ends every receipt."""
    found = settings.load({"MSRV_DATA": str(tmp_path / "new" / "data")})
    made, warning = find_nonce(found)
    assert weakness(made) is None
    assert warning
    assert "no receipt and no link" in warning
    assert made not in warning
    assert find_nonce(found)[0] == made
    path = tmp_path / "new" / "data" / "nonce"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_given_one_is_taken(tmp_path: Path) -> None:
    """A file that lies about overrules the operator."""
    (tmp_path / "nonce").write_text("kept", encoding="utf-8")
    found = settings.load({"MSRV_DATA": str(tmp_path), "NONCE": "given"})
    assert find_nonce(found) == ("given", None)


def test_two_starts_at_once_agree(tmp_path: Path) -> None:
    """Two replicas that start together refuse each other's receipts."""
    found = settings.load({"MSRV_DATA": str(tmp_path)})
    barrier = threading.Barrier(8)
    made: list[str] = []

    def start() -> None:
        barrier.wait()
        made.append(find_nonce(found)[0])

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_an_emptied_file_stops_the_start(tmp_path: Path) -> None:
    """A full disk empties the file, and the store makes itself a new key."""
    (tmp_path / "nonce").touch()
    found = settings.load({"MSRV_DATA": str(tmp_path)})
    with pytest.raises(WrongSetting, match="is empty"):
        find_nonce(found)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """An operator reads a traceback, not what to set."""
    file = tmp_path / "file"
    file.touch()
    found = settings.load({"MSRV_DATA": str(file / "data")})
    with pytest.raises(WrongSetting, match="NONCE is not set, and"):
        find_nonce(found)

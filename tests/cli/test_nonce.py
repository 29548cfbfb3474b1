# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The generated NONCE file."""

import threading
from pathlib import Path

import pytest

from msrv import settings
from msrv.cli.nonce import find_nonce, load_keyring
from msrv.proofs.nonce_strength import weakness
from msrv.settings import WrongSetting


def test_warning_is_for_a_new_file_and_for_the_start_of_the_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = settings.load({"MSRV_DATA": str(tmp_path)})
    load_keyring(found)
    assert "Keep a copy" in caplog.text
    caplog.clear()
    load_keyring(found)
    assert caplog.text == ""
    load_keyring(found, starts_store=True)
    assert "Keep a copy" in caplog.text


def test_nonce_is_generated_once_with_a_warning(tmp_path: Path) -> None:
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


def test_nonce_setting_overrides_the_file(tmp_path: Path) -> None:
    (tmp_path / "nonce").write_text("kept", encoding="utf-8")
    found = settings.load({"MSRV_DATA": str(tmp_path), "NONCE": "given"})
    assert find_nonce(found) == ("given", None)


def test_concurrent_starts_use_the_same_nonce(tmp_path: Path) -> None:
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


def test_empty_nonce_file_prevents_the_start(tmp_path: Path) -> None:
    (tmp_path / "nonce").touch()
    found = settings.load({"MSRV_DATA": str(tmp_path)})
    with pytest.raises(WrongSetting, match="is empty"):
        find_nonce(found)


def test_nonce_file_that_is_no_text_prevents_the_start(tmp_path: Path) -> None:
    (tmp_path / "nonce").write_bytes(b"\xff" * 40)
    found = settings.load({"MSRV_DATA": str(tmp_path)})
    with pytest.raises(WrongSetting, match="nonce is not UTF-8 text"):
        find_nonce(found)


def test_unwritable_data_folder_names_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    found = settings.load({"MSRV_DATA": str(file / "data")})
    with pytest.raises(WrongSetting, match="NONCE is not set, and"):
        find_nonce(found)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Locks of a data folder, between stores and a restore."""

import os
from pathlib import Path

import pytest

from msrv.settings import Settings
from msrv.storage.data_folder import (
    DRAFT_NAME,
    DataFolderLocked,
    exclusive_lock,
    shared_lock,
)
from tests.conftest import StartStore


def test_several_stores_share_a_folder(tmp_path: Path) -> None:
    with shared_lock(tmp_path / "new"), shared_lock(tmp_path / "new"):
        pass


def test_restore_waits_for_no_store(tmp_path: Path) -> None:
    with (
        shared_lock(tmp_path),
        pytest.raises(DataFolderLocked, match="stop it first"),
        exclusive_lock(tmp_path),
    ):
        pass
    with exclusive_lock(tmp_path):
        pass


def test_store_does_not_start_during_a_restore(tmp_path: Path) -> None:
    with (
        exclusive_lock(tmp_path),
        pytest.raises(DataFolderLocked, match="is being restored"),
        shared_lock(tmp_path),
    ):
        pass
    with shared_lock(tmp_path):
        pass


def test_store_does_not_start_after_half_a_restore(tmp_path: Path) -> None:
    (tmp_path / DRAFT_NAME).mkdir()
    with (
        pytest.raises(DataFolderLocked, match="msrv restore"),
        shared_lock(tmp_path),
    ):
        pass


def test_folder_without_locks_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("msrv.files.fcntl.flock", fail)
    with shared_lock(tmp_path):
        pass
    with pytest.raises(OSError, match="No locks"), exclusive_lock(tmp_path):
        pass


async def test_running_store_holds_the_lock(
    start_store: StartStore, settings: Settings
) -> None:
    client = await start_store(settings)
    with pytest.raises(DataFolderLocked), exclusive_lock(settings.data):
        pass
    await client.close()
    with exclusive_lock(settings.data):
        assert os.listdir(settings.data)  # noqa: PTH208 - any name

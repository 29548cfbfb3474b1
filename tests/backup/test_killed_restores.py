# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Restores that were killed are run again."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from msrv.backup.errors import BackupError
from msrv.ledger.db import schema_upgrade
from msrv.storage.data_folder import (
    DRAFT_NAME,
    DataFolderLocked,
    shared_lock,
)
from tests.backup import killed_restores
from tests.backup.conftest import NewFolder
from tests.backup.filled_stores import BACKUP, StoreFolder
from tests.ledger.sample_events import sale
from tests.store_process import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_restore_that_was_killed_is_run_again(
    sold: StoreFolder, new_folder: NewFolder, kind: str, tmp_path: Path
) -> None:
    """Killed at many moments: the store is kept from starting until then."""
    sold.insert(
        "titles",
        [
            {"item_id": f"many-{number}", "title": "x" * 200}
            for number in range(3000)
        ],
    )
    sold.back_up(tmp_path / BACKUP)
    target = new_folder(kind)
    killed = subprocess.run(
        [
            sys.executable,
            str(Path(killed_restores.__file__)),
            str(tmp_path / BACKUP),
            str(target.data),
            *([target.url] if target.url else []),
        ],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert killed.returncode == 0, killed.stderr
    assert int(killed.stdout) > 2
    assert target.rows() == sold.rows()
    with shared_lock(target.data):
        assert not (target.data / DRAFT_NAME).exists()


def test_restore_that_was_killed_after_its_last_step_only_finishes(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    manifest = sold.back_up(tmp_path / BACKUP)
    empty.restore(tmp_path / BACKUP)
    before = empty.files()
    draft = empty.data / DRAFT_NAME
    draft.mkdir()
    text = manifest.model_dump_json()
    (draft / "moved").write_text(hashlib.sha256(text.encode()).hexdigest())
    empty.restore(tmp_path / BACKUP)
    assert not draft.exists()
    assert empty.files() == before
    assert json.loads(text)["contents"]["orders"] == 3
    assert manifest.revision == schema_upgrade.HEAD


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_restore_without_rows_that_failed_moves_the_rest(
    new_folder: NewFolder,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A ledger without rows is not told from one that was restored."""
    source = new_folder("sqlite")
    source.create_tables()
    source.spool(sale(1))
    (source.data / "outbox").mkdir()
    (source.data / "outbox" / "AAAA.json").write_text("{}")
    source.back_up(tmp_path / BACKUP)
    target = new_folder(kind)
    replace = Path.replace

    def fail_once(path: Path, place: Path) -> Path:
        if place.name == "00000001.log":
            monkeypatch.undo()
            raise OSError(28, "No space left on device")
        return replace(path, place)

    monkeypatch.setattr(Path, "replace", fail_once)
    with pytest.raises(BackupError, match="No space left"):
        target.restore(tmp_path / BACKUP)
    with (
        pytest.raises(DataFolderLocked, match=r"msrv restore` again$"),
        shared_lock(target.data),
    ):
        pass
    target.restore(tmp_path / BACKUP)
    expected = source.files().keys() | {"restored/settings.env"}
    assert target.files().keys() == expected
    assert target.rows() == source.rows()


def test_draft_can_be_deleted_before_files_are_moved(
    empty: StoreFolder,
) -> None:
    draft = empty.data / DRAFT_NAME
    draft.mkdir(parents=True)
    with (
        pytest.raises(DataFolderLocked, match=f"or delete {draft} to start"),
        shared_lock(empty.data),
    ):
        pass

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

from msrv.ledger.db import schema_upgrade
from msrv.storage.data_folder import DRAFT_NAME, shared_lock
from tests.backup import killed_restores
from tests.backup.conftest import NewFolder
from tests.backup.filled_stores import BACKUP, StoreFolder
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

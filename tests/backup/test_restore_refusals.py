# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Restores that would lose something are refused."""

import contextlib
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from msrv.backup.errors import BackupError, RestoreRefused
from msrv.ledger.db.database import FILE_NAME as LEDGER_NAME
from msrv.ledger.events import Event
from msrv.ledger.operators.acts import CLI, OperatorAct
from msrv.storage.data_folder import DataFolderLocked, shared_lock
from tests.backup.conftest import NewFolder
from tests.backup.filled_stores import BACKUP, StoreFolder
from tests.backup.running_shop import Shop, make_library
from tests.ledger.sample_events import sale
from tests.store_process import START_SECONDS


def act(actor: str) -> OperatorAct:
    return OperatorAct("one", 1, "cli", "make-link", "", actor)


def has_releases(ledger: Path) -> bool:
    with (
        contextlib.suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as db,
    ):
        found = db.execute("SELECT * FROM published_releases")
        return found.fetchone() is not None
    return False


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
@pytest.mark.parametrize(
    ("event", "found"),
    [(sale(9), "1 in orders"), (act("operator.anna"), "1 in acts")],
    ids=["a sale", "an operator's act"],
)
def test_database_with_rows_is_not_touched(
    sold: StoreFolder,
    new_folder: NewFolder,
    kind: str,
    event: Event,
    found: str,
    tmp_path: Path,
) -> None:
    sold.back_up(tmp_path / BACKUP)
    target = new_folder(kind)
    target.create_tables()
    target.record(event)
    before = target.rows(), target.files()
    with pytest.raises(RestoreRefused, match=found):
        target.restore(tmp_path / BACKUP)
    assert (target.rows(), target.files()) == before


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_store_that_was_started_and_sold_nothing_is_restored_into(
    sold: StoreFolder, new_folder: NewFolder, kind: str, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    target = new_folder(kind)
    target.create_tables()
    target.start_once()
    (target.data / "configuration.json").write_text("{}")
    done = target.restore(tmp_path / BACKUP)
    assert target.rows() == sold.rows()
    (kept,) = done.kept
    assert kept.name == "configuration.json.before-restore"
    assert kept.read_text() == "{}"


def test_store_that_ran_for_a_moment_is_restored_into(
    sold: StoreFolder, tmp_path: Path
) -> None:
    """Long enough that it has written to its ledger."""
    sold.back_up(tmp_path / BACKUP)
    shop = Shop(tmp_path / "shop")
    make_library(shop.folder / "library")
    target = StoreFolder(shop.data)
    shop.start()
    try:
        until = time.monotonic() + START_SECONDS
        while not has_releases(target.data / LEDGER_NAME):
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        shop.kill()
    target.restore(tmp_path / BACKUP)
    assert target.rows() == sold.rows()


def test_numbers_of_codes_that_were_made_are_not_lost(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    """Codes may be printed already; the next ones would be the same."""
    sold.back_up(tmp_path / BACKUP)
    empty.create_tables()
    empty.insert("marks", [{"name": "codes.vinyl", "value": 100}])
    with pytest.raises(RestoreRefused, match="1 in marks"):
        empty.restore(tmp_path / BACKUP)


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_acts_of_the_command_line_are_no_obstacle(
    sold: StoreFolder, new_folder: NewFolder, kind: str, tmp_path: Path
) -> None:
    """A sign-in link to look at the new store, for example."""
    sold.back_up(tmp_path / BACKUP)
    target = new_folder(kind)
    target.create_tables()
    target.record(act(CLI))
    target.restore(tmp_path / BACKUP)
    assert target.rows() == sold.rows()


@pytest.mark.parametrize("end", ["", "\n"])
def test_nonce_of_the_backup_is_no_obstacle(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path, end: str
) -> None:
    """A store that generated it wrote a line feed after it."""
    identity = sold.back_up_secrets(tmp_path / BACKUP, NONCE="now")
    empty.data.mkdir()
    (empty.data / "nonce").write_text(f"now{end}")
    done = empty.restore(tmp_path / BACKUP, identities=[identity])
    assert done.kept == []
    assert (empty.data / "nonce").read_text().strip() == "now"


@pytest.mark.parametrize(
    "name", ["nonce", "outbox/AAAA.json", "studio/closed"]
)
def test_file_that_would_be_lost_is_named(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path, name: str
) -> None:
    identity = sold.back_up_secrets(tmp_path / BACKUP, NONCE="now")
    other = empty.data / name
    other.parent.mkdir(parents=True)
    other.write_text("another")
    with pytest.raises(RestoreRefused) as caught:
        empty.restore(tmp_path / BACKUP, identities=[identity])
    assert str(other) in str(caught.value)
    assert other.read_text() == "another"
    assert set(empty.files()) == {name}


def test_what_the_backup_does_not_have_stays(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    path = empty.spool(sale(9), name="0002-cd")
    before = path.read_bytes()
    empty.restore(tmp_path / BACKUP)
    assert path.read_bytes() == before


def test_running_store_is_not_restored_over(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    with (
        shared_lock(empty.data),
        pytest.raises(DataFolderLocked, match="stop it first"),
    ):
        empty.restore(tmp_path / BACKUP)
    empty.restore(tmp_path / BACKUP)


def test_ledger_that_is_no_database_is_not_touched(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    empty.data.mkdir()
    path = empty.data / "ledger.sqlite3"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(RestoreRefused, match="move it away"):
        empty.restore(tmp_path / BACKUP)
    assert path.read_bytes() == b"not a database" * 1000


def test_full_disk_is_reported_before_anything_is_written(
    sold: StoreFolder,
    empty: StoreFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sold.back_up(tmp_path / BACKUP)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: usage._replace(free=1_000_000)
    )
    with pytest.raises(BackupError, match="needs 16 MB"):
        empty.restore(tmp_path / BACKUP)
    assert empty.files() == {}

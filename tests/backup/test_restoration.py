# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Backups of one database, restored into the same kind and into the other."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from msrv.backup.errors import BackupError, RestoreRefused
from msrv.backup.reader import BackupFile
from msrv.ledger.db import schema_upgrade
from msrv.ledger.errors import SchemaTooNew, SchemaTooOld
from msrv.storage.data_folder import DRAFT_NAME, DataFolderLocked, shared_lock
from tests.backup import killed_restores
from tests.backup.conftest import NewFolder
from tests.backup.filled_stores import WAITING, StoreFolder, names_in
from tests.ledger.sample_events import order_id, sale

ROOT = Path(__file__).parents[2]
BACKUP = "b.tar.gz"


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_every_row_is_restored_into_either_database(
    source: StoreFolder, new_folder: NewFolder, kind: str, tmp_path: Path
) -> None:
    manifest = source.back_up(tmp_path / BACKUP)
    target = new_folder(kind)
    done = target.restore(tmp_path / BACKUP)
    assert target.rows() == source.rows()
    assert done.rows == manifest.rows
    assert manifest.contents.orders == len(source.rows()["orders"]) == 3
    assert manifest.contents.refunds == 1


def test_files_are_restored_with_their_times(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    empty.restore(tmp_path / BACKUP)
    old, new = sold.files(), empty.files()
    assert new.pop("restored/settings.env")[0] == b"MSRV_LINK_HOURS=48\n"
    (segment,) = (
        name for name in old if name.endswith(".log") and "0" in name
    )
    # Without allocated space, and without the record that was torn.
    assert old.pop(segment)[0].startswith(new.pop(segment)[0])
    assert new == old
    assert DRAFT_NAME not in names_in(empty.data)
    assert not list(empty.data.glob("ledger.sqlite3-*"))


def test_restored_files_are_private(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    assert (tmp_path / BACKUP).stat().st_mode & 0o777 == 0o600
    empty.restore(tmp_path / BACKUP)
    open_to_others = [
        path for path in empty.data.rglob("*") if path.stat().st_mode & 0o077
    ]
    assert open_to_others == []
    assert empty.data.stat().st_mode & 0o777 == 0o700


def test_event_in_the_spool_and_in_the_database_counts_once(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    empty.restore(tmp_path / BACKUP)
    empty.record(*WAITING)  # as the sync does
    found = [row["order_id"] for row in empty.rows()["orders"]]
    assert found == [order_id(number) for number in (1, 2, 3, 4)]


def test_memory_does_not_grow_with_the_ledger(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    """Rows of 12 MB pass through 6 MB of memory, in both directions."""
    sold.insert(
        "item_contents",
        [
            {
                "item_id": f"many-{number}",
                "kind": "track",
                "release_id": "",
                "title": "x" * 200,
                "release_title": "y" * 200,
                "path": f"{number}/" + "z" * 600,
                "sha256": "",
                "duration_ms": None,
                "changed_at_ms": number,
            }
            for number in range(12_000)
        ],
    )
    tracemalloc.start()
    try:
        sold.back_up(tmp_path / BACKUP)
        empty.restore(tmp_path / BACKUP)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    manifest = BackupFile(tmp_path / BACKUP).verify(lambda _: None)
    assert manifest.size_bytes > 12_000_000
    assert peak < 6_000_000


def test_mails_can_be_kept_from_being_sent(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    empty.restore(tmp_path / BACKUP, mail=False)
    assert not (empty.data / "outbox/AAAA.json").exists()
    assert (empty.data / "restored/outbox/AAAA.json").read_text() == "{}"


def test_secrets_are_restored_where_the_operator_asked_for_them(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    from pyrage import x25519  # noqa: PLC0415 - an extra

    identity = x25519.Identity.generate()
    sold.back_up(
        tmp_path / BACKUP,
        secrets={"NONCE": "now", "NONCE_PREVIOUS": "before"},
        recipients=[identity.to_public()],
    )
    done = empty.restore(tmp_path / BACKUP, identities=[identity])
    assert done.nonce == empty.data / "nonce"
    assert done.nonce_previous is not None
    assert done.nonce.read_text().strip() == "now"
    assert done.nonce_previous.read_text().strip() == "before"
    assert done.nonce.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_database_with_rows_is_not_touched(
    sold: StoreFolder, new_folder: NewFolder, kind: str, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    target = new_folder(kind)
    target.create_tables()
    target.record(sale(9))
    before = target.rows(), target.files()
    with pytest.raises(RestoreRefused, match="1 in orders"):
        target.restore(tmp_path / BACKUP)
    assert (target.rows(), target.files()) == before


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_store_that_was_started_and_sold_nothing_is_restored_into(
    sold: StoreFolder, new_folder: NewFolder, kind: str, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    target = new_folder(kind)
    target.create_tables()
    (target.data / "configuration.json").write_text("{}")
    done = target.restore(tmp_path / BACKUP)
    assert target.rows() == sold.rows()
    (kept,) = done.kept
    assert kept.name == "configuration.json.before-restore"
    assert kept.read_text() == "{}"


@pytest.mark.parametrize(
    "name", ["nonce", "outbox/AAAA.json", "studio/closed"]
)
def test_file_that_would_be_lost_is_named(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path, name: str
) -> None:
    from pyrage import x25519  # noqa: PLC0415 - an extra

    identity = x25519.Identity.generate()
    sold.back_up(
        tmp_path / BACKUP,
        secrets={"NONCE": "now"},
        recipients=[identity.to_public()],
    )
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


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_disk_that_fails_meanwhile_changes_nothing(
    sold: StoreFolder,
    new_folder: NewFolder,
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sold.back_up(tmp_path / BACKUP)
    target = new_folder(kind)
    from msrv.backup.restored_files import Draft  # noqa: PLC0415 - patched

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Draft, "move_files", fail)
        with pytest.raises(BackupError, match="No space left"):
            target.restore(tmp_path / BACKUP)
    assert target.files() == {}
    target.restore(tmp_path / BACKUP)
    assert target.rows() == sold.rows()


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_older_backup_is_upgraded(
    new_folder: NewFolder, kind: str, tmp_path: Path
) -> None:
    old = new_folder(kind)
    old.create_tables("0001")
    old.record(sale(1))
    manifest = old.back_up(tmp_path / BACKUP)
    assert manifest.revision == "0001"
    assert "acts" not in manifest.tables
    target = new_folder(kind)
    target.restore(tmp_path / BACKUP)
    rows = target.rows()  # of all tables of this version
    assert [row["order_id"] for row in rows["orders"]] == [order_id(1)]
    assert rows["acts"] == []


def test_sales_of_a_store_without_tables_are_restored(
    new_folder: NewFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    """It was killed before it had created them."""
    young = new_folder("sqlite")
    young.spool(sale(1))
    (young.data / "ledger.sqlite3").touch()
    manifest = young.back_up(tmp_path / BACKUP)
    assert manifest.contents.events == 1
    empty.restore(tmp_path / BACKUP)
    empty.record(sale(1))
    assert len(empty.rows()["orders"]) == 1
    assert len(empty.rows()["marks"]) == 1


def test_older_backup_is_restored_into_newer_tables(
    new_folder: NewFolder, tmp_path: Path
) -> None:
    """Where the store's own user may not create tables."""
    old = new_folder("sqlite")
    old.create_tables("0001")
    old.record(sale(1))
    old.back_up(tmp_path / BACKUP)
    target = new_folder("mariadb")
    target.create_tables()
    target.restore(tmp_path / BACKUP)
    assert len(target.rows()["orders"]) == 1


def test_newer_backup_needs_newer_tables(
    sold: StoreFolder, new_folder: NewFolder, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    target = new_folder("mariadb")
    target.create_tables("0001")
    with pytest.raises(RestoreRefused, match="ledger upgrade"):
        target.restore(tmp_path / BACKUP)


def test_newer_tables_are_not_backed_up(
    sold: StoreFolder, tmp_path: Path
) -> None:
    sold.run_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew):
        sold.back_up(tmp_path / BACKUP)
    assert list(tmp_path.glob("*.gz")) == []


def test_server_without_tables_is_not_backed_up(
    new_folder: NewFolder, tmp_path: Path
) -> None:
    folder = new_folder("mariadb")
    folder.data.mkdir()
    with pytest.raises(SchemaTooOld):
        folder.back_up(tmp_path / BACKUP)


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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Backups of one database, restored into the same kind and into the other."""

import contextlib
import os
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from msrv.backup.errors import BackupError
from msrv.backup.reader import BackupFile
from msrv.ledger.db.database import FILE_NAME as LEDGER_NAME
from msrv.ledger.db.database import Database
from msrv.ledger.errors import SchemaTooNew, SchemaTooOld
from msrv.storage.data_folder import DRAFT_NAME
from tests.backup.conftest import NewFolder
from tests.backup.filled_stores import BACKUP, WAITING, StoreFolder, names_in
from tests.catalog.unprivileged import NOBODY
from tests.ledger.sample_events import order_id, sale


@pytest.mark.parametrize("kind", ["sqlite", "mariadb", "postgresql"])
def test_every_row_is_restored_into_each_database(
    source: StoreFolder, new_folder: NewFolder, kind: str, tmp_path: Path
) -> None:
    manifest = source.back_up(tmp_path / BACKUP)
    target = new_folder(kind)
    done = target.restore(tmp_path / BACKUP)
    rows = source.rows()
    if kind == "postgresql":
        # Its texts can't contain NUL.
        for each in rows["titles"]:
            each["title"] = each["title"].replace(
                "\0", "\N{REPLACEMENT CHARACTER}"
            )
    assert target.rows() == rows
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_restores_belongs_to_the_user_of_the_store(
    sold: StoreFolder, empty: StoreFolder, tmp_path: Path
) -> None:
    sold.back_up(tmp_path / BACKUP)
    empty.data.mkdir()
    os.chown(empty.data, NOBODY, NOBODY)
    empty.restore(tmp_path / BACKUP)
    owners = {path: path.stat().st_uid for path in empty.data.rglob("*")}
    assert empty.data / "ledger.sqlite3" in owners
    assert [path for path, each in owners.items() if each != NOBODY] == []


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


def test_rows_that_stay_in_the_log_of_the_database_are_not_lost(
    sold: StoreFolder,
    empty: StoreFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a full disk: then closing a database reports nothing, either."""
    sold.back_up(tmp_path / BACKUP)
    draft = empty.data / DRAFT_NAME / LEDGER_NAME
    close = Database.close
    with contextlib.ExitStack() as readers:

        async def close_while_it_is_read(database: Database) -> None:
            reader = readers.enter_context(closing(sqlite3.connect(draft)))
            reader.execute("BEGIN")
            assert reader.execute("SELECT * FROM orders").fetchall()
            await close(database)

        monkeypatch.setattr(Database, "close", close_while_it_is_read)
        with pytest.raises(BackupError, match=f"can't write {draft}"):
            empty.restore(tmp_path / BACKUP)
    monkeypatch.undo()
    assert names_in(empty.data) == ["lock"]
    empty.restore(tmp_path / BACKUP)
    assert empty.rows() == sold.rows()


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
    identity = sold.back_up_secrets(
        tmp_path / BACKUP, NONCE="now", NONCE_PREVIOUS="before"
    )
    done = empty.restore(tmp_path / BACKUP, identities=[identity])
    assert done.nonce == empty.data / "nonce"
    assert done.nonce_previous is not None
    assert done.nonce.read_text().strip() == "now"
    assert done.nonce_previous.read_text().strip() == "before"
    assert done.nonce.stat().st_mode & 0o777 == 0o600


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
    from msrv.backup.restore_draft import Draft  # noqa: PLC0415 - patched

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
    old.insert_old_sale()
    manifest = old.back_up(tmp_path / BACKUP)
    assert manifest.revision == "0001"
    assert "acts" not in manifest.tables
    target = new_folder(kind)
    target.restore(tmp_path / BACKUP)
    rows = target.rows()  # of all tables of this version
    assert [row["order_id"] for row in rows["orders"]] == [order_id(1)]
    assert rows["acts"] == []
    assert refunded_amounts(target) == {"song": 0, "album": 700}


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
    # The second counts the events that the sale was told by.
    assert sorted(row["name"] for row in empty.rows()["marks"]) == [
        "changes",
        "outgoing-events",
    ]


def test_older_backup_is_restored_into_newer_tables(
    new_folder: NewFolder, tmp_path: Path
) -> None:
    """Where the store's own user may not create tables."""
    old = new_folder("sqlite")
    old.create_tables("0001")
    old.insert_old_sale()
    old.back_up(tmp_path / BACKUP)
    target = new_folder("mariadb")
    target.create_tables()
    target.restore(tmp_path / BACKUP)
    assert len(target.rows()["orders"]) == 1
    assert refunded_amounts(target) == {"song": 0, "album": 700}


def refunded_amounts(folder: StoreFolder) -> dict[str, int]:
    """Return how much was refunded of each line, in minor units."""
    return {
        row["item_id"]: row["refunded_minor"]
        for row in folder.rows()["order_items"]
    }


def test_empty_tables_of_an_earlier_revision_are_upgraded(
    sold: StoreFolder, new_folder: NewFolder, tmp_path: Path
) -> None:
    """A restore that was killed between two migrations leaves such tables."""
    sold.back_up(tmp_path / BACKUP)
    target = new_folder("mariadb")
    target.create_tables("0001")
    target.restore(tmp_path / BACKUP)
    assert target.rows() == sold.rows()


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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Writing of backups: names, drafts, and what is left out."""

import io
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from msrv.backup.archive import read_members
from msrv.backup.data_files import (
    LEFT_OUT,
    Part,
    kind_of,
    open_files,
    read_marks,
    unknown_entries,
)
from msrv.backup.errors import BackupError
from msrv.backup.writer import (
    BackupSource,
    file_name,
    new_file,
    write_backup,
)
from msrv.ledger.connection_rules import DEFAULT_RULES
from msrv.ledger.errors import DatabaseUnavailable
from msrv.settings import Settings
from tests.backup.filled_stores import StoreFolder, names_in
from tests.catalog.unprivileged import open_folder, without_rights
from tests.conftest import StartStore
from tests.ledger.sample_events import sale
from tests.web.purchases import buy

NOON = 1_800_000_000


def test_names_sort_by_time() -> None:
    assert file_name(NOON, is_encrypted=False) == (
        "msrv-backup-20270115T080000Z.tar.gz"
    )
    assert file_name(NOON + 1, is_encrypted=True) == (
        "msrv-backup-20270115T080001Z.tar.gz.age"
    )


def test_file_has_its_name_once_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "b"
    with new_file(path) as file:
        file.write(b"text")
        assert not path.exists()
    assert path.read_bytes() == b"text"
    assert path.stat().st_mode & 0o777 == 0o600
    assert names_in(path.parent) == ["b"]


def test_file_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_file(tmp_path / "b") as file:
        file.write(bytes(1 // 0))
    assert names_in(tmp_path) == []


def test_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "b"
    path.write_bytes(b"old")
    with (
        pytest.raises(BackupError, match="exists already"),
        new_file(path) as file,
    ):
        file.write(b"new")
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["b"]


def test_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with new_file(tmp_path / "b"):
        pass
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_draft_of_a_killed_backup_is_removed_a_day_later(
    tmp_path: Path,
) -> None:
    old, new = (tmp_path / f".msrv-backup-{each}" for each in ("a", "b"))
    for each, age in ((old, 90_000), (new, 10)):
        each.touch()
        os.utime(each, (time.time() - age,) * 2)
    with new_file(tmp_path / "b"):
        pass
    assert not old.exists()
    assert new.exists()


def test_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(BackupError, match="--output"),
        new_file(tmp_path / "file" / "b"),
    ):
        pass


def test_nonce_is_never_written_unencrypted(sold: StoreFolder) -> None:
    source = BackupSource(
        sold.data, None, DEFAULT_RULES, "", [], {"NONCE": "secret"}
    )
    file = io.BytesIO()
    with pytest.raises(BackupError, match="--recipient"):
        write_backup(file, source)
    assert file.getvalue() == b""
    assert "secret" not in repr(source)


@pytest.mark.parametrize("exists", [False, True])
def test_folder_without_a_ledger_is_no_store(
    tmp_path: Path,
    exists: bool,  # noqa: FBT001 - a parameter
) -> None:
    folder = StoreFolder(tmp_path / "data")
    if exists:
        folder.data.mkdir()
    with pytest.raises(BackupError, match="MSRV_DATA"):
        folder.back_up(tmp_path / "b")
    assert not (folder.data / "ledger.sqlite3").exists()


def test_backup_waits_for_the_ledger_of_a_store_that_has_just_started(
    tmp_path: Path,
) -> None:
    folder = StoreFolder(tmp_path / "data")
    folder.spool(sale(1))
    timer = threading.Timer(0.3, (folder.data / "ledger.sqlite3").touch)
    timer.start()
    manifest = folder.back_up(tmp_path / "b")
    timer.join()
    assert manifest.contents.events == 1


def test_database_that_is_down_makes_no_backup(tmp_path: Path) -> None:
    folder = StoreFolder(tmp_path / "data", "mysql://u:p@127.0.0.1:1/none")
    folder.data.mkdir()
    with pytest.raises(DatabaseUnavailable):
        folder.back_up(tmp_path / "out" / "b")
    assert names_in(tmp_path / "out") == []


@pytest.mark.parametrize("free_bytes", [0, 1000, 100_000])
def test_full_disk_is_not_taken_for_the_database(
    sold: StoreFolder, free_bytes: int
) -> None:
    class Disk(io.BytesIO):
        def write(self, data: Any) -> int:  # noqa: ANN401 - a buffer
            if self.tell() + len(data) > free_bytes:
                raise OSError(28, "No space left on device")
            return super().write(data)

    sold.insert(
        "titles",
        [
            {"item_id": f"many-{number}", "title": os.urandom(90).hex()}
            for number in range(5000)
        ],
    )
    source = BackupSource(sold.data, None, DEFAULT_RULES, "", [])
    with pytest.raises(OSError, match="No space left"):
        write_backup(Disk(), source)


def test_data_that_cannot_be_read_is_named(sold: StoreFolder) -> None:
    """Not the folder of the backup, which can be written to."""
    with open_folder() as folder:
        data = folder / "data"
        shutil.copytree(sold.data, data)
        (folder / "backups").mkdir()
        for each in folder.rglob("*"):
            each.chmod(0o777)
        for each in (data / "outbox").glob("*.json"):
            each.chmod(0o000)
        with (
            without_rights(),
            pytest.raises(BackupError) as caught,
            new_file(folder / "backups" / "b") as file,
        ):
            write_backup(file, BackupSource(data, None, DEFAULT_RULES, "", []))
        assert names_in(folder / "backups") == []
    assert f"MSRV_DATA: can't read {data / 'outbox'}" in str(caught.value)
    assert "run this as the store's user" in str(caught.value)


@pytest.mark.parametrize("name", ["spool", "spool/0001-ab", "outbox"])
def test_folder_that_cannot_be_read_is_named(
    sold: StoreFolder, name: str
) -> None:
    """One that root wrote, for example: the backup would be without it."""
    with open_folder() as folder:
        data = folder / "data"
        shutil.copytree(sold.data, data)
        for each in folder.rglob("*"):
            each.chmod(0o777)
        (data / name).chmod(0o000)
        with without_rights(), pytest.raises(BackupError) as caught:
            write_backup(
                io.BytesIO(), BackupSource(data, None, DEFAULT_RULES, "", [])
            )
    assert f"MSRV_DATA: can't read {data / name}" in str(caught.value)


def test_parts_are_read_in_the_order_in_which_a_store_writes(
    sold: StoreFolder, tmp_path: Path
) -> None:
    """A webhook, then its event, then its row; and a mail before its mark."""
    sold.back_up(tmp_path / "b")
    with (tmp_path / "b").open("rb") as file:
        names = [each.name for each in read_members(file)]

    def first(start: str) -> int:
        return next(
            i for i, each in enumerate(names) if each.startswith(start)
        )

    places = [
        first(each)
        for each in (
            "data/messages/",
            "data/spool/",
            "ledger/",
            "data/outbox/",
            "marks/",
        )
    ]
    assert places == sorted(places)
    last_row = max(
        i for i, each in enumerate(names) if each.startswith("ledger/")
    )
    assert last_row < first("data/outbox/")


def test_file_that_disappears_meanwhile_is_left_out(
    sold: StoreFolder,
) -> None:
    found = open_files(sold.data, Part.OUTBOX)
    first = next(found)
    (sold.data / "outbox" / "BBBB.damaged").unlink()
    assert first.path == "outbox/AAAA.json"
    assert list(found) == []


def test_drafts_are_left_out(sold: StoreFolder) -> None:
    (sold.data / "outbox" / ".CCCC.json.1234").touch()
    (sold.data / "outbox" / ".DDDD.json").touch()
    (sold.data / "outbox" / "done" / ".hidden").touch()
    names = [each.path for each in open_files(sold.data, Part.OUTBOX)]
    assert names == ["outbox/AAAA.json", "outbox/BBBB.damaged"]
    assert ("outbox/done/.hidden", NOON) not in read_marks(sold.data)
    assert len(read_marks(sold.data)) == 3


def test_segment_of_another_version_is_copied_whole(
    sold: StoreFolder,
) -> None:
    path = sold.spool(name="0009-ff")
    path.write_bytes(b"msrv-spool 9\nanything\0\0")
    sizes = {
        each.path: each.size_bytes
        for each in open_files(sold.data, Part.SPOOL)
    }
    assert sizes["spool/0009-ff/00000001.log"] == len(path.read_bytes())


@pytest.mark.parametrize(
    "path",
    [
        "../x.json",
        "outbox/../nonce",
        "nonce",
        "outbox/.x.json",
        "outbox/a/b.json",
        "spool/x.log",
        "spool/../../x.log",
        "ledger.sqlite3",
    ],
)
def test_path_outside_of_the_tables_has_no_kind(path: str) -> None:
    assert kind_of(path) is None


async def test_everything_in_a_data_folder_is_backed_up_or_left_out(
    start_store: StartStore, settings: Settings
) -> None:
    """What a store writes there is in one of the tables, with a reason."""
    store = await start_store(settings)
    await buy(store, "zine")
    await store.get("/covers/night-bus/320.jpg")
    # Of the container image, and of the systemd unit.
    (settings.data / "backups").mkdir()
    assert unknown_entries(settings.data) == []
    assert all(LEFT_OUT.values())
    (settings.data / "something-new").touch()
    assert unknown_entries(settings.data) == ["something-new"]

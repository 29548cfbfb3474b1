# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Verification of a backup before anything is written because of it."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from msrv.backup.archive import (
    HEADER_NAME,
    MANIFEST_NAME,
    ArchiveWriter,
    read_members,
)
from msrv.backup.errors import (
    BackupError,
    BackupTooNew,
    CannotDecrypt,
    DamagedBackup,
)
from msrv.backup.manifest import Manifest
from msrv.backup.reader import BackupFile, newest_backup, saved_input
from tests.backup.filled_stores import StoreFolder

Change = Callable[[dict[str, bytes]], object]


def rewrite(path: Path, change: Change, *, honest: bool = True) -> None:
    """Change the members of a backup; an honest manifest lists the new ones.

    As somebody would who can write a whole backup.
    """
    with path.open("rb") as file:
        members = {each.name: each.read() for each in read_members(file)}
    manifest = json.loads(members.pop(MANIFEST_NAME))
    change(members)
    out = io.BytesIO()
    writer = ArchiveWriter(out)
    for name, data in members.items():
        writer.add(name, data, 0)
    if honest:
        manifest["members"] = {
            name: each.model_dump() for name, each in writer.digests.items()
        }
    writer.add(MANIFEST_NAME, json.dumps(manifest).encode(), 0)
    writer.close()
    path.write_bytes(out.getvalue())


def verify(path: Path) -> Manifest:
    return BackupFile(path).verify(lambda _: None)


@pytest.fixture
def path(sold: StoreFolder, tmp_path: Path) -> Path:
    """Whole backup."""
    path = tmp_path / "b.tar.gz"
    sold.back_up(path)
    return path


def test_whole_backup_is_verified(path: Path) -> None:
    before = path.read_bytes()
    rewrite(path, lambda members: members)
    assert verify(path).contents.orders == 3
    assert before != path.read_bytes()  # other times


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("data/nonce", b"chosen by a stranger"),
        ("data/ledger.sqlite3", b""),
        ("data/cache/covers/x", b""),
        ("data/outbox/x/y.json", b""),
        ("data/spool/a/b/c.log", b""),
        ("ledger/other/000001.jsonl", b""),
        ("secrets/MSRV_STRIPE_KEY", b""),
        ("marks/1.jsonl", b""),
        ("authorized_keys", b""),
    ],
)
def test_member_that_no_backup_has_is_refused(
    path: Path, name: str, data: bytes
) -> None:
    rewrite(path, lambda members: members.update({name: data}))
    with pytest.raises(DamagedBackup, match="which no backup has"):
        verify(path)


def _remove(members: dict[str, bytes]) -> None:
    del members["data/outbox/AAAA.json"]


def _change(members: dict[str, bytes]) -> None:
    members["data/outbox/AAAA.json"] = b"[]"


def _add(members: dict[str, bytes]) -> None:
    members["data/outbox/ZZZZ.json"] = b"{}"


@pytest.mark.parametrize("change", [_remove, _change, _add])
def test_what_the_manifest_does_not_state_is_refused(
    path: Path, change: Change
) -> None:
    rewrite(path, change, honest=False)
    with pytest.raises(DamagedBackup, match="manifest"):
        verify(path)


def _rows(members: dict[str, bytes], text: bytes) -> None:
    members["ledger/orders/000001.jsonl"] = text


ORDER = {
    "order_id": "A" * 24,
    "sold_at": 1,
    "provider": "demo",
    "reference": "",
    "currency": "EUR",
    "total_minor": 1,
    "refunded_minor": 0,
}


@pytest.mark.parametrize(
    "rows",
    [
        b"not json\n",
        b"[1]\n",
        b"[" * 100_000 + b"\n",
        json.dumps({**ORDER, "sold_at": "x'); DROP TABLE orders"}).encode(),
        json.dumps({**ORDER, "sold_at": 2**63}).encode(),
        json.dumps({**ORDER, "sold_at": 1.5}).encode(),
        json.dumps({**ORDER, "sold_at": True}).encode(),
        json.dumps({**ORDER, "currency": None}).encode(),
        json.dumps({**ORDER, "currency": "\ud800"}).encode(),
        json.dumps({**ORDER, "more": 1}).encode(),
        json.dumps({"order_id": "x"}).encode(),
        json.dumps(ORDER).encode(),  # fewer than the manifest states
    ],
)
def test_invalid_rows_restore_nothing(
    path: Path, empty: StoreFolder, rows: bytes
) -> None:
    rewrite(path, lambda members: _rows(members, rows))
    with pytest.raises(DamagedBackup):
        empty.restore(path)
    assert empty.files() == {}
    assert not (empty.data / "ledger.sqlite3").exists()


@pytest.mark.parametrize(
    "text",
    [
        b"[1]\n",
        b'["outbox/done/../../x", 1]\n',
        b'["/etc/x", 1]\n',
        b'["outbox/done/x", -1]\n',
        b'["outbox/done/x", "1"]\n',
        b'["cache/x", 1]\n',
        b'[["outbox/done/x"], 1]\n',
    ],
)
def test_invalid_marks_restore_nothing(
    path: Path, empty: StoreFolder, text: bytes
) -> None:
    rewrite(path, lambda members: members.update({"marks/000001.jsonl": text}))
    with pytest.raises(DamagedBackup, match="mark"):
        empty.restore(path)
    assert empty.files() == {}


def test_newer_format_is_named(path: Path) -> None:
    rewrite(
        path, lambda members: members.update({HEADER_NAME: b'{"format":2}'})
    )
    with pytest.raises(BackupTooNew, match="newer version"):
        verify(path)


def test_newer_tables_are_named(path: Path) -> None:
    with path.open("rb") as file:
        members = {each.name: each.read() for each in read_members(file)}
    manifest = json.loads(members.pop(MANIFEST_NAME)) | {"revision": "9999"}
    out = io.BytesIO()
    writer = ArchiveWriter(out)
    for name, data in members.items():
        writer.add(name, data, 0)
    manifest["members"] = {
        name: each.model_dump() for name, each in writer.digests.items()
    }
    writer.add(MANIFEST_NAME, json.dumps(manifest).encode(), 0)
    writer.close()
    path.write_bytes(out.getvalue())
    with pytest.raises(BackupTooNew, match="9999"):
        verify(path)


def test_other_archive_is_no_backup(path: Path) -> None:
    rewrite(path, lambda members: members.pop(HEADER_NAME))
    with pytest.raises(DamagedBackup, match="not a backup"):
        verify(path)


def test_encrypted_backup_needs_an_identity(
    sold: StoreFolder, tmp_path: Path
) -> None:
    from pyrage import x25519  # noqa: PLC0415 - an extra

    key = x25519.Identity.generate()
    path = tmp_path / "b.age"
    sold.back_up(path, recipients=[key.to_public()])
    with pytest.raises(CannotDecrypt, match="--identity"):
        verify(path)
    assert BackupFile(path, [key]).verify(lambda _: None).contents.orders == 3


def test_newest_backup_is_the_last_by_name(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no backup in"):
        newest_backup(tmp_path)
    for name in ("20261129T031500Z.tar.gz", "20261129T031501Z.tar.gz.age"):
        (tmp_path / f"msrv-backup-{name}").touch()
    (tmp_path / "msrv-backup-20270101T000000Z.tar.gz.part").touch()
    (tmp_path / "zzz.tar.gz").touch()
    (tmp_path / "msrv-backup-before-update.tar.gz").touch()
    assert newest_backup(tmp_path).name.endswith("01Z.tar.gz.age")
    with pytest.raises(BackupError, match="can't read"):
        newest_backup(tmp_path / "nowhere")


def test_backup_with_a_name_of_its_own_has_to_be_named(
    tmp_path: Path,
) -> None:
    path = tmp_path / "msrv-backup-before-update.tar.gz"
    path.touch()
    with pytest.raises(BackupError, match=f"{path} has to be named"):
        newest_backup(tmp_path)


def test_file_is_read_where_it_is(tmp_path: Path) -> None:
    with saved_input("a/b.tar.gz", tmp_path) as path:
        assert path == Path("a/b.tar.gz")

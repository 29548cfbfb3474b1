# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The outbox: private files, and what is removed when."""

import os
from pathlib import Path

import pytest

from msrv.mail.outbox import DAMAGED_DAYS, DONE_DAYS, Outbox
from tests.conftest import Clock
from tests.ledger.sample_events import order_id
from tests.mail.sample_mails import TO, sample_mail


def test_done_marks_are_removed_after_thirty_days(
    outbox: Outbox, clock: Clock
) -> None:
    outbox.add(sample_mail())
    outbox.mark_done(order_id(1))
    draft = outbox.folder / ".half"
    draft.touch()
    os.utime(draft, (0, 0))
    mark = outbox.folder / "done" / order_id(1)
    now = mark.stat().st_mtime
    outbox.remove_old(now + DONE_DAYS * 86_400 - 1)
    assert mark.exists()
    assert not draft.exists()
    outbox.remove_old(now + DONE_DAYS * 86_400 + 1)
    assert not mark.exists()
    assert clock


def test_unreadable_mail_is_deleted_after_thirty_days(
    outbox: Outbox,
) -> None:
    outbox.add(sample_mail())
    path = outbox.folder / f"{order_id(1)}.json"
    path.write_bytes(path.read_bytes()[:-40])
    assert outbox.read(order_id(1)) is None
    damaged = path.with_suffix(".damaged")
    since = damaged.stat().st_mtime
    outbox.remove_old(since + DAMAGED_DAYS * 86_400 - 1)
    assert TO.encode() in damaged.read_bytes()
    outbox.remove_old(since + DAMAGED_DAYS * 86_400 + 1)
    assert not damaged.exists()


def test_outbox_files_are_private_and_hold_no_receipt(outbox: Outbox) -> None:
    outbox.add(sample_mail())
    path = outbox.folder / f"{order_id(1)}.json"
    assert path.stat().st_mode & 0o077 == 0
    # It doesn't contain the link to the receipt.
    assert b"purchases" not in path.read_bytes()


def test_mails_in_bulk_are_the_last(outbox: Outbox) -> None:
    for number in (1, 2):
        assert outbox.add(sample_mail(number), is_bulk=True)
    outbox.add(sample_mail(3))
    assert outbox.pending() == [order_id(3), order_id(1), order_id(2)]
    assert not outbox.add(sample_mail(1), is_bulk=True)


def test_damaged_mail_of_a_bulk_is_kept_as_long_as_others(
    outbox: Outbox,
) -> None:
    outbox.add(sample_mail(), is_bulk=True)
    path = outbox.folder / f"{order_id(1)}.json"
    times = (path.stat().st_mtime, path.stat().st_mtime)
    path.write_bytes(b"{")
    os.utime(path, times)
    assert outbox.read(order_id(1)) is None
    assert path.with_suffix(".damaged").stat().st_mtime < times[0] - 86_400


OWNER = 12345


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("added_before", [0, 1])
def test_what_root_adds_belongs_to_the_owner_of_the_data_folder(
    added_before: int, outbox: Outbox, tmp_path: Path
) -> None:
    # Of a version that left them with root.
    for _ in range(added_before):
        outbox.add(sample_mail())
    os.chown(tmp_path, OWNER, OWNER)
    assert outbox.add(sample_mail()) == (not added_before)
    found = [outbox.folder, *outbox.folder.rglob("*")]
    assert len(found) == 3
    assert {(each.stat().st_uid, each.stat().st_gid) for each in found} == {
        (OWNER, OWNER)
    }
    # As they are with a user of another store.
    os.chown(outbox.folder, OWNER + 1, OWNER + 1)
    outbox.add(sample_mail(2))
    assert outbox.folder.stat().st_uid == OWNER + 1

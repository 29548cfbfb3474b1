# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds in running replicas: propagation and persistence."""

from pathlib import Path

import pytest

from msrv.ledger.db import commands, sync
from msrv.ledger.db.database import Database
from msrv.ledger.db.sync import DatabaseSync
from msrv.ledger.ledger import Ledger
from msrv.ledger.revocations import FILE_NAME, Revocations
from tests.ledger.sample_events import NOON, order_id, sale
from tests.polling import wait_until
from tests.store_process import free_port


@pytest.mark.usefixtures("database")
async def test_refund_just_before_a_stop_is_saved(
    url: str, tmp_path: Path
) -> None:
    async with Ledger(tmp_path, url) as ledger:
        await ledger.record_sale(sale(1))
        await ledger.wait_until_synced()
        await ledger.revoke(order_id(1), by="cli")
    known = Revocations(tmp_path / FILE_NAME)
    known.load()
    assert known.is_revoked(order_id(1), "album")


@pytest.mark.usefixtures("database")
async def test_refund_takes_effect_while_it_can_not_be_saved(
    url: str, tmp_path: Path
) -> None:
    async with Ledger(tmp_path, url) as ledger:
        await ledger.record_sale(sale(1))
        await ledger.wait_until_synced()
        blocked = tmp_path / FILE_NAME
        await wait_until(blocked.exists)
        blocked.unlink()
        blocked.mkdir()
        await ledger.revoke(order_id(1), by="cli")
        assert ledger.revocations.is_revoked(order_id(1), "album")
        await wait_until(lambda: ledger.status().troubles)
        assert ledger.status().troubles == (
            "MSRV_DATA: can't save the list of refunds: Is a directory",
        )
        blocked.rmdir()
        await wait_until(lambda: not ledger.status().troubles)
        assert order_id(1) in blocked.read_text()


async def test_refund_reaches_every_replica_and_survives_restarts(
    database: Database,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_refunded = False
    polls: dict[DatabaseSync, list[bool]] = {}

    async def poll(replica: DatabaseSync) -> None:
        is_counted = is_refunded
        await original(replica)
        if is_counted:
            polls.setdefault(replica, []).append(
                replica._revocations.is_revoked(order_id(1), "track", "album")
            )

    original = DatabaseSync.poll_revocations
    monkeypatch.setattr(DatabaseSync, "poll_revocations", poll)
    async with (
        Ledger(tmp_path / "one", url) as one,
        Ledger(tmp_path / "other", url) as other,
    ):
        await one.record_sale(sale(1, ("song", 100), ("album", 700)))
        await one.wait_until_synced()
        replicas = (one, other)
        held = await commands.revoke_order(
            database, order_id(1), "album", by="studio", now_ms=NOON * 1000
        )
        assert {line.item_id: line.refunded for line in held} == {
            "song": False,
            "album": True,
        }
        is_refunded = True
        await wait_until(lambda: len(polls) == 2)
        # The first poll after the refund has it.
        assert all(each[0] for each in polls.values())
        assert sync.POLL_SECONDS < 5
        await wait_until(
            lambda: all(
                each.revocations.is_revoked(order_id(1), "track", "album")
                for each in replicas
            )
        )
        assert not other.revocations.is_revoked(order_id(1), "song", "album")
    # It is still revoked on a replica that starts without the database.
    async with Ledger(
        tmp_path / "other", f"mysql://a:b@127.0.0.1:{free_port()}/x"
    ) as alone:
        assert alone.revocations.is_revoked(order_id(1), "album")
    async with Ledger(tmp_path / "one", url) as one:
        # The clock of this machine is behind; its change is still the last.
        await commands.restore_order(database, order_id(1), by="cli", now_ms=0)
        await wait_until(
            lambda: (
                not one.revocations.is_revoked(order_id(1), "track", "album")
            )
        )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Revocations: the list, its file, and the feed from the database."""

from pathlib import Path

import pytest

from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.refunds import revocation_feed
from msrv.ledger.events import Event
from msrv.ledger.revocations import (
    InvalidRevocationFile,
    Revocations,
    RevokedItems,
)
from tests.ledger.sample_events import order_id, restored, revoked, sale

SOLD = sale(1, ("album", 700), ("song", 100), ("other", 100))


def revoked_items(
    *items: str, kept: str = "", whole: bool = False
) -> RevokedItems:
    return RevokedItems(whole, frozenset(items), frozenset(kept.split()))


@pytest.mark.parametrize(
    ("what", "item", "release", "ends"),
    [
        (revoked_items(whole=True), "song", "album", True),
        (revoked_items(whole=True, kept="song"), "song", "album", True),
        (revoked_items("song"), "song", "album", True),
        (revoked_items("song"), "other", "album", False),
        (revoked_items("song"), "album", None, False),
        # Refunding a release revokes its tracks ...
        (revoked_items("album"), "album", None, True),
        (revoked_items("album"), "song", "album", True),
        (revoked_items("album"), "other", "single", False),
        # ... except those that the order contains by themselves.
        (revoked_items("album", kept="song"), "song", "album", False),
        (revoked_items("album", kept="song"), "other", "album", True),
        # The release still grants a refunded track.
        (revoked_items("song", kept="album"), "song", "album", False),
        (revoked_items("song", kept="other"), "song", "album", True),
    ],
)
def test_item_is_revoked_unless_another_line_grants_it(
    what: RevokedItems, item: str, release: str | None, *, ends: bool
) -> None:
    releases = () if release is None else (release,)
    assert what.revokes(item, *releases) is ends


def test_list_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "data" / "revocations"
    first = Revocations(path)
    first.load()
    first.replace({order_id(1): revoked_items("song", kept="album")}, 7)
    first.save()
    second = Revocations(path)
    second.load()
    assert len(second) == 1
    assert second.is_line_revoked(order_id(1), "song")
    assert not second.is_revoked(order_id(1), "song", "album")
    assert not second.is_revoked(order_id(2), "song")
    # Without a number, the first poll reads everything.
    assert second.number is None
    assert [each.name for each in path.parent.iterdir()] == ["revocations"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data.replace(b"song", b"sonh"),
        lambda data: data.replace(b"revocations 1", b"revocations 2"),
        lambda _: b"",
        lambda _: b"\xff\xff",
    ],
)
def test_damaged_file_raises_an_error(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    path = tmp_path / "revocations"
    kept = Revocations(path)
    kept.replace({order_id(1): revoked_items("song")}, 1)
    kept.save()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        InvalidRevocationFile, match="is damaged, or of another version"
    ):
        Revocations(path).load()


async def poll(
    database: Database, revocations: Revocations
) -> revocation_feed.RevocationChanges | None:
    """Poll the database as a replica does, and apply the changes."""
    async with database.read_transaction() as connection:
        changes = await revocation_feed.read_revocations(
            connection, revocations.number
        )
    if changes is not None and changes.is_all:
        revocations.replace(changes.orders, changes.number)
    elif changes is not None:
        revocations.update(changes.orders, changes.number)
    return changes


async def record(database: Database, *events: Event) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, events)


async def test_replicas_read_each_change(
    database: Database, tmp_path: Path
) -> None:
    early, late = (Revocations(tmp_path / name) for name in ("early", "late"))
    await record(database, SOLD, sale(2))
    assert await poll(database, early) is not None
    assert await poll(database, early) is None
    await record(database, revoked(1, "album"))
    changes = await poll(database, early)
    assert changes is not None
    assert not changes.is_all
    assert early.is_revoked(order_id(1), "track", "album")
    assert not early.is_revoked(order_id(1), "song", "album")
    await record(database, revoked(2))
    await record(database, restored(1, "album", at=1))
    for replica in (early, late):
        await poll(database, replica)
        assert not replica.is_revoked(order_id(1), "album")
        assert replica.is_revoked(order_id(2), "anything")
        assert len(replica) == 1


async def test_refund_before_its_sale_is_narrowed_by_the_sale(
    database: Database, tmp_path: Path
) -> None:
    """A song that the order also contains by itself stays available."""
    replica = Revocations(tmp_path / "list")
    await record(database, revoked(1, "album"))
    await poll(database, replica)
    assert replica.is_revoked(order_id(1), "song", "album")
    await record(database, SOLD)
    assert await poll(database, replica) is not None
    assert not replica.is_revoked(order_id(1), "song", "album")
    assert replica.is_revoked(order_id(1), "track", "album")


async def test_replica_reads_everything_from_another_database(
    database: Database, tmp_path: Path
) -> None:
    replica = Revocations(tmp_path / "list")
    replica.replace({order_id(9): revoked_items(whole=True)}, 1_000)
    await record(database, revoked(1))
    changes = await poll(database, replica)
    assert changes is not None
    assert changes.is_all
    assert replica.is_revoked(order_id(1), "song")
    assert not replica.is_revoked(order_id(9), "song")

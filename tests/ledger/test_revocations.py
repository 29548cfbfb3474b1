"""Revocations: the list, its file, and the feed from the database."""

from pathlib import Path

import pytest

from msrv.ledger.db import refunds
from msrv.ledger.db.database import Database
from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Event
from msrv.ledger.revocations import (
    InvalidRevocationFile,
    Revocations,
    RevokedItems,
)
from tests.ledger.sample_events import order_id, restored, revoked, sale

SOLD = sale(1, ("album", 700), ("song", 100), ("other", 100))


def taken(*items: str, kept: str = "", whole: bool = False) -> RevokedItems:
    return RevokedItems(whole, frozenset(items), frozenset(kept.split()))


@pytest.mark.parametrize(
    ("what", "item", "release", "ends"),
    [
        (taken(whole=True), "song", "album", True),
        (taken(whole=True, kept="song"), "song", "album", True),
        (taken("song"), "song", "album", True),
        (taken("song"), "other", "album", False),
        (taken("song"), "album", None, False),
        # A release that was refunded takes its tracks along ...
        (taken("album"), "album", None, True),
        (taken("album"), "song", "album", True),
        (taken("album"), "other", "single", False),
        # ... but for what was bought by itself as well.
        (taken("album", kept="song"), "song", "album", False),
        (taken("album", kept="song"), "other", "album", True),
        # A track that was refunded is still part of the release.
        (taken("song", kept="album"), "song", "album", False),
        (taken("song", kept="other"), "song", "album", True),
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
    first.replace({order_id(1): taken("song", kept="album")}, 7)
    first.save()
    second = Revocations(path)
    second.load()
    assert len(second) == 1
    assert second.is_line_revoked(order_id(1), "song")
    assert not second.is_revoked(order_id(1), "song", "album")
    assert not second.is_revoked(order_id(2), "song")
    # Its number is not kept: what it has missed is asked for as a whole.
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
    kept.replace({order_id(1): taken("song")}, 1)
    kept.save()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        InvalidRevocationFile, match="is damaged, or of another version"
    ):
        Revocations(path).load()


async def ask(
    database: Database, revocations: Revocations
) -> refunds.RevocationChanges | None:
    """Ask as a replica does, and take what is heard."""
    async with database.read_transaction() as connection:
        heard = await refunds.read_revocations(connection, revocations.number)
    if heard is not None and heard.is_all:
        revocations.replace(heard.orders, heard.number)
    elif heard is not None:
        revocations.update(heard.orders, heard.number)
    return heard


async def tell(database: Database, *events: Event) -> None:
    async with database.write_transaction() as connection:
        await apply_events(connection, events)


async def test_replicas_read_each_change(
    database: Database, tmp_path: Path
) -> None:
    early, late = (Revocations(tmp_path / name) for name in ("early", "late"))
    await tell(database, SOLD, sale(2))
    assert await ask(database, early) is not None
    assert await ask(database, early) is None
    await tell(database, revoked(1, "album"))
    heard = await ask(database, early)
    assert heard is not None
    assert not heard.is_all
    assert early.is_revoked(order_id(1), "track", "album")
    assert not early.is_revoked(order_id(1), "song", "album")
    await tell(database, revoked(2))
    await tell(database, restored(1, "album", at=1))
    for replica in (early, late):
        await ask(database, replica)
        assert not replica.is_revoked(order_id(1), "album")
        assert replica.is_revoked(order_id(2), "anything")
        assert len(replica) == 1


async def test_refund_before_its_sale_is_narrowed_by_the_sale(
    database: Database, tmp_path: Path
) -> None:
    """A song that the order also contains by itself stays available."""
    replica = Revocations(tmp_path / "list")
    await tell(database, revoked(1, "album"))
    await ask(database, replica)
    assert replica.is_revoked(order_id(1), "song", "album")
    await tell(database, SOLD)
    assert await ask(database, replica) is not None
    assert not replica.is_revoked(order_id(1), "song", "album")
    assert replica.is_revoked(order_id(1), "track", "album")


async def test_replica_reads_everything_from_another_database(
    database: Database, tmp_path: Path
) -> None:
    replica = Revocations(tmp_path / "list")
    replica.replace({order_id(9): taken(whole=True)}, 1_000)
    await tell(database, revoked(1))
    heard = await ask(database, replica)
    assert heard is not None
    assert heard.is_all
    assert replica.is_revoked(order_id(1), "song")
    assert not replica.is_revoked(order_id(9), "song")

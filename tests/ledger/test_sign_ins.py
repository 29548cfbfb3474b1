"""The studio's door: a link is good once, and everyone can be sent out."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from msrv.ledger import sign_ins as door_room
from msrv.ledger.db import schema
from msrv.ledger.db.database import Database
from msrv.ledger.errors import DatabaseError, LinkNotRecorded, LinkUsed
from msrv.ledger.sign_ins import SignInStore
from tests.ledger.made import NOON

NUMBER = "0123456789abcdef01234567"
OTHER = "f" * 24
AWAY = "mysql://a:b@127.0.0.1:1/x"


@pytest.fixture
def away() -> Database:
    """A database that refuses."""
    return Database(AWAY)


async def use(
    door: SignInStore, number: str = NUMBER, now: int = NOON
) -> bool:
    """Use a link; whether that was its first time."""
    try:
        await door.use_link(number, now + 600, now)
    except LinkUsed:
        return False
    return True


async def test_a_link_is_good_once_on_all_replicas(
    database: Database, tmp_path: Path
) -> None:
    """A link that was read over a shoulder opens another replica."""
    one, other = (SignInStore(tmp_path / each, database) for each in "ab")
    assert not await one.is_link_used(NUMBER)
    assert await use(one)
    assert not await use(one)
    assert not await use(other)
    assert await one.is_link_used(NUMBER)
    assert await other.is_link_used(NUMBER)
    assert not await other.is_link_used(OTHER)
    assert await use(other, OTHER)


async def test_session_that_was_signed_out_ends_on_every_replica(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_room, "REFRESH_SECONDS", 0.0)
    one, other = (SignInStore(tmp_path / each, database) for each in "ab")
    assert not await one.is_session_signed_out(NUMBER)
    await one.sign_out_session(NUMBER, NOON + 600, NOON)
    await one.sign_out_session(NUMBER, NOON + 600, NOON)
    for door in (one, other, SignInStore(tmp_path / "c", database)):
        assert await door.is_session_signed_out(NUMBER)
        assert not await door.is_session_signed_out(OTHER)


async def test_sign_out_holds_without_the_database_and_after_a_restart(
    away: Database, tmp_path: Path
) -> None:
    with pytest.raises(DatabaseError):
        await SignInStore(tmp_path, away).sign_out_session(
            NUMBER, NOON + 600, NOON
        )
    assert await SignInStore(tmp_path, away).is_session_signed_out(NUMBER)


async def test_of_many_at_once_one_gets_in(
    database: Database, tmp_path: Path
) -> None:
    """Two who have a link press at the same moment, and both are in."""
    doors = [SignInStore(tmp_path / str(each), database) for each in range(4)]
    doors += [SignInStore(tmp_path / "0", database) for _ in range(4)]
    entered = await asyncio.gather(*map(use, doors))
    assert entered.count(True) == 1


async def test_without_its_database_a_link_is_good_once(
    away: Database, database: Database, tmp_path: Path
) -> None:
    """Who stops the database can use a link again and again."""
    assert await use(SignInStore(tmp_path, away))
    assert not await use(SignInStore(tmp_path, away))
    assert await SignInStore(tmp_path, away).is_link_used(NUMBER)
    # Nor when the database is back, and has heard nothing of it.
    assert not await use(SignInStore(tmp_path, database))


async def test_where_nothing_can_be_written_nobody_gets_in(
    away: Database, database: Database, tmp_path: Path
) -> None:
    """On a full disk a link is good for as often as one likes."""
    (tmp_path / "studio").write_text("no folder", encoding="ascii")
    with pytest.raises(LinkNotRecorded):
        await SignInStore(tmp_path, away).use_link(NUMBER, NOON + 600, NOON)
    # The database is enough, though.
    assert await use(SignInStore(tmp_path, database))
    assert not await use(SignInStore(tmp_path, database))


async def test_used_links_are_forgotten_when_they_have_expired(
    database: Database, tmp_path: Path
) -> None:
    """The store remembers every sign-in for ever."""
    door = SignInStore(tmp_path, database)
    await use(door, NUMBER, NOON)
    await use(door, OTHER, NOON + 3600)
    async with database.read_transaction() as connection:
        names = set(await connection.scalars(select(schema.marks.c.name)))
    assert names == {"changes", f"studio-used-{OTHER}"}
    assert [each.name for each in (tmp_path / "studio/used").iterdir()] == [
        OTHER
    ]


async def test_signing_everyone_out_reaches_every_replica(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was signed out goes on at the replica next door."""
    monkeypatch.setattr(door_room, "REFRESH_SECONDS", -1)
    one, other = (SignInStore(tmp_path / each, database) for each in "ab")
    assert await other.all_signed_out_at() == 0
    await one.sign_out_all(NOON)
    assert await one.all_signed_out_at() == NOON
    assert await other.all_signed_out_at() == NOON
    # An older one, from a machine whose clock is behind, takes nothing back.
    await other.sign_out_all(NOON - 100)
    assert (
        await one.all_signed_out_at()
        == await other.all_signed_out_at()
        == NOON
    )


async def test_a_sign_out_outlives_the_database(
    database: Database, away: Database, tmp_path: Path
) -> None:
    """A replica that starts without its database lets them in again."""
    await SignInStore(tmp_path / "a", database).sign_out_all(NOON)
    assert (
        await SignInStore(tmp_path / "b", database).all_signed_out_at() == NOON
    )
    for each in "ab":
        assert (
            await SignInStore(tmp_path / each, away).all_signed_out_at()
            == NOON
        )
    # Without it, this folder's replicas hear of it all the same.
    with pytest.raises(DatabaseError):
        await SignInStore(tmp_path / "a", away).sign_out_all(NOON + 5)
    assert (
        await SignInStore(tmp_path / "a", away).all_signed_out_at() == NOON + 5
    )
    assert (
        await SignInStore(tmp_path / "a", database).all_signed_out_at()
        == NOON + 5
    )


async def test_a_damaged_note_keeps_out(
    away: Database, tmp_path: Path
) -> None:
    """A torn file lets everyone in who was signed out."""
    (tmp_path / "studio").mkdir()
    note = tmp_path / "studio" / "closed"
    note.write_text("18000", encoding="ascii")
    note.write_text("torn", encoding="ascii")
    assert await SignInStore(tmp_path, away).all_signed_out_at() == int(
        note.stat().st_mtime
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sign-ins: links that work once, and sign-outs."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from msrv.ledger import sign_ins
from msrv.ledger.db import schema
from msrv.ledger.db.database import Database
from msrv.ledger.errors import DatabaseError, LinkNotRecorded, LinkUsed
from msrv.ledger.sign_ins import SignInStore
from tests.ledger.sample_events import NOON

NUMBER = "0123456789abcdef01234567"
OTHER = "f" * 24
UNAVAILABLE = "mysql://a:b@127.0.0.1:1/x"


@pytest.fixture
def unavailable() -> Database:
    """A database that refuses connections."""
    return Database(UNAVAILABLE)


async def use(
    store: SignInStore, number: str = NUMBER, now: int = NOON
) -> bool:
    """Use a link, and return whether it was unused."""
    try:
        await store.use_link(number, now + 600, now)
    except LinkUsed:
        return False
    return True


async def test_link_works_once_across_replicas(
    database: Database, tmp_path: Path
) -> None:
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
    monkeypatch.setattr(sign_ins, "REFRESH_SECONDS", 0.0)
    one, other = (SignInStore(tmp_path / each, database) for each in "ab")
    assert not await one.is_session_signed_out(NUMBER)
    await one.sign_out_session(NUMBER, NOON + 600, NOON)
    await one.sign_out_session(NUMBER, NOON + 600, NOON)
    for store in (one, other, SignInStore(tmp_path / "c", database)):
        assert await store.is_session_signed_out(NUMBER)
        assert not await store.is_session_signed_out(OTHER)


async def test_session_sign_out_survives_a_restart_without_the_database(
    unavailable: Database, tmp_path: Path
) -> None:
    with pytest.raises(DatabaseError):
        await SignInStore(tmp_path, unavailable).sign_out_session(
            NUMBER, NOON + 600, NOON
        )
    assert await SignInStore(tmp_path, unavailable).is_session_signed_out(
        NUMBER
    )


async def test_one_of_many_concurrent_uses_succeeds(
    database: Database, tmp_path: Path
) -> None:
    stores = [SignInStore(tmp_path / str(each), database) for each in range(4)]
    stores += [SignInStore(tmp_path / "0", database) for _ in range(4)]
    results = await asyncio.gather(*map(use, stores))
    assert results.count(True) == 1


async def test_link_works_once_without_the_database(
    unavailable: Database, database: Database, tmp_path: Path
) -> None:
    assert await use(SignInStore(tmp_path, unavailable))
    assert not await use(SignInStore(tmp_path, unavailable))
    assert await SignInStore(tmp_path, unavailable).is_link_used(NUMBER)
    # Nor once the database is available, where it isn't recorded.
    assert not await use(SignInStore(tmp_path, database))


async def test_link_is_refused_where_its_use_can_not_be_recorded(
    unavailable: Database, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "studio").write_text("no folder", encoding="ascii")
    with pytest.raises(LinkNotRecorded):
        await SignInStore(tmp_path, unavailable).use_link(
            NUMBER, NOON + 600, NOON
        )
    # The database is sufficient, though.
    assert await use(SignInStore(tmp_path, database))
    assert not await use(SignInStore(tmp_path, database))


async def test_used_links_are_deleted_after_they_expire(
    database: Database, tmp_path: Path
) -> None:
    store = SignInStore(tmp_path, database)
    await use(store, NUMBER, NOON)
    await use(store, OTHER, NOON + 3600)
    async with database.read_transaction() as connection:
        names = set(await connection.scalars(select(schema.marks.c.name)))
    assert names == {"changes", f"studio-used-{OTHER}"}
    assert [each.name for each in (tmp_path / "studio/used").iterdir()] == [
        OTHER
    ]


async def test_sign_out_of_everyone_reaches_every_replica(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_ins, "REFRESH_SECONDS", -1)
    one, other = (SignInStore(tmp_path / each, database) for each in "ab")
    assert await other.all_signed_out_at() == 0
    await one.sign_out_all(NOON)
    assert await one.all_signed_out_at() == NOON
    assert await other.all_signed_out_at() == NOON
    # An earlier one, from a machine whose clock is behind, changes nothing.
    await other.sign_out_all(NOON - 100)
    assert (
        await one.all_signed_out_at()
        == await other.all_signed_out_at()
        == NOON
    )


async def test_sign_out_of_everyone_holds_without_the_database(
    database: Database, unavailable: Database, tmp_path: Path
) -> None:
    await SignInStore(tmp_path / "a", database).sign_out_all(NOON)
    assert (
        await SignInStore(tmp_path / "b", database).all_signed_out_at() == NOON
    )
    for each in "ab":
        assert (
            await SignInStore(tmp_path / each, unavailable).all_signed_out_at()
            == NOON
        )
    # Replicas with this data folder follow it all the same.
    with pytest.raises(DatabaseError):
        await SignInStore(tmp_path / "a", unavailable).sign_out_all(NOON + 5)
    assert (
        await SignInStore(tmp_path / "a", unavailable).all_signed_out_at()
        == NOON + 5
    )
    assert (
        await SignInStore(tmp_path / "a", database).all_signed_out_at()
        == NOON + 5
    )


async def test_damaged_file_signs_out_everyone_before_its_time(
    unavailable: Database, tmp_path: Path
) -> None:
    (tmp_path / "studio").mkdir()
    file = tmp_path / "studio" / "closed"
    file.write_text("18000", encoding="ascii")
    file.write_text("torn", encoding="ascii")
    assert await SignInStore(tmp_path, unavailable).all_signed_out_at() == int(
        file.stat().st_mtime
    )

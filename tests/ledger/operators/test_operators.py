# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operators in the database, and as a replica knows them."""

import asyncio
import secrets

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.database import Database
from msrv.ledger.db.schema import operators
from msrv.ledger.errors import DatabaseError
from msrv.ledger.events import event_from_json, event_to_json
from msrv.ledger.operators import rows
from msrv.ledger.operators.act_queries import list_acts
from msrv.ledger.operators.acts import CLI, OperatorAct
from msrv.ledger.operators.directory import MAX_AGE_SECONDS, OperatorDirectory
from msrv.ledger.operators.model import (
    UNNAMED,
    InvalidOperator,
    Operator,
    Role,
)
from tests.ledger.sample_events import NOON

UNAVAILABLE = "mysql://a:b@127.0.0.1:1/x"


async def add(
    database: Database, name: str = "anna", role: Role = Role.SALES
) -> Operator:
    async with database.write_transaction() as connection:
        return await rows.add_operator(
            connection, name, role, NOON, secrets.token_bytes
        )


async def test_operators_are_added_changed_and_removed(
    database: Database,
) -> None:
    anna = await add(database)
    with pytest.raises(InvalidOperator, match="already"):
        await add(database)
    async with database.write_transaction() as connection:
        await rows.change_role(connection, "anna", Role.READ_ONLY)
        await rows.remove_operator(connection, "anna", NOON + 1)
        with pytest.raises(InvalidOperator, match="no operator"):
            await rows.change_role(connection, "anna", Role.OWNER)
        with pytest.raises(InvalidOperator, match="no operator"):
            await rows.remove_operator(connection, "anna", NOON)
    again = await add(database, role=Role.OWNER)
    assert again.operator_id != anna.operator_id
    async with database.read_transaction() as connection:
        found = await rows.list_operators(connection)
    assert {(each.role, each.ended_at) for each in found} == {
        (Role.READ_ONLY, NOON + 1),
        (Role.OWNER, None),
    }


async def test_role_of_a_newer_version_counts_as_the_least(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """It locks nobody out, and is logged once."""
    newer = f"newer-{secrets.token_hex(4)}"  # logged once in a process
    await add(database)
    boris = await add(database, "boris")
    async with database.write_transaction() as connection:
        await connection.execute(
            update(operators)
            .where(operators.c.name == "boris")
            .values(role=newer)
        )
    for _ in range(3):
        async with database.read_transaction() as connection:
            found = await rows.list_operators(connection)
    assert [(each.name, each.role) for each in found] == [
        ("anna", Role.SALES),
        ("boris", Role.READ_ONLY),
    ]
    directory = OperatorDirectory(database)
    known = await directory.find(boris.operator_id, changes=True)
    assert known is not None
    assert known.role is Role.READ_ONLY
    assert caplog.text.count(f"the role {newer!r} is unknown") == 1


async def test_act_of_a_newer_version_is_listed(database: Database) -> None:
    async with database.write_transaction() as connection:
        await rows.record_act(
            connection,
            "fly-away",
            "moon",
            actor="robot.r2",
            session=CLI,
            at_ms=NOON * 1000,
            random=secrets.token_bytes,
        )
    async with database.read_transaction() as connection:
        (act,) = await list_acts(connection)
    assert (act.act, act.actor) == ("fly-away", "robot.r2")


async def test_one_of_two_replicas_adds_a_name(database: Database) -> None:
    results = await asyncio.gather(
        add(database), add(database), return_exceptions=True
    )
    assert sorted(isinstance(each, InvalidOperator) for each in results) == [
        False,
        True,
    ]


@pytest.mark.parametrize("name", ["", "Anna", "a b", "-a", "a" * 33, "a\n"])
async def test_other_names_are_refused(database: Database, name: str) -> None:
    with pytest.raises(InvalidOperator, match="can't be a name"):
        await add(database, name)


async def test_acts_have_who_did_them(database: Database) -> None:
    async with database.write_transaction() as connection:
        await rows.record_act(
            connection,
            "add-operator",
            "anna:sales",
            actor=CLI,
            session=CLI,
            at_ms=NOON * 1000,
            random=secrets.token_bytes,
        )
    async with database.read_transaction() as connection:
        (act,) = await list_acts(connection)
    assert (act.actor, act.session, act.subject) == (CLI, CLI, "anna:sales")
    assert event_from_json(event_to_json(act)) == act


def test_act_without_a_name_is_written_as_before() -> None:
    """An older replica reads it from the spool."""
    act = OperatorAct("a1", NOON, "b2", "refund", "X")
    assert b"actor" not in event_to_json(act)
    assert event_from_json(event_to_json(act)) == act
    with pytest.raises(ValueError, match="form"):
        OperatorAct("a1", NOON, "b2", "refund", "X", "Anna B")


class _Seconds:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_replicas_follow_a_change_within_seconds(
    database: Database,
) -> None:
    seconds = _Seconds()
    replica = OperatorDirectory(database, seconds)
    assert await replica.find("", changes=True) == UNNAMED
    anna = await add(database)
    assert await replica.find(anna.operator_id, changes=False) == anna
    assert await replica.find("0" * 12, changes=False) is None
    async with database.write_transaction() as connection:
        await rows.remove_operator(connection, "anna", NOON)
    # A page is shown for a moment still; nothing is changed.
    assert await replica.find(anna.operator_id, changes=False) == anna
    assert await replica.find(anna.operator_id, changes=True) is None
    assert await replica.find(anna.operator_id, changes=False) is None
    boris = await add(database, "boris")
    assert await replica.find(boris.operator_id, changes=False) is None
    seconds.now += MAX_AGE_SECONDS
    assert await replica.find(boris.operator_id, changes=False) == boris
    assert replica.last_known(anna.operator_id).name == "anna"


async def test_of_two_reads_the_later_one_stays_known(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier one may end last, with what was so before a removal."""
    anna = await add(database)
    seconds = _Seconds()
    replica = OperatorDirectory(database, seconds)
    loaded, go_on = asyncio.Event(), asyncio.Event()
    load = replica._load

    async def load_slowly(connection: AsyncConnection) -> dict[str, Operator]:
        found = await load(connection)
        monkeypatch.setattr(replica, "_load", load)
        loaded.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(replica, "_load", load_slowly)
    early = asyncio.create_task(replica.find(anna.operator_id, changes=True))
    await loaded.wait()
    seconds.now += 1
    async with database.write_transaction() as connection:
        await rows.remove_operator(connection, "anna", NOON)
    assert await replica.find(anna.operator_id, changes=True) is None
    go_on.set()
    await early
    assert await replica.find(anna.operator_id, changes=False) is None


async def test_without_the_database_nobody_changes_anything(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await add(database)
    seconds = _Seconds()
    replica = OperatorDirectory(database, seconds)
    assert await replica.find(anna.operator_id, changes=True) == anna
    away = Database(UNAVAILABLE)
    monkeypatch.setattr(replica, "_database", away)
    seconds.now += MAX_AGE_SECONDS
    assert await replica.find(anna.operator_id, changes=False) == anna
    with pytest.raises(DatabaseError):
        await replica.find(anna.operator_id, changes=True)
    assert await replica.find("", changes=True) == UNNAMED
    new = OperatorDirectory(away, seconds)
    for _ in range(2):
        with pytest.raises(DatabaseError):
            await new.find(anna.operator_id, changes=False)
    await away.close()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Work of the commands about operators, and their output.

Apart from `operators`: it imports SQLAlchemy, which other commands don't need.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.operators import rows
from msrv.ledger.operators.acts import CLI
from msrv.ledger.operators.model import Operator, Role
from msrv.settings import Settings
from msrv.text_table import labelled, table, utc_time

_Result = TypeVar("_Result")


def add(settings: Settings, name: str, role: Role) -> str:
    """Add an operator; return a report. Raises LedgerError."""

    async def change(connection: AsyncConnection) -> Operator:
        now = int(time.time())
        added = await rows.add_operator(
            connection, name, role, now, secrets.token_bytes
        )
        await record(connection, "add-operator", f"{name}:{role}")
        return added

    return _report(run(settings, change), "added")


def set_role(settings: Settings, name: str, role: Role) -> str:
    """Change an operator's role; return a report. Raises LedgerError."""

    async def change(connection: AsyncConnection) -> Operator:
        changed = await rows.change_role(connection, name, role)
        await record(connection, "change-role", f"{name}:{role}")
        return changed

    return _report(run(settings, change), "changed")


def remove(settings: Settings, name: str) -> str:
    """Remove an operator; return a report. Raises LedgerError."""

    async def change(connection: AsyncConnection) -> Operator:
        removed = await rows.remove_operator(
            connection, name, int(time.time())
        )
        await record(connection, "remove-operator", name)
        return removed

    return _report(run(settings, change), "removed")


def listed(settings: Settings) -> list[Operator]:
    """Return all operators. Raises LedgerError."""
    return run(settings, rows.list_operators)


def find(settings: Settings, name: str) -> Operator:
    """Return the operator of a name. Raises LedgerError."""

    async def search(connection: AsyncConnection) -> Operator:
        return await rows.find_operator(connection, name)

    return run(settings, search)


def format_operators(found: Sequence[Operator]) -> str:
    """Return a table of operators."""
    if not found:
        return "no operators: msrv operators add NAME --role ROLE adds one"
    return table(
        [
            ("name", "role", "added", "removed"),
            *(
                (
                    each.name,
                    each.role.value,
                    utc_time(each.created_at),
                    utc_time(each.ended_at)
                    if each.ended_at is not None
                    else "",
                )
                for each in found
            ),
        ],
    )


def run(
    settings: Settings,
    work: Callable[[AsyncConnection], Awaitable[_Result]],
) -> _Result:
    """Return the result of some work in one transaction, as the only writer.

    Raises LedgerError.
    """

    async def connected() -> _Result:
        database = Database.existing(settings)
        try:
            await schema_upgrade.prepare_schema(database)
            async with database.write_transaction() as connection:
                return await work(connection)
        finally:
            await database.close()

    return asyncio.run(connected())


async def record(connection: AsyncConnection, act: str, subject: str) -> None:
    """Record an act of the command line."""
    await rows.record_act(
        connection,
        act,
        subject,
        actor=CLI,
        session=CLI,
        at_ms=time.time_ns() // 1_000_000,
        random=secrets.token_bytes,
    )


async def record_apart(database: Database, act: str, subject: str) -> None:
    """Record an act of the command line in a transaction of its own.

    Raises DatabaseError.
    """
    async with database.write_transaction() as connection:
        await record(connection, act, subject)


def _report(operator: Operator, change: str) -> str:
    return labelled(
        ("operator", operator.name),
        ("role", operator.role.value),
        ("change", change),
    )

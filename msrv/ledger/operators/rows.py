# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rows of operators: each change is recorded as an act beside it.

The functions that write need one `Database.write_transaction`: there is no
other writer meanwhile. So of two replicas, one adds a name.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.projection import apply_events
from msrv.ledger.db.schema import operators
from msrv.ledger.operators.acts import OperatorAct
from msrv.ledger.operators.model import (
    InvalidOperator,
    Operator,
    Role,
    check_name,
)

log = logging.getLogger(__name__)

ID_BYTES: Final = 6
_ACT_ID_BYTES: Final = 12


async def list_operators(connection: AsyncConnection) -> list[Operator]:
    """Return all operators by name, removed ones too."""
    rows = await connection.execute(
        select(operators).order_by(operators.c.name, operators.c.created_at)
    )
    return [
        Operator(
            row.operator_id,
            row.name,
            _role(row.role),
            row.created_at,
            row.ended_at,
        )
        for row in rows
    ]


@lru_cache(maxsize=32)  # so that each is logged once
def _role(text: str) -> Role:
    """Return a role; of one that only a newer version knows, the least."""
    try:
        return Role(text)
    except ValueError:
        log.warning(
            "the role %r is unknown to this version: it counts as %s",
            text,
            Role.READ_ONLY.value,
        )
        return Role.READ_ONLY


async def find_operator(connection: AsyncConnection, name: str) -> Operator:
    """Return the operator of a name. Raises InvalidOperator."""
    for each in await list_operators(connection):
        if each.name == name and not each.is_ended:
            return each
    raise InvalidOperator(f"there is no operator {name!r}")


async def add_operator(
    connection: AsyncConnection,
    name: str,
    role: Role,
    now: int,
    random: Callable[[int], bytes],
) -> Operator:
    """Add an operator. Raises InvalidOperator."""
    check_name(name)
    if any(
        each.name == name and not each.is_ended
        for each in await list_operators(connection)
    ):
        raise InvalidOperator(f"there is an operator {name!r} already")
    added = Operator(random(ID_BYTES).hex(), name, role, now)
    await connection.execute(
        insert(operators),
        {
            "operator_id": added.operator_id,
            "name": name,
            "role": role.value,
            "created_at": now,
            "ended_at": None,
        },
    )
    return added


async def change_role(
    connection: AsyncConnection, name: str, role: Role
) -> Operator:
    """Change the role of an operator. Raises InvalidOperator."""
    found = await find_operator(connection, name)
    await connection.execute(
        update(operators)
        .where(operators.c.operator_id == found.operator_id)
        .values(role=role.value)
    )
    return replace(found, role=role)


async def remove_operator(
    connection: AsyncConnection, name: str, now: int
) -> Operator:
    """End an operator: their sessions and links. Raises InvalidOperator."""
    found = await find_operator(connection, name)
    await connection.execute(
        update(operators)
        .where(operators.c.operator_id == found.operator_id)
        .values(ended_at=now)
    )
    return replace(found, ended_at=now)


async def record_act(
    connection: AsyncConnection,
    act: str,
    subject: str,
    *,
    actor: str,
    session: str,
    at_ms: int,
    random: Callable[[int], bytes],
) -> None:
    """Record an act in the transaction of what it states."""
    await apply_events(
        connection,
        [
            OperatorAct(
                random(_ACT_ID_BYTES).hex(),
                at_ms,
                session,
                act,
                subject,
                actor,
            )
        ],
    )

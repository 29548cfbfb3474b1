# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rows of tokens of programs.

The functions that write need one `Database.write_transaction`.
"""

from collections.abc import Callable, Collection
from typing import Final

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.db.schema import api_tokens
from msrv.ledger.operators.model import InvalidOperator, check_name
from msrv.ledger.operators.tokens import (
    MAX_DAYS,
    ApiToken,
    Scope,
    make_token,
)

_DAY_SECONDS: Final = 86_400
MAX_TOKENS: Final = 100
"""Number of valid tokens: each request looks through them."""


class TokenLimitReached(InvalidOperator):
    """There are MAX_TOKENS valid tokens."""


async def list_tokens(connection: AsyncConnection) -> list[ApiToken]:
    """Return all tokens, the latest first; ended ones too.

    A scope of a newer version is left out.
    """
    rows = await connection.execute(
        select(api_tokens).order_by(
            api_tokens.c.created_at.desc(), api_tokens.c.token_id
        )
    )
    known = set(Scope)
    return [
        ApiToken(
            token_id=row.token_id,
            name=row.name,
            secret_sha256=row.secret_sha256,
            scopes=frozenset(
                Scope(each) for each in row.scopes.split() if each in known
            ),
            created_by=row.created_by,
            created_at=row.created_at,
            expires_at=row.expires_at,
            ended_at=row.ended_at,
            last_used_day=row.last_used_day,
        )
        for row in rows
    ]


async def create_token(
    connection: AsyncConnection,
    name: str,
    scopes: Collection[Scope],
    days: int,
    *,
    created_by: str,
    now: int,
    random: Callable[[int], bytes],
) -> str:
    """Create a token, and return its text. Raises InvalidOperator.

    For a name that a valid token has, no scope, or another number of days
    than 1 to MAX_DAYS.
    """
    check_name(name)
    if not scopes:
        raise InvalidOperator("a token needs a scope")
    if not 1 <= days <= MAX_DAYS:
        raise InvalidOperator(f"a token is valid for 1 to {MAX_DAYS} days")
    valid = [
        each for each in await list_tokens(connection) if each.is_valid(now)
    ]
    if any(each.name == name for each in valid):
        raise InvalidOperator(f"there is a token {name!r} already")
    if len(valid) >= MAX_TOKENS:
        raise TokenLimitReached(f"there are {MAX_TOKENS} tokens: revoke some")
    new = make_token(random)
    await connection.execute(
        insert(api_tokens),
        {
            "token_id": new.token_id,
            "name": name,
            "secret_sha256": new.secret_sha256,
            "scopes": " ".join(sorted(scopes)),
            "created_by": created_by,
            "created_at": now,
            "expires_at": now + days * _DAY_SECONDS,
            "ended_at": None,
            "last_used_day": None,
        },
    )
    return new.text


async def revoke_token(
    connection: AsyncConnection, name: str, now: int
) -> None:
    """Revoke the valid token of a name. Raises InvalidOperator."""
    for each in await list_tokens(connection):
        if each.name == name and each.is_valid(now):
            await connection.execute(
                update(api_tokens)
                .where(api_tokens.c.token_id == each.token_id)
                .values(ended_at=now)
            )
            return
    raise InvalidOperator(f"there is no valid token {name!r}")


async def record_use(
    connection: AsyncConnection, token_id: str, day: int
) -> None:
    """Record the day of a token's last use."""
    await connection.execute(
        update(api_tokens)
        .where(api_tokens.c.token_id == token_id)
        .values(last_used_day=day)
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Work of the commands about tokens, and their output.

Apart from `tokens`: it imports SQLAlchemy, which other commands don't need.
"""

import secrets
import time
from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.cli.access.operator_admin import record, run
from msrv.ledger.operators import token_rows
from msrv.ledger.operators.acts import CLI
from msrv.ledger.operators.tokens import ApiToken, Scope
from msrv.settings import Settings
from msrv.text_table import labelled, table, utc_time

_DAY_SECONDS: Final = 86_400


def create(
    settings: Settings, name: str, scopes: frozenset[Scope], days: int
) -> tuple[str, str]:
    """Create a token; return it, and a note. Raises LedgerError."""
    now = int(time.time())

    async def change(connection: AsyncConnection) -> str:
        text = await token_rows.create_token(
            connection,
            name,
            scopes,
            days,
            created_by=CLI,
            now=now,
            random=secrets.token_bytes,
        )
        subject = f"{name}:{days}d:{','.join(sorted(scopes))}"
        await record(connection, "create-token", subject)
        return text

    text = run(settings, change)
    until = utc_time(now + days * _DAY_SECONDS)
    return text, f"valid until {until}; it isn't shown again"


def listed(settings: Settings) -> list[ApiToken]:
    """Return all tokens. Raises LedgerError."""
    return run(settings, token_rows.list_tokens)


def revoke(settings: Settings, name: str) -> str:
    """Revoke a token; return a report. Raises LedgerError."""

    async def change(connection: AsyncConnection) -> None:
        await token_rows.revoke_token(connection, name, int(time.time()))
        await record(connection, "revoke-token", name)

    run(settings, change)
    return labelled(("token", name), ("change", "revoked"))


def format_tokens(found: Sequence[ApiToken]) -> str:
    """Return a table of tokens."""
    if not found:
        return "no tokens: msrv tokens create NAME --scope SCOPE --days DAYS"
    return table(
        [
            ("name", "scopes", "until", "last used", "revoked"),
            *(
                (
                    each.name,
                    " ".join(sorted(each.scopes)),
                    utc_time(each.expires_at),
                    "never"
                    if each.last_used_day is None
                    else utc_time(each.last_used_day * _DAY_SECONDS)[:10],
                    "" if each.ended_at is None else utc_time(each.ended_at),
                )
                for each in found
            ),
        ]
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Differences between databases.

Apart from the dialects themselves, which import it.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from msrv.ledger.connection_rules import ConnectionRules

Kind = Literal["sqlite", "mariadb", "postgresql"]

WRITES = "writes"
"""Option of an execution whose transaction writes."""
POOL = 4
"""Connections of a process to its database."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """State of a connection: its cipher, empty without TLS, and the time.

    `now` is the server's clock in Unix seconds.
    """

    cipher: str
    now: float


@dataclass(frozen=True, slots=True)
class Dialect:
    """A kind of database.

    `prepare_long` prepares a transaction of UPGRADE_SECONDS, `lock_writers`
    has a writer be the only one, and `upgrade_lock` is held by whoever
    changes the tables. The file of SQLite has no `read_state`.
    """

    kind: Kind
    name: str
    open: Callable[[URL, ConnectionRules], AsyncEngine]
    prepare_long: Callable[[AsyncConnection], Awaitable[None]]
    lock_writers: Callable[[AsyncConnection], Awaitable[None]]
    upgrade_lock: Callable[
        [AsyncConnection], AbstractAsyncContextManager[None]
    ]
    read_state: Callable[[AsyncConnection], Awaitable[ServerState]] | None


async def no_more_locks(connection: AsyncConnection) -> None:
    """Do nothing: the row that each writer locks first is enough."""

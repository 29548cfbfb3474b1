# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reads of a replica, which the database itself replaces while it is away."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from time import monotonic
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.errors import DatabaseError

log = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 1.0
"""Someone waits for a page, which the database itself can show."""
_AWAY_SECONDS: Final = 30.0
"""For so long a replica that failed isn't tried again."""

Open = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


class ReplicaReads:
    """Choice between a replica and its database, for what may be old.

    `name` is that of the replica, for the log; `clock` returns seconds.
    """

    def __init__(
        self, name: str, clock: Callable[[], float] = monotonic
    ) -> None:
        self._name = name
        self._clock = clock
        self._away_until = clock()
        self._is_away = False

    @contextlib.asynccontextmanager
    async def transaction(
        self, replica: Open, database: Open
    ) -> AsyncIterator[AsyncConnection]:
        """Read the replica, or the database while that is away.

        Raises DatabaseError, also for a replica that fails while it is read;
        the next transaction reads the database then.
        """
        connection = None
        try:
            async with AsyncExitStack() as stack:
                connection = await self._connect(stack, replica)
                if connection is not None:
                    yield connection
                else:
                    yield await stack.enter_async_context(database())
        except DatabaseError as error:
            if connection is not None:
                self._set_away(error)
            raise

    async def _connect(
        self, stack: AsyncExitStack, replica: Open
    ) -> AsyncConnection | None:
        if self._clock() < self._away_until:
            return None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                connection = await stack.enter_async_context(
                    _answering(replica)
                )
        except TimeoutError:
            self._set_away(f"no answer within {_PATIENCE_SECONDS:g} s")
            return None
        except DatabaseError as error:
            self._set_away(error)
            return None
        if self._is_away:
            log.info("reports are read from %s again", self._name)
            self._is_away = False
        return connection

    def _set_away(self, reason: object) -> None:
        self._away_until = self._clock() + _AWAY_SECONDS
        if not self._is_away:
            log.warning(
                "%s can't be read, so reports are read from MSRV_DATABASE: %s",
                self._name,
                reason,
            )
            self._is_away = True


@contextlib.asynccontextmanager
async def _answering(replica: Open) -> AsyncIterator[AsyncConnection]:
    """Open a transaction of a replica that answers, and has the tables."""
    async with replica() as connection:
        await connection.execute(
            text("SELECT version_num FROM alembic_version")
        )
        yield connection

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operators and tokens as a replica knows them: read, and briefly cached.

A removed operator, a changed role and a revoked token take effect on every
replica within MAX_AGE_SECONDS for what is read, and at once for what is
changed. While the database is unavailable, nobody changes anything under a
name, and what can be read without it is read with what was known last.
"""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from msrv.ledger.errors import DatabaseError, DatabaseUnavailable
from msrv.ledger.operators.model import UNNAMED, Operator, Role
from msrv.ledger.operators.tokens import ApiToken
from msrv.ledger.timeouts import SIGN_IN_SECONDS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from msrv.ledger.db.database import Database
    from msrv.ledger.ledger import Ledger

MAX_AGE_SECONDS: Final = 5.0
"""Age of what is known up to which a page is shown because of it."""
_DAY_SECONDS: Final = 86_400

_Row = TypeVar("_Row")


class _Directory(ABC, Generic[_Row]):
    """Rows of a database by their ids, as they were read last.

    `monotonic` returns seconds, as `time.monotonic` does.
    """

    def __init__(
        self,
        database: "Database | Ledger",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known: Mapping[str, _Row] = {}
        self._read_at: float | None = None
        self._failed_at: float | None = None
        self._reading = asyncio.Lock()

    @abstractmethod
    async def _load(self, connection: "AsyncConnection") -> dict[str, _Row]:
        """Return all rows by their ids. Raises DatabaseError."""

    async def list(self) -> list[_Row]:
        """Return all rows as the database has them. Raises DatabaseError."""
        return list((await self._read()).values())

    async def _lookup(self, row_id: str, *, changes: bool) -> _Row | None:
        """Return a row, with `changes` as the database has it now.

        Raises DatabaseError if it is unavailable, or if nothing is known yet.
        """
        if changes:
            return (await self._read()).get(row_id)
        await self._refresh()
        return self._known.get(row_id)

    async def _refresh(self) -> None:
        """Read the rows unless they were read a moment ago.

        Without the database, those that were read last stay known.
        """
        async with self._reading:
            if self._is_recent(self._read_at):
                return
            if not self._is_recent(self._failed_at):
                try:
                    await self._read()
                except DatabaseError:
                    self._failed_at = self._monotonic()
                    if self._read_at is None:
                        raise
            if self._read_at is None:
                raise DatabaseUnavailable(
                    "the database has not been reached yet"
                )

    def _is_recent(self, at: float | None) -> bool:
        return at is not None and self._monotonic() - at < MAX_AGE_SECONDS

    async def _read(self) -> Mapping[str, _Row]:
        """Return the rows as they are now. Raises DatabaseError.

        Of two reads, what the later one found stays known, whichever ends
        first.
        """
        started_at = self._monotonic()
        async with self._database.read_transaction(
            SIGN_IN_SECONDS
        ) as connection:
            found = await self._load(connection)
        if self._read_at is None or self._read_at <= started_at:
            self._known, self._read_at = found, started_at
        return found


# SQLAlchemy takes 0.3 s to import, and is imported already wherever there is
# a connection: so `_load` imports the modules that need it.


class OperatorDirectory(_Directory[Operator]):
    """Operators of a database, by their ids."""

    async def find(
        self, operator_id: str, *, changes: bool
    ) -> Operator | None:
        """Return an operator; None for one that there isn't any more.

        With `changes`, as the database has it now, for a request that changes
        something. Raises DatabaseError if it is unavailable, or if nothing is
        known yet.
        """
        if not operator_id:
            return UNNAMED
        found = await self._lookup(operator_id, changes=changes)
        return None if found is None or found.is_ended else found

    def last_known(self, operator_id: str) -> Operator:
        """Return an operator for the record, whoever may be removed since.

        One that this replica has never read has the id as the name, and may
        only read.
        """
        if not operator_id:
            return UNNAMED
        return self._known.get(
            operator_id, Operator(operator_id, operator_id, Role.READ_ONLY)
        )

    async def _load(
        self, connection: "AsyncConnection"
    ) -> dict[str, Operator]:
        from msrv.ledger.operators import rows  # noqa: PLC0415 - slow to import

        found = await rows.list_operators(connection)
        return {each.operator_id: each for each in found}


class TokenDirectory(_Directory[ApiToken]):
    """Tokens of a database, by their ids."""

    async def find(self, token_id: str, *, changes: bool) -> ApiToken | None:
        """Return a token, which may have ended; None for an unknown one.

        With `changes`, as `OperatorDirectory.find`. Raises DatabaseError.
        """
        return await self._lookup(token_id, changes=changes)

    async def record_use(self, token: ApiToken, now: int) -> None:
        """Record the day of a token's use, once a day; never raises.

        `now` is in Unix seconds.
        """
        day = now // _DAY_SECONDS
        if token.last_used_day is not None and token.last_used_day >= day:
            return
        with contextlib.suppress(DatabaseError):
            async with self._database.write_transaction(
                SIGN_IN_SECONDS
            ) as connection:
                from msrv.ledger.operators import token_rows  # noqa: PLC0415 - slow to import

                await token_rows.record_use(connection, token.token_id, day)
            await self._read()

    async def _load(
        self, connection: "AsyncConnection"
    ) -> dict[str, ApiToken]:
        from msrv.ledger.operators import token_rows  # noqa: PLC0415 - slow to import

        found = await token_rows.list_tokens(connection)
        return {each.token_id: each for each in found}

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operators as a replica knows them: read from the database, briefly cached.

A removed operator and a changed role take effect on every replica within
MAX_AGE_SECONDS for what is read, and at once for what is changed. While the
database is unavailable, nobody changes anything under a name, and what can be
read without it is read with the role that was known last.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from msrv.ledger.errors import DatabaseError, DatabaseUnavailable
from msrv.ledger.operators.model import UNNAMED, Operator, Role
from msrv.ledger.timeouts import SIGN_IN_SECONDS

if TYPE_CHECKING:
    from msrv.ledger.db.database import Database
    from msrv.ledger.ledger import Ledger

MAX_AGE_SECONDS: Final = 5.0
"""Age of the known operators up to which a page is shown by them."""


class OperatorDirectory:
    """Operators of a database, by their ids.

    `monotonic` returns seconds, as `time.monotonic` does.
    """

    def __init__(
        self,
        database: "Database | Ledger",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known: Mapping[str, Operator] = {}
        self._read_at: float | None = None
        self._failed_at: float | None = None
        self._reading = asyncio.Lock()

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
        if changes:
            await self._read()
        else:
            await self._refresh()
        found = self._known.get(operator_id)
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

    async def list(self) -> list[Operator]:
        """Return all operators, as `rows.list_operators` does.

        Raises DatabaseError.
        """
        await self._read()
        return list(self._known.values())

    async def _refresh(self) -> None:
        """Read the operators unless they were read a moment ago.

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

    async def _read(self) -> None:
        started_at = self._monotonic()
        async with self._database.read_transaction(
            SIGN_IN_SECONDS
        ) as connection:
            # SQLAlchemy takes 0.3 s to import, and is imported already
            # wherever there is a connection.
            from msrv.ledger.operators.rows import (  # noqa: PLC0415 - slow to import
                list_operators,
            )

            found = await list_operators(connection)
        self._known = {each.operator_id: each for each in found}
        self._read_at = started_at

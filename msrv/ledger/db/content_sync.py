"""Exchanging with the database what the ids that were sold stand for.

Each data folder knows what its own catalog offered. Of what was sold, the
database holds the same, so that a new replica, or a data folder that was
lost, finds what was renamed before it was there.
"""

import asyncio
import importlib
import logging
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Protocol

from msrv.catalog.id_history import IdHistory
from msrv.ledger.errors import LedgerError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 5.0
_WRITE_AT_ONCE: Final = 1000


class Transactions(Protocol):
    """A database, or the ledger in front of it."""

    def reading(self) -> "AbstractAsyncContextManager[AsyncConnection]":
        """Read within one transaction. Raises DatabaseError."""
        ...

    def writing(self) -> "AbstractAsyncContextManager[AsyncConnection]":
        """Write within one transaction, alone. Raises DatabaseError."""
        ...


class ContentSync:
    """Synchronises a data folder's history with the database."""

    def __init__(self, database: Transactions, history: IdHistory) -> None:
        self._database = database
        self._history = history
        self._done: tuple[int, int] | None = None

    async def run(self) -> None:
        """Exchange what is new, now and then, until cancelled.

        While the database is away nothing is lost: the history is kept.
        """
        while True:
            try:
                await self.exchange()
            except LedgerError as error:
                log.debug("what was sold can't be compared yet: %s", error)
            except Exception:
                log.exception("what was sold can't be compared; trying again")
            await asyncio.sleep(EVERY_SECONDS)

    async def exchange(self) -> None:
        """Learn what others know, and tell what they don't.

        Raises DatabaseError.
        """
        # Imported here, as SQLAlchemy is slow to import.
        contents: Any = await asyncio.to_thread(
            importlib.import_module, "msrv.ledger.db.contents"
        )
        async with self._database.reading() as connection:
            count = await contents.count(connection)
        state = (count, self._history.changes)
        if state == self._done:
            return
        async with self._database.reading() as connection:
            sold = await contents.sold(connection)
        await asyncio.to_thread(self._history.mark_sold, sold)
        own = {
            each.item_id: each
            for each in await asyncio.to_thread(self._history.sold_records)
        }
        async with self._database.reading() as connection:
            known = await contents.read(connection, own.keys() | sold.keys())
        await asyncio.to_thread(
            self._history.merge,
            [
                each
                for each in known.values()
                if each.item_id not in own
                or own[each.item_id].changed_at_ms < each.changed_at_ms
            ],
        )
        new = [
            each
            for each in own.values()
            # Of some nothing but the title is known.
            if each.kind
            and (
                each.item_id not in known
                or known[each.item_id].changed_at_ms < each.changed_at_ms
            )
        ]
        for at in range(0, len(new), _WRITE_AT_ONCE):
            async with self._database.writing() as connection:
                await contents.write(connection, new[at : at + _WRITE_AT_ONCE])
        self._done = state

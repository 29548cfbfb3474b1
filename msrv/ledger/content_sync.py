# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sync of sold items between a data folder's id history and the database.

Each data folder knows what its own catalog has offered. The database has the
same of everything that was sold, so that a new replica, or one that lost its
data folder, recognises items that were renamed earlier. Apart from `db`, since
the application imports it at start, and SQLAlchemy is slow to import.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from msrv.catalog.id_history import IdHistory
from msrv.ledger.errors import LedgerError

if TYPE_CHECKING:
    from msrv.ledger.db.database import Database
    from msrv.ledger.ledger import Ledger

log = logging.getLogger(__name__)

SYNC_SECONDS: Final = 5.0
_BATCH: Final = 1000


class ContentSync:
    """Background sync of one data folder's history with the database."""

    def __init__(
        self, database: "Database | Ledger", history: IdHistory
    ) -> None:
        self._database = database
        self._history = history
        self._synced: tuple[int, int] | None = None

    async def run(self) -> None:
        """Sync every few seconds until cancelled.

        Nothing is lost while the database is unavailable: the history stays.
        """
        while True:
            try:
                await self.sync()
            except LedgerError as error:
                log.debug("sold items can't be synced yet: %s", error)
            except Exception:
                log.exception("sold items can't be synced; trying again")
            await asyncio.sleep(SYNC_SECONDS)

    async def sync(self) -> None:
        """Copy the records that either side lacks. Raises DatabaseError."""
        await asyncio.to_thread(_import_contents)
        from msrv.ledger.db import contents  # noqa: PLC0415 - slow to import

        async with self._database.read_transaction() as connection:
            count = await contents.count_sold_items(connection)
        state = (count, self._history.changes)
        if state == self._synced:
            return
        async with self._database.read_transaction() as connection:
            sold = await contents.sold_titles(connection)
        await asyncio.to_thread(self._history.mark_sold, sold)
        own = {
            each.item_id: each
            for each in await asyncio.to_thread(self._history.sold_records)
        }
        async with self._database.read_transaction() as connection:
            known = await contents.load_contents(
                connection, own.keys() | sold.keys()
            )
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
            # Of some, only the title is known.
            if each.kind
            and (
                each.item_id not in known
                or known[each.item_id].changed_at_ms < each.changed_at_ms
            )
        ]
        for at in range(0, len(new), _BATCH):
            async with self._database.write_transaction() as connection:
                await contents.save_contents(connection, new[at : at + _BATCH])
        self._synced = state


def _import_contents() -> None:
    """Import the module, which takes 0.3 s: SQLAlchemy."""
    from msrv.ledger.db import contents  # noqa: F401, PLC0415 - slow to import

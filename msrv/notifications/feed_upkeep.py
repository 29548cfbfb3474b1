# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Upkeep of the ledger's feed: releases that are new, and events that are old.

Apart from the ledger, which knows no catalog.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.model import Catalog
from msrv.ledger.content_sync import ContentSync
from msrv.ledger.errors import LedgerError
from msrv.ledger.ledger import Ledger
from msrv.orders.invoices.service import Invoices
from msrv.tasks import TaskSupervisor, finish

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 10.0
_OLD_SECONDS: Final = 3600
# The first seconds of a store belong to its visitors.
_START_SECONDS: Final = 1.0


class FeedUpkeep:
    """Upkeep in the background. `clock` returns Unix seconds."""

    def __init__(
        self,
        ledger: Ledger,
        catalog: LiveCatalog,
        clock: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._clock = clock
        self._releases: frozenset[str] | None = None
        self._cleaned_at = 0

    async def run(self) -> None:
        """Look for what is new and what is old until cancelled."""
        await self._catalog.ready()
        while True:
            try:
                self._ledger.database()  # has imported SQLAlchemy
                # SQLite stays locked for a while after a half-done write.
                await finish(self.update())
            except LedgerError as error:
                log.debug("the feed can't be updated yet: %s", error)
            except Exception:
                log.exception("the feed can't be updated; trying again")
            await asyncio.sleep(POLL_SECONDS)

    async def update(self) -> None:
        """Publish new releases, delete old events. Raises DatabaseError."""
        from msrv.ledger.db.feed import (  # noqa: PLC0415 - slow to import
            outgoing_events,
        )

        now = self._clock()
        catalog = self._catalog.current
        offered = _offered(catalog)
        if offered != self._releases:
            async with self._ledger.write_transaction() as connection:
                await outgoing_events.publish_releases(
                    connection, offered, now, catalog.moved
                )
            self._releases = offered
        if now - self._cleaned_at >= _OLD_SECONDS:
            async with self._ledger.write_transaction() as connection:
                await outgoing_events.delete_old(connection, now)
            self._cleaned_at = now


@contextlib.asynccontextmanager
async def ledger_upkeep(invoices: Invoices) -> AsyncIterator[None]:
    """Keep the ledger's feed and invoices, and compare it with the library."""
    ledger, catalog = invoices.ledger, invoices.catalog
    work = TaskSupervisor("ledger upkeep")
    work.start_later(
        _START_SECONDS,
        ContentSync(ledger, catalog.history).run,
        FeedUpkeep(ledger, catalog, invoices.clock).run,
        invoices.run,
    )
    try:
        yield
    finally:
        await work.stop()


def _offered(catalog: Catalog) -> frozenset[str]:
    """Return the ids of the releases that visitors can see."""
    return frozenset(
        each.release_id
        for each in catalog.releases
        if not each.hidden and each.offered
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A live catalog of a temporary library, whose time is set by the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.watching.scan_schedule import ScanSchedule
from tests.catalog.temporary_library import Library
from tests.polling import wait_until

QUIET: Final = 10
GRACE: Final = 60


class Store:
    """LiveCatalog whose time is set by the test."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.now = 0.0
        self.ahead = 0.0
        """Seconds by which the clock is ahead of the files' dates."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LiveCatalog]:
        catalog = LiveCatalog(
            self.library.root,
            self.library.data,
            settle_seconds=QUIET,
            # Polled, since the time stands still here.
            schedule=ScanSchedule(poll_seconds=0.005, watches=False),
            clock=lambda: newest(self.library.root) + self.ahead + self.now,
            timer=lambda: self.now,
        )
        async with catalog, asyncio.timeout(20):
            self.catalog = catalog
            yield catalog

    @asynccontextmanager
    async def open(self) -> AsyncIterator[LiveCatalog]:
        """Start it on files that have been unchanged for long."""
        self.ahead = 1000
        async with self.running() as catalog:
            await catalog.ready()
            self.ahead = 0
            yield catalog

    async def scans(self, number: int = 3) -> None:
        """Wait until the library has been scanned some times."""
        seen = self.catalog.scans
        await wait_until(lambda: self.catalog.scans >= seen + number)

    async def later(self, seconds: float) -> None:
        """Advance the time, once the present files have been scanned."""
        await self.scans()
        self.now += seconds
        await self.scans()

    def price(self) -> str:
        return str(self.catalog.current.releases[0].items[0].price)

    def problems(self) -> str:
        return "\n".join(map(str, self.catalog.reading.problems))

    def sold(self) -> dict[str, list[int]]:
        return {
            release.folder: [item.content.size_bytes for item in release.items]
            for release in self.catalog.current.offered
        }


def newest(root: Path) -> float:
    return max(path.stat().st_ctime for path in (root, *root.rglob("*")))

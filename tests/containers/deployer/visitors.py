# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Visitors during an update of the store, and the errors that they meet."""

import asyncio
import hashlib
import ssl
from dataclasses import dataclass, field
from typing import Final

import aiohttp

CLIENTS: Final = 50
DOWNLOADS: Final = 10
PAUSE_SECONDS: Final = 1.25
"""Forty requests a second in all: nginx allows a network fifty."""
_PATHS: Final = ("/", "/catalog", "/catalog?q=short", "/-/health")


@dataclass(slots=True)
class Visitors:
    """Fifty visitors of pages, ten downloads, and one buyer."""

    url: str
    tls: ssl.SSLContext
    sums: dict[str, str]
    """SHA-256 of each download, by its path."""
    bytes_per_second: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    requests: int = 0
    downloads: int = 0
    bought: int = 0
    replicas: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    async def run_during(self, work: "asyncio.Future[None]") -> None:
        """Send requests until the work is done."""
        async with aiohttp.ClientSession(
            self.url,
            connector=aiohttp.TCPConnector(limit=0, ssl=self.tls),
            timeout=aiohttp.ClientTimeout(total=60),
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as session:
            paths = list(self.sums)
            visitors = [
                asyncio.create_task(self._look(session, number))
                for number in range(CLIENTS)
            ]
            visitors += [
                asyncio.create_task(
                    self._download(session, paths[number % len(paths)])
                )
                for number in range(DOWNLOADS)
            ]
            visitors.append(asyncio.create_task(self._buy(session)))
            try:
                await work
            finally:
                self.stop.set()
                await asyncio.gather(*visitors)

    async def _look(self, session: aiohttp.ClientSession, number: int) -> None:
        # Every fifth by new connections.
        headers = {"Connection": "close"} if number % 5 == 0 else {}
        while not self.stop.is_set():
            path = _PATHS[number % len(_PATHS)]
            try:
                async with session.get(path, headers=headers) as answer:
                    await answer.read()
                    if answer.status != 200:
                        self.failures.append(f"{path}: {answer.status}")
            except (aiohttp.ClientError, TimeoutError) as error:
                self.failures.append(f"{path}: {error!r}")
            self.requests += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def _buy(self, session: aiohttp.ClientSession) -> None:
        while not self.stop.is_set():
            try:
                async with session.post(
                    "/purchases",
                    data={"item": "short"},
                    headers={"Accept": "application/json"},
                ) as answer:
                    if answer.status != 201:
                        self.failures.append(f"a purchase: {answer.status}")
            except (aiohttp.ClientError, TimeoutError) as error:
                self.failures.append(f"a purchase: {error!r}")
            self.bought += 1
            await asyncio.sleep(1)

    async def _download(
        self, session: aiohttp.ClientSession, path: str
    ) -> None:
        loop = asyncio.get_running_loop()
        while not self.stop.is_set():
            digest, have, began = hashlib.sha256(), 0, loop.time()
            try:
                async with session.get(path) as answer:
                    async for part in answer.content.iter_chunked(65_536):
                        digest.update(part)
                        have += len(part)
                        ahead = have / self.bytes_per_second - (
                            loop.time() - began
                        )
                        if ahead > 0:
                            await asyncio.sleep(ahead)
                if digest.hexdigest() != self.sums[path]:
                    self.failures.append(f"a download of {have} B")
            except (aiohttp.ClientError, TimeoutError) as error:
                self.failures.append(f"a download: {error!r} at {have} B")
            self.downloads += 1

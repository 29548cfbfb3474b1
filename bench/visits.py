# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Visitors who browse, search, buy and download, with time to think.

Runs in a process of its own, `python -m bench.visits JSON`, so that its cost
is not the server's. Each visitor has cookies, connections and an address of
its own, and comes back as a new one after each visit. Prints JSON.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import aiohttp

SEARCHES: Final = ("winter", "harbour", "straßen", "saisons", "駅", "nothing")
_JSON: Final = {"Accept": "application/json"}
_HTML: Final = {"Accept": "text/html", "Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Visits:
    """Task of a number of visitors at once.

    They think for `think_seconds` on average before each page. `addresses`
    are local ones that they connect from, in turns. `releases` are those
    that they look at, with the items of each.
    """

    url: str
    visitors: int
    think_seconds: float
    seconds: float
    releases: dict[str, list[str]]
    addresses: list[str]
    seed: int = 1


@dataclass(slots=True)
class Seen:
    """What the visitors saw: milliseconds of each page, and errors.

    `late_ms` is how much longer than they wanted they thought each time: what
    the visitors' own process waited for a processor, which is part of the time
    of a page as well.
    """

    page_ms: dict[str, list[float]] = field(default_factory=dict)
    late_ms: list[float] = field(default_factory=list)
    downloads: int = 0
    downloaded_bytes: int = 0
    purchases: int = 0
    errors: list[str] = field(default_factory=list)


class Visitor:
    """Visitor with a window of their own."""

    def __init__(self, task: Visits, seen: Seen, number: int) -> None:
        self._task = task
        self._seen = seen
        self._random = random.Random(  # noqa: S311 - not a secret
            f"{task.seed} {number}"
        )
        self._address = task.addresses[number % len(task.addresses)]
        self._wanted = ""

    async def run(self, until: float) -> None:
        """Visit the store again and again until that monotonic time."""
        await asyncio.sleep(self._random.random() * self._task.think_seconds)
        while time.monotonic() < until:
            try:
                async with self._window() as window:
                    await self._visit(window)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                self._seen.errors.append(
                    f"{self._wanted}: {type(error).__name__} {error}"
                )

    @asynccontextmanager
    async def _window(self) -> AsyncIterator[aiohttp.ClientSession]:
        connector = aiohttp.TCPConnector(
            ssl=False, local_addr=(self._address, 0), limit=4
        )
        async with aiohttp.ClientSession(
            self._task.url,
            connector=connector,
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(60),
        ) as window:
            yield window

    async def _visit(self, window: aiohttp.ClientSession) -> None:
        release = self._random.choice(list(self._task.releases))
        await self._page(window, "front page", "/")
        await self._page(window, "catalog", "/catalog")
        word = self._random.choice(SEARCHES)
        await self._page(window, "search", f"/catalog?q={word}")
        await self._page(window, "release", f"/catalog/{release}")
        if self._random.random() < 1 / 2:
            await self._buy(window, release)

    async def _buy(self, window: aiohttp.ClientSession, release: str) -> None:
        item = self._random.choice(self._task.releases[release])
        await self._think()
        await self._post(window, "add to cart", "/cart", {"add": item})
        await self._page(window, "cart", "/cart")
        await self._think()
        receipt = await self._post(
            window, "purchase", "/purchases", {"item": item}
        )
        if receipt is None:
            return
        self._seen.purchases += 1
        await self._page(window, "receipt", _path(receipt["receipt"]))
        await self._think()
        await self._download(window, receipt["downloads"][item])

    async def _download(
        self, window: aiohttp.ClientSession, link: str
    ) -> None:
        self._wanted = "download"
        async with window.get(_path(link)) as response:
            if response.status != 200:
                self._seen.errors.append(f"download: {response.status}")
                return
            expected = response.content_length
            count = 0
            async for piece in response.content.iter_any():
                count += len(piece)
            if count != expected:
                self._seen.errors.append(f"download: {count} of {expected}")
            self._seen.downloads += 1
            self._seen.downloaded_bytes += count

    async def _think(self) -> None:
        seconds = self._random.expovariate(1 / self._task.think_seconds)
        until = time.perf_counter() + seconds
        await asyncio.sleep(seconds)
        self._seen.late_ms.append((time.perf_counter() - until) * 1000)

    async def _page(
        self, window: aiohttp.ClientSession, name: str, path: str
    ) -> None:
        await self._think()
        self._wanted = name
        started = time.perf_counter()
        async with window.get(path, headers=_HTML) as response:
            await response.read()
            self._note(name, response, started)

    async def _post(
        self,
        window: aiohttp.ClientSession,
        name: str,
        path: str,
        form: dict[str, str],
    ) -> dict[str, Any] | None:
        """Post a form, and return the JSON of the response, if it is one."""
        self._wanted = name
        started = time.perf_counter()
        async with window.post(path, data=form, headers=_JSON) as response:
            body = await response.read()
            self._note(name, response, started)
            return json.loads(body) if response.ok else None

    def _note(
        self, name: str, response: aiohttp.ClientResponse, started: float
    ) -> None:
        if not response.ok:
            self._seen.errors.append(f"{name}: {response.status}")
        taken = (time.perf_counter() - started) * 1000
        self._seen.page_ms.setdefault(name, []).append(taken)


def _path(address: str) -> str:
    """Return an address without its host, for which there may be another."""
    return "/" + address.partition("//")[2].partition("/")[2]


async def visit(task: Visits) -> Seen:
    """Let the visitors visit for the time of the task."""
    seen = Seen()
    until = time.monotonic() + task.seconds
    await asyncio.gather(
        *(
            Visitor(task, seen, number).run(until)
            for number in range(task.visitors)
        )
    )
    return seen


if __name__ == "__main__":
    print(
        json.dumps(
            asdict(asyncio.run(visit(Visits(**json.loads(sys.argv[1])))))
        )
    )

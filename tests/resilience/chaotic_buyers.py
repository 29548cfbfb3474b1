# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""People who buy and download while everything is killed, and the result."""

import asyncio
import contextlib
import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from sqlalchemy import func, select

from msrv.ledger.db import schema
from msrv.ledger.db.database import Database
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from tests.downloads.contents import noise

BUYERS: Final = 50
FILE: Final = noise(1_500_001, "chaos")
SHA256: Final = hashlib.sha256(FILE).hexdigest()
_TIMEOUT: Final = aiohttp.ClientTimeout(total=20, sock_connect=5, sock_read=5)
_UNAVAILABLE: Final = (
    aiohttp.ClientError,
    asyncio.TimeoutError,
    ConnectionError,
)


@dataclass
class Buyers:
    """Concurrent buyers, with their receipts and counts.

    Each request goes to the next of the replicas in `urls`.
    """

    urls: Sequence[str]
    item: str
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    receipts: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    async def buy_and_download(self, number: int) -> None:
        """Buy and download repeatedly until `closing` is set."""
        chance = random.Random(number)  # noqa: S311 - the same each time
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            while not self.closing.is_set():
                order = {"item": self.item, "provider": "demo"}
                pay = await self._post(session, "/purchases", order)
                # Repeated until there is a response: the same order.
                shown = await self._post(session, pay, {"answer": "pay"})
                self.receipts.append(shown)
                await self._download(session, shown, chance)

    def _url(self) -> str:
        """Return the address of the next replica."""
        self.counts["requests"] += 1
        return self.urls[self.counts["requests"] % len(self.urls)]

    async def _post(
        self, session: aiohttp.ClientSession, path: str, form: dict[str, str]
    ) -> str:
        """Submit a form until it is answered, and return where it leads."""
        while True:
            with contextlib.suppress(*_UNAVAILABLE):
                async with session.post(
                    self._url() + path, data=form, allow_redirects=False
                ) as response:
                    if response.status == 303:
                        return response.headers["Location"]
                    assert response.status == 503, await response.text()
            self.counts["repeated"] += 1
            await asyncio.sleep(0.1)

    async def _download(
        self,
        session: aiohttp.ClientSession,
        receipt: str,
        chance: random.Random,
    ) -> None:
        """Download from a receipt, and resume until it is complete."""
        got = hashlib.sha256()
        size, etag = 0, ""
        link = await self._link(session, receipt)
        while size < len(FILE):
            headers = (
                {"Range": f"bytes={size}-", "If-Range": etag} if size else {}
            )
            with contextlib.suppress(*_UNAVAILABLE):
                async with session.get(
                    self._url() + link, headers=headers
                ) as response:
                    if response.status == 503:
                        await asyncio.sleep(0.1)
                        continue
                    assert response.status == (206 if size else 200)
                    etag = response.headers["ETag"]
                    async for data in response.content.iter_chunked(1 << 17):
                        got.update(data)
                        size += len(data)
                        await asyncio.sleep(chance.random() / 10)
            if size < len(FILE):
                self.counts["resumed"] += 1
                await asyncio.sleep(0.1)
        assert got.hexdigest() == SHA256
        self.counts["downloads"] += 1

    async def _link(self, session: aiohttp.ClientSession, receipt: str) -> str:
        while True:
            with contextlib.suppress(*_UNAVAILABLE):
                async with session.get(
                    self._url() + receipt,
                    headers={"Accept": "application/json"},
                ) as response:
                    if response.status == 200:
                        shown = await response.json()
                        link: str = shown["downloads"][self.item]
                        return urlsplit(link).path
            await asyncio.sleep(0.1)

    def sold(self, nonce: str) -> set[str]:
        """Return the ids of the orders, each of which is another."""
        keyring = Keyring.from_nonces(nonce, accepts_simulated=True)
        found = {
            receipts.read(keyring, each.rpartition("/")[2]).order_id
            for each in self.receipts
        }
        assert len(found) == len(self.receipts)
        return found


async def check_ledger(database: str, sold: set[str], seconds: float) -> None:
    """Compare a database with what was sold at 1.00 each.

    It may be a node that receives the last of it within `seconds`.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    async with contextlib.aclosing(LedgerReader(database)) as reader:
        known, orders, sold_minor = await reader.sales()
        while sold - known and loop.time() < until:
            await asyncio.sleep(0.1)
            known, orders, sold_minor = await reader.sales()
        assert sold - known == set(), "sales are lost"
        assert known - sold == set(), "sales without a buyer"
        assert (orders, sold_minor) == (len(sold), 100 * len(sold))
        while not await reader.downloads():
            assert loop.time() < until, "no download was counted"
            await asyncio.sleep(0.1)


class LedgerReader:
    """Final contents of the database."""

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    async def aclose(self) -> None:
        await self._database.close()

    async def sales(self) -> tuple[set[str], int, int]:
        """Return the order ids, and the aggregated number and total."""
        async with self._database.read_transaction() as connection:
            known = await connection.scalars(select(schema.orders.c.order_id))
            sums = await connection.execute(
                select(
                    func.sum(schema.days.c.orders),
                    func.sum(schema.days.c.sold_minor),
                )
            )
            orders, sold_minor = sums.one()
            return set(known), int(orders or 0), int(sold_minor or 0)

    async def downloads(self) -> int:
        """Return the number of downloads."""
        async with self._database.read_transaction() as connection:
            found = await connection.scalar(
                select(func.count()).select_from(schema.downloads)
            )
            return int(found or 0)

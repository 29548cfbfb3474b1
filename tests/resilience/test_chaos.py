# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The database and the store are killed repeatedly, while people buy."""

import asyncio
import contextlib
import hashlib
import random
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import pytest
from sqlalchemy import func, select

from msrv.ledger.db import schema
from msrv.ledger.db.database import Database
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from tests.downloads.contents import noise
from tests.ledger.mariadb_server import MariaDBServer
from tests.store_process import StoreProcess, free_port, launch_store

BUYERS: Final = 50
ROUNDS: Final = 20
SETTLE_SECONDS: Final = 40
FILE: Final = noise(1_500_001, "chaos")
SHA256: Final = hashlib.sha256(FILE).hexdigest()
TIMEOUT: Final = aiohttp.ClientTimeout(total=20, sock_connect=5, sock_read=5)
UNAVAILABLE: Final = (
    aiohttp.ClientError,
    asyncio.TimeoutError,
    ConnectionError,
)


@dataclass
class Buyers:
    """Concurrent buyers, with their receipts and counts."""

    url: str
    item: str
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    receipts: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    async def buy_and_download(self, number: int) -> None:
        """Buy and download repeatedly until `closing` is set."""
        chance = random.Random(number)  # noqa: S311 - the same each time
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            while not self.closing.is_set():
                order = {"item": self.item, "provider": "demo"}
                pay = await self._post(session, "/purchases", order)
                # Repeated until there is a response: the same order.
                shown = await self._post(session, pay, {"answer": "pay"})
                self.receipts.append(shown)
                await self._download(session, shown, chance)

    async def _post(
        self, session: aiohttp.ClientSession, path: str, form: dict[str, str]
    ) -> str:
        """Submit a form until it is answered, and return where it leads."""
        while True:
            with contextlib.suppress(*UNAVAILABLE):
                async with session.post(
                    self.url + path, data=form, allow_redirects=False
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
            with contextlib.suppress(*UNAVAILABLE):
                async with session.get(link, headers=headers) as response:
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
            with contextlib.suppress(*UNAVAILABLE):
                async with session.get(
                    self.url + receipt, headers={"Accept": "application/json"}
                ) as response:
                    if response.status == 200:
                        shown = await response.json()
                        link: str = shown["downloads"][self.item]
                        return self.url + urlsplit(link).path
            await asyncio.sleep(0.1)


class StoreWithDatabase:
    """Store process and its database server."""

    def __init__(self, folder: Path, program: str) -> None:
        self._folder = folder
        self._starts = 0
        self._port = free_port()
        self.server = MariaDBServer(program, folder / "mariadb")
        self.server.install()
        library = folder / "library" / "Noise"
        library.mkdir(parents=True)
        (library / "noise.bin").write_bytes(FILE)
        (library / "release.toml").write_text('price = "1.00"\n')
        self.database = self.server.create("shop")
        self.store = self.start()

    def start(self) -> StoreProcess:
        self._starts += 1
        folder = self._folder / f"start-{self._starts}"
        folder.mkdir()
        self.store = launch_store(
            folder,
            f"--port={self._port}",
            MSRV_DATA=str(self._folder / "data"),
            MSRV_LIBRARY=str(self._folder / "library"),
            MSRV_DATABASE=self.database,
            MSRV_DEMO_PAYMENTS="1",
            MSRV_TLS="off",
            MSRV_MAX_DOWNLOADS_PER_CLIENT="200",
        )
        return self.store

    def kill(self) -> None:
        self.store.process.kill()
        self.store.process.wait(20)
        if self.store.process.stdout:
            self.store.process.stdout.close()

    def is_synced(self) -> bool:
        """Return whether all events are in the database."""
        spools = list((self._folder / "data" / "spool").glob("[0-9]*"))
        with urllib.request.urlopen(
            f"{self.store.url}/-/metrics", timeout=5
        ) as response:
            figures = response.read().decode()
        return (
            len(spools) <= 1
            and "msrv_ledger_up 1.0" in figures
            and "msrv_ledger_waiting_bytes 0.0" in figures
        )

    def end(self) -> None:
        if self.store.process.poll() is None:
            self.store.stop()
        self.server.stop()


@pytest.fixture
def shop(mariadbd: str, tmp_path: Path) -> Iterator[StoreWithDatabase]:
    """Store with a MariaDB of its own."""
    shop = StoreWithDatabase(tmp_path, mariadbd)
    yield shop
    shop.end()


@pytest.mark.alone
async def test_every_sale_is_recorded_once_and_every_download_completes(
    shop: StoreWithDatabase,
) -> None:
    await asyncio.to_thread(shop.store.run, "ledger", "upgrade")
    (release,) = shop.store.request_json("/catalog")["releases"]
    crowd = Buyers(shop.store.url, release["items"][0]["item_id"])
    chance = random.Random(7)  # noqa: S311 - the same each time
    async with asyncio.TaskGroup() as buyers:
        for number in range(BUYERS):
            buyers.create_task(crowd.buy_and_download(number))
        for _ in range(ROUNDS):
            await asyncio.sleep(chance.random())
            await asyncio.to_thread(shop.server.kill)
            await asyncio.sleep(chance.random())
            await asyncio.to_thread(shop.kill)
            await asyncio.gather(
                asyncio.to_thread(shop.server.start),
                asyncio.to_thread(shop.start),
            )
        crowd.closing.set()

    until = time.monotonic() + SETTLE_SECONDS
    while not await asyncio.to_thread(shop.is_synced):
        assert time.monotonic() < until, "the spool was not emptied"
        await asyncio.sleep(0.1)
    keyring = Keyring.from_nonces(
        shop.store.environ["NONCE"], accepts_simulated=True
    )
    sold = {
        receipts.read(keyring, each.rpartition("/")[2]).order_id
        for each in crowd.receipts
    }
    assert len(sold) == len(crowd.receipts)
    async with contextlib.aclosing(LedgerReader(shop.database)) as reader:
        known, orders, sold_minor = await reader.sales()
        assert sold - known == set(), "sales are lost"
        assert known - sold == set(), "sales without a buyer"
        assert (orders, sold_minor) == (len(sold), 100 * len(sold))
        while not await reader.downloads():
            assert time.monotonic() < until, "no download was counted"
            await asyncio.sleep(0.1)
    assert crowd.counts["downloads"] == len(sold)
    # Otherwise the test has proved nothing.
    assert len(sold) > BUYERS
    assert crowd.counts["resumed"] > ROUNDS
    assert crowd.counts["repeated"] > ROUNDS


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

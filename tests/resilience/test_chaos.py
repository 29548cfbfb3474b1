# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The database and the store are killed repeatedly, while people buy."""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.ledger.mariadb_server import MariaDBServer
from tests.resilience.chaotic_buyers import (
    BUYERS,
    FILE,
    Buyers,
    check_ledger,
)
from tests.resilience.killed_store import KilledStore

ROUNDS: Final = 20
SETTLE_SECONDS: Final = 40


class StoreWithDatabase(KilledStore):
    """Store process and its database server."""

    def __init__(self, folder: Path, program: str) -> None:
        self.server = MariaDBServer(program, folder / "mariadb")
        self.server.install()
        library = folder / "library" / "Noise"
        library.mkdir(parents=True)
        (library / "noise.bin").write_bytes(FILE)
        (library / "release.toml").write_text('price = "1.00"\n')
        self.database = self.server.create("shop")
        super().__init__(
            folder,
            {
                "MSRV_LIBRARY": str(folder / "library"),
                "MSRV_DATABASE": self.database,
                "MSRV_DEMO_PAYMENTS": "1",
                "MSRV_TLS": "off",
                "MSRV_MAX_DOWNLOADS_PER_CLIENT": "200",
            },
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
    crowd = Buyers([shop.store.url], release["items"][0]["item_id"])
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
    sold = crowd.sold(shop.store.environ["NONCE"])
    await check_ledger(shop.database, sold, SETTLE_SECONDS)
    assert crowd.counts["downloads"] == len(sold)
    # Otherwise the test has proved nothing.
    assert len(sold) > BUYERS
    assert crowd.counts["resumed"] > ROUNDS
    assert crowd.counts["repeated"] > ROUNDS

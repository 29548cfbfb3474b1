# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time of a page of the catalog, for a small and for a large catalog.

The same page of catalogs of 100 and of 100,000 items, requested in turns over
a real socket: milliseconds, and their ratio.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from bench.ledger import LedgerOff
from bench.measuring import NONCE, Figure, interleave
from msrv import settings as settings_room
from msrv.app import create_app
from msrv.catalog.library.loader import LoadedLibrary
from msrv.catalog.model import Catalog, Item, ItemKind, Release, Shop
from msrv.money import Money
from msrv.proofs.keyring import Keyring
from msrv.storage.model import Content, FileIdentity
from msrv.web.store import STORE

ROUNDS = 15
ASKED = 20
SMALL, LARGE = 100, 100_000
PER_RELEASE = 4


def measure(folder: Path) -> list[Figure]:
    """Request the pages in turns; return milliseconds."""
    return asyncio.run(_measure(folder))


async def _measure(folder: Path) -> list[Figure]:
    keyring = Keyring.from_nonces(NONCE, accepts_simulated=True)
    # An empty one: what is sold is put in its place.
    library = folder / "library"
    library.mkdir()
    stores = {}
    for items in (SMALL, LARGE):
        settings = settings_room.load(
            {
                "MSRV_DATA": str(folder / str(items)),
                "MSRV_DEMO_PAYMENTS": "1",
                "MSRV_LIBRARY": str(library),
            }
        )
        # These pages ask the ledger nothing.
        app = create_app(settings, keyring, ledger=LedgerOff(folder))
        client = TestClient(TestServer(app))
        await client.start_server()
        await app[STORE].catalog.ready()
        app[STORE].catalog._reading = LoadedLibrary(_catalog(items))  # noqa: SLF001 - no 100,000 files for a page
        stores[items] = client
    loop = asyncio.get_running_loop()

    def asks(items: int, path: str) -> Callable[[], float]:
        def run() -> float:
            return asyncio.run_coroutine_threadsafe(
                median_ms(stores[items], path), loop
            ).result()

        return run

    try:
        return await asyncio.to_thread(
            interleave,
            {
                f"{path}, {items:,} items": asks(items, path)
                for path in ("/catalog", "/catalog?q=tone+99")
                for items in (SMALL, LARGE)
            },
            rounds=ROUNDS,
            unit="ms",
        )
    finally:
        for client in stores.values():
            await client.close()


async def median_ms(client: "TestClient", path: str) -> float:  # type: ignore[type-arg]
    """Return the median time of a few requests, in milliseconds."""
    taken = []
    for _ in range(ASKED):
        began = time.perf_counter()
        async with client.get(path) as answer:
            await answer.read()
            assert answer.status == 200  # noqa: S101 - or it measures nothing
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _catalog(items: int) -> Catalog:
    releases = tuple(
        _release(number) for number in range(items // PER_RELEASE)
    )
    return Catalog(
        shop=Shop(),
        releases=releases,
        offered=releases,
        version=str(items),
        by_id={item.item_id: item for each in releases for item in each.items}
        | {each.release_id: each for each in releases},
        releases_by_id={each.release_id: each for each in releases},
    )


def _release(number: int) -> Release:
    price = Money(100, "EUR")
    release_id = f"release-{number}"
    return Release(
        release_id=release_id,
        folder=release_id,
        title=f"Release {number}",
        artist="Various machines",
        date="2026",
        description="",
        price=price,
        items=tuple(
            Item(
                item_id=f"item-{number}-{track}",
                release_id=release_id,
                kind=ItemKind.TRACK,
                title=f"Tone {number * PER_RELEASE + track}",
                artist="A machine",
                price=price,
                content=Content(
                    "x", FileIdentity(1, 1, 1, 1), b"\0" * 32, 0, "audio/wav"
                ),
                number=track,
                duration_seconds=60.0,
            )
            for track in range(PER_RELEASE)
        ),
    )

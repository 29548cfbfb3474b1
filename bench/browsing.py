# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time of the storefront's pages, for a store of 6 and of 500 releases.

Both libraries are made by `scripts.make_library`, of real files. Each page is
requested in turns over a real socket: milliseconds, and the ratio to that of
the small store. A list has 24 releases on a page at most.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from bench.ledger import LedgerOff
from bench.measuring import NONCE, Figure, interleave
from bench.pages import median_ms
from msrv import settings as settings_room
from msrv.app import create_app
from msrv.proofs.keyring import Keyring
from msrv.web.store import STORE

ROUNDS = 15
SMALL, LARGE = (6, 2), (500, 120)
"""Releases and artists of the two stores."""
LISTS = ("/", "/catalog", "/catalog?kind=single&sort=title")
LINKED = ("/artists/", "/tags/", "/catalog/")
"""Pages of which the sitemap's first is requested."""


def measure(folder: Path) -> list[Figure]:
    """Request the pages in turns; return milliseconds."""
    for releases, artists in (SMALL, LARGE):
        library = folder / str(releases) / "library"
        counts = ["--releases", str(releases), "--artists", str(artists)]
        command = [sys.executable, "-m", "scripts.make_library", str(library)]
        subprocess.run([*command, *counts], check=True)
    return asyncio.run(_measure(folder))


async def _measure(folder: Path) -> list[Figure]:
    keyring = Keyring.from_nonces(NONCE, accepts_simulated=True)
    stores = {
        count: await _start(folder / str(count), keyring)
        for count, _ in (SMALL, LARGE)
    }
    paths = {
        count: [*LISTS, *await _linked(client)]
        for count, client in stores.items()
    }
    loop = asyncio.get_running_loop()

    def asks(count: int, number: int) -> Callable[[], float]:
        def run() -> float:
            return asyncio.run_coroutine_threadsafe(
                median_ms(stores[count], paths[count][number]), loop
            ).result()

        return run

    figures: list[Figure] = []
    try:
        for number, name in enumerate((*LISTS, *LINKED)):
            label = f"{name}…" if name in LINKED else name
            figures += await asyncio.to_thread(
                interleave,
                {
                    f"{label}, {count} releases": asks(count, number)
                    for count in stores
                },
                rounds=ROUNDS,
                unit="ms",
            )
    finally:
        for client in stores.values():
            await client.close()
    return figures


async def _start(folder: Path, keyring: Keyring) -> "TestClient":  # type: ignore[type-arg]
    """Start the store of a library in a folder."""
    settings = settings_room.load(
        {
            "MSRV_DATA": str(folder / "data"),
            "MSRV_DEMO_PAYMENTS": "1",
            "MSRV_LIBRARY": str(folder / "library"),
            "MSRV_SETTLE_SECONDS": "0",
        }
    )
    # These pages ask the ledger nothing.
    app = create_app(settings, keyring, ledger=LedgerOff(folder))
    client = TestClient(TestServer(app))
    await client.start_server()
    await app[STORE].catalog.ready()
    return client


async def _linked(client: "TestClient") -> list[str]:  # type: ignore[type-arg]
    """Return the first address of each of LINKED in the sitemap."""
    text = await (await client.get("/sitemap.xml")).text()
    found = re.findall(r"<loc>https?://[^/]+(/[^<]+)</loc>", text)
    return [
        next(path for path in found if path.startswith(each))
        for each in LINKED
    ]

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads from a bucket, cut again and again, have the same bytes.

Both sides fail: the buyer's network is lost 200 times, each time the other
replica continues, every third response of the bucket is late, cut, refused
or lies about its length, and meanwhile other catalogs are published.
"""

import asyncio
import io
import random
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from aiohttp import ClientError, ClientSession

from tests.downloads.contents import noise
from tests.resilience.bucket_stores import Shop, opened, running
from tests.storage.objects.ceph_server import CephServer
from tests.storage.objects.faulty_proxy import (
    DENIED,
    EXPIRED,
    RESET,
    SLOW_DOWN,
    Ending,
    Fault,
)

CUTS: Final = 200
LONG: Final = noise(3_000_001, "long in a bucket")
SHORT: Final = noise(170_003, "short in a bucket")


def write_library(library: Path) -> None:
    """Write two releases: one to download, and one that changes."""
    for name in ("Noise", "Other"):
        (library / name).mkdir(parents=True)
        (library / name / "release.toml").write_text(
            f'id = "{name.lower()}"\nprice = "0"\n'
            f'[items."long.bin"]\nid = "{name.lower()}-long"\n'
        )
        (library / name / "long.bin").write_bytes(LONG)
        (library / name / "short.bin").write_bytes(SHORT)


def faults(count: int) -> list[Fault]:
    """Return what happens to so many responses, a third of which fail."""
    chance = random.Random(20)  # noqa: S311 - the same each time

    def cut(ending: Ending, most: int = 30_000) -> Fault:
        return Fault(cut_after=chance.randrange(most), ending=ending)

    kinds = (
        lambda: cut("closed"),
        lambda: cut("reset"),
        lambda: cut("short"),
        lambda: cut("long"),
        lambda: cut("closed", most=2),
        lambda: Fault(delay_seconds=chance.random() / 5),
        lambda: Fault(total=len(LONG) + 1),
        lambda: SLOW_DOWN,
        lambda: DENIED,
        lambda: EXPIRED,
        lambda: RESET,
    )
    return [
        kinds[number // 3 % len(kinds)]() if number % 3 == 0 else Fault()
        for number in range(count)
    ]


@dataclass(slots=True)
class Buyer:
    """Buyer of one item, with what was received of it so far."""

    shop: Shop
    path: str
    size_bytes: int
    etag: str
    redirected: bool
    got: bytearray = field(default_factory=bytearray)
    cuts: int = 0
    failures: int = 0

    async def download(
        self, halfway: asyncio.Event, published: asyncio.Event
    ) -> None:
        """Receive it all, with a cut in each of `CUTS` places.

        `halfway` is set in the middle, and the last quarter waits for
        `published`.
        """
        chance = random.Random(self.size_bytes)  # noqa: S311 - the same each time
        places = sorted(chance.sample(range(1, self.size_bytes), CUTS))
        async with self.shop.session() as session:
            for place in places:
                while len(self.got) < place:
                    await self._receive(session, place)
                self.cuts += 1
                if self.cuts == CUTS // 2:
                    halfway.set()
                elif self.cuts == CUTS * 3 // 4:
                    await published.wait()
            while len(self.got) < self.size_bytes:
                await self._receive(session, self.size_bytes)

    async def _receive(self, session: ClientSession, place: int) -> None:
        """Request what is missing, and leave at a place, if not before."""
        number = self.cuts + self.failures
        origins = self.shop.origins
        origin = origins[number % len(origins)]
        headers = {"Range": f"bytes={len(self.got)}-"}
        # A redirected program hasn't got the store's validator.
        if not self.redirected or number % 4 == 0:
            headers["If-Range"] = self.etag
        try:
            async with session.get(
                origin + self.path, headers=headers
            ) as response:
                if response.status in {403, 503}:
                    self.failures += 1
                    await asyncio.sleep(0.02)
                    return
                assert response.status == 206
                async for data in response.content.iter_any():
                    self.got += data[: place - len(self.got)]
                    if len(self.got) == place:
                        break
                if response.connection and response.connection.transport:
                    response.connection.transport.abort()
        except ClientError:
            self.failures += 1


async def arrive(shop: Shop, item_id: str, *, redirected: bool) -> Buyer:
    """Return a buyer of an item, who has asked for its size."""
    path = await shop.stores.buy(item_id)
    async with (
        shop.session() as session,
        session.head(shop.origins[0] + path) as head,
    ):
        size_bytes = int(head.headers["Content-Length"])
        return Buyer(shop, path, size_bytes, head.headers["ETag"], redirected)


@pytest.mark.parametrize("mode", ["direct", "accel", "redirect"])
async def test_a_download_cut_200_times_completes(
    ceph: CephServer, tmp_path: Path, mode: str
) -> None:
    write_library(tmp_path / "library")
    async with running(ceph, f"cuts-{mode}", tmp_path, (mode, mode)) as stores:
        with opened(stores, mode) as shop:
            await check(shop, mode)


async def check(shop: Shop, mode: str) -> None:
    """Download a file and a ZIP while all of it fails, then replace it."""
    stores = shop.stores
    file = await arrive(shop, "noise-long", redirected=mode == "redirect")
    packed = await arrive(shop, "noise", redirected=False)
    # nginx has the file after its first responses.
    stores.proxy.faults.extend(faults(CUTS if mode == "accel" else 2 * CUTS))
    halfway, published = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as buyers:
        for buyer in (file, packed):
            buyers.create_task(buyer.download(halfway, published))
        await halfway.wait()
        await stores.publish_change("Other")
        published.set()
    assert file.got == LONG
    with zipfile.ZipFile(io.BytesIO(packed.got)) as archive:
        contents = {archive.read(name) for name in archive.namelist()}
    assert {LONG, SHORT} < contents
    # What was replaced itself begins anew: nothing is ever mixed.
    assert not stores.proxy.faults
    tags = {file.etag}
    async with shop.session() as session:
        urls = [each + file.path for each in shop.origins]
        async with session.get(urls[0]) as response:
            tags.add(response.headers["ETag"])
        for tag in tags:
            assert await resume(session, urls[-1], tag) == (206, LONG[9:])
        changed = await stores.publish_change("Noise")
        for url in urls:
            for tag in tags:
                assert await resume(session, url, tag) == (200, changed)


async def resume(
    session: ClientSession, url: str, tag: str
) -> tuple[int, bytes]:
    """Continue after nine bytes of a file with a tag, as browsers do."""
    headers = {"Range": "bytes=9-", "If-Range": tag}
    async with session.get(url, headers=headers) as response:
        return response.status, await response.read()

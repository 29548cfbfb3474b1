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
from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.downloads.contents import noise
from tests.resilience.bucket_stores import BucketStores, running
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
TIMEOUT: Final = ClientTimeout(total=60, sock_read=30)


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

    stores: BucketStores
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
        async with ClientSession(timeout=TIMEOUT) as session:
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
        origin = self.stores.replicas[number % 2].url
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


@pytest.mark.parametrize("mode", ["direct", "redirect"])
async def test_a_download_cut_200_times_completes(
    ceph: CephServer, tmp_path: Path, mode: str
) -> None:
    write_library(tmp_path / "library")
    async with running(ceph, f"cuts-{mode}", tmp_path, (mode, mode)) as stores:
        file = await arrive(
            stores, "noise-long", redirected=mode == "redirect"
        )
        packed = await arrive(stores, "noise", redirected=False)
        stores.proxy.faults.extend(faults(2 * CUTS))
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
        changed = await stores.publish_change("Noise")
        async with ClientSession(timeout=TIMEOUT) as session:
            for replica in stores.replicas:
                async with session.get(
                    replica.url + file.path,
                    headers={"Range": "bytes=9-", "If-Range": file.etag},
                ) as response:
                    assert response.status == 200
                    assert await response.read() == changed


async def arrive(
    stores: BucketStores, item_id: str, *, redirected: bool
) -> Buyer:
    """Return a buyer of an item, who has asked for its size."""
    path = await stores.buy(item_id)
    async with (
        ClientSession(timeout=TIMEOUT) as session,
        session.head(stores.replicas[0].url + path) as head,
    ):
        size_bytes = int(head.headers["Content-Length"])
        return Buyer(
            stores, path, size_bytes, head.headers["ETag"], redirected
        )

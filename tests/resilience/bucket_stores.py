# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Two replicas of a store whose library is in a bucket, behind a proxy."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import Final
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from tests.downloads.contents import noise
from tests.storage.objects.ceph_server import CephServer
from tests.storage.objects.faulty_proxy import FaultyProxy
from tests.storage.objects.publishing import publish
from tests.store_process import StoreProcess, launch_store
from tests.web.shop.published.edge import running_edge

NONCE = "a nonce for replicas: 4Hb7-Kmq2-Ys9D-xC1f-Pp35"
_SECONDS: Final = 60
_TIMEOUT: Final = ClientTimeout(total=120, sock_read=30)


@dataclass(frozen=True, slots=True)
class BucketStores:
    """Replicas, the proxy they read the bucket by, and the library in it."""

    replicas: tuple[StoreProcess, StoreProcess]
    proxy: FaultyProxy
    ceph: CephServer
    target: str
    folder: Path

    @property
    def library(self) -> Path:
        """Folder that is published."""
        return self.folder / "library"

    async def publish_change(self, release: str) -> bytes:
        """Replace `long.bin` of a release, wait for it, and return it."""
        data = noise(90_001, f"another for {release}")
        file = self.library / release / "long.bin"
        await asyncio.to_thread(file.write_bytes, data)
        await asyncio.to_thread(
            publish,
            *(self.ceph, self.target, self.library),
            *(self.folder / "publisher", NONCE),
        )
        for each in self.replicas:
            await wait_for_size(each, release.lower(), len(data))
        return data

    async def buy(self, item_id: str) -> str:
        """Buy an item; return the path of its link, at any replica."""
        order = await asyncio.to_thread(
            self.replicas[0].request_json, "/purchases", [("item", item_id)]
        )
        link: str = order["downloads"][item_id]
        return urlsplit(link).path


@dataclass(frozen=True, slots=True)
class Shop:
    """Where buyers go: to one replica or the other, or to nginx."""

    stores: BucketStores
    origins: Sequence[str]
    trust: SSLContext | None

    def session(self) -> ClientSession:
        """Return a client."""
        return ClientSession(
            timeout=_TIMEOUT, connector=TCPConnector(ssl=self.trust or True)
        )


@contextmanager
def opened(stores: BucketStores, mode: str) -> Iterator[Shop]:
    """Return where buyers go, with nginx running if it sends the files."""
    urls = [each.url for each in stores.replicas]
    if mode != "accel":
        yield Shop(stores, urls, None)
        return
    ports = [each.port for each in stores.replicas]
    bucket = f"{stores.proxy.endpoint}/{stores.target.removeprefix('s3://')}"
    with running_edge(stores.folder / "edge", ports, bucket) as edge:
        yield Shop(stores, [edge.url], edge.trust)


async def wait_for_size(
    replica: StoreProcess, release_id: str, size_bytes: int
) -> None:
    """Wait until a replica sells an item of that size."""
    async with asyncio.timeout(_SECONDS):
        while True:
            catalog = await asyncio.to_thread(replica.request_json, "/catalog")
            for release in catalog["releases"]:
                if release["item_id"] == release_id:
                    sizes = {each["size_bytes"] for each in release["items"]}
                    if size_bytes in sizes:
                        return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running(
    ceph: CephServer,
    bucket: str,
    folder: Path,
    deliveries: tuple[str, str] = ("direct", "direct"),
) -> AsyncIterator[BucketStores]:
    """Publish the library in a folder, and start two replicas."""
    address = await asyncio.to_thread(ceph.create_bucket, bucket)
    target = f"{address}/store"
    library, data = folder / "library", folder / "publisher"
    await asyncio.to_thread(publish, ceph, target, library, data, NONCE)
    async with FaultyProxy(ceph.port) as proxy:

        def launch(name: str, delivery: str) -> StoreProcess:
            (folder / name).mkdir()
            environ = store_environ(ceph, proxy, target)
            environ["MSRV_DELIVERY"] = delivery
            if delivery == "accel":
                environ["MSRV_TRUSTED_PROXIES"] = "127.0.0.0/8"
            return launch_store(folder / name, files=None, **environ)

        one, two = deliveries
        replicas = await asyncio.gather(
            asyncio.to_thread(launch, "one", one),
            asyncio.to_thread(launch, "two", two),
        )
        try:
            yield BucketStores(replicas, proxy, ceph, target, folder)
        finally:
            statuses = await asyncio.gather(
                *(asyncio.to_thread(each.stop) for each in replicas)
            )
        assert statuses == [0, 0]
        for store in replicas:
            assert "traceback" not in store.log.read_text("utf-8").lower()


def store_environ(
    ceph: CephServer, proxy: FaultyProxy, target: str
) -> dict[str, str]:
    """Return the settings of a replica."""
    return {
        **ceph.environ,
        "AWS_ENDPOINT_URL": proxy.endpoint,
        "NONCE": NONCE,
        "MSRV_LIBRARY": target,
        "MSRV_DEMO_PAYMENTS": "1",
        "MSRV_TLS": "off",
        "MSRV_MAX_DOWNLOADS_PER_CLIENT": "200",
    }

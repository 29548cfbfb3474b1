# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""An object of 8 GB, resumed at its end, by each sender.

Only its bytes are not in Ceph, whose disk here is in memory: the proxy in
front of it makes them up. All else is real.
"""

import contextlib
import io
import zipfile
from array import array
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from aiohttp import ClientPayloadError, ClientSession

from bench.processes import anonymous_bytes
from msrv.catalog.library.catalog_assembly import CatalogIds
from msrv.catalog.published.current import read_pointer
from msrv.catalog.published.layout import PublishedLibrary, catalog_key
from msrv.catalog.published.upload import publish
from msrv.proofs.keyring import Keyring
from msrv.storage.objects.bucket import Bucket
from tests.downloads.contents import noise
from tests.resilience.bucket_stores import (
    NONCE,
    BucketStores,
    opened,
    running,
    wait_for_size,
)
from tests.storage.objects.ceph_server import CephServer
from tests.storage.objects.faulty_proxy import Fault, StandIn

SIZE: Final = 8 << 30
TAIL: Final = 1 << 20
MIDDLE: Final = (4 << 30) + 5
READ: Final = 48 << 20
MAX_GROWTH: Final = 16 << 20
SHORT: Final = noise(70_003, "beside it")


def block(start: int, stop: int) -> bytes:
    """Return the bytes between two offsets: the numbers of all words."""
    first = start // 8
    words = array("Q", range(first, -(-stop // 8))).tobytes()
    return words[start - 8 * first : stop - 8 * first]


async def enlarge(stores: BucketStores) -> None:
    """Publish a catalog in which the long file has 8 GB."""
    bucket = Bucket.open(stores.target)
    keyring = Keyring.from_nonces(NONCE)
    pointer, etag = await read_pointer(bucket, keyring)
    assert pointer
    found = await bucket.read(catalog_key(pointer.catalog))
    assert found
    library = PublishedLibrary.decode(keyring, found.data)
    (release,) = library.catalog.releases
    items = tuple(
        each
        if each.content.size_bytes == len(SHORT)
        else replace(
            each,
            content=replace(
                each.content,
                identity=each.content.identity._replace(size_bytes=SIZE),
            ),
        )
        for each in release.items
    )
    (long,) = (
        each.content for each in items if each.content.size_bytes == SIZE
    )
    stores.proxy.stand_ins = {long.sha256.hex().encode(): StandIn(SIZE, block)}
    releases = (replace(release, items=items),)
    catalog = replace(
        library.catalog,
        releases=releases,
        by_id=CatalogIds.of(releases).by_id,
    )
    changed = replace(
        library, catalog=catalog, published_at=library.published_at + 1
    )
    await publish(bucket, keyring, changed, [], known=(pointer, etag))
    for each in stores.replicas:
        await wait_for_size(each, "noise", SIZE)


@pytest.mark.parametrize(
    "modes", [("direct", "redirect"), ("accel", "accel")], ids=" and ".join
)
async def test_8_gigabytes_are_resumed_at_the_end(
    ceph: CephServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    modes: tuple[str, str],
) -> None:
    for name, value in ceph.environ.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "library" / "Noise"
    folder.mkdir(parents=True)
    (folder / "long.bin").write_bytes(b"instead of 8 GB")
    (folder / "short.bin").write_bytes(SHORT)
    (folder / "release.toml").write_text(
        'id = "noise"\nprice = "0"\n[items."long.bin"]\nid = "noise-long"\n'
    )
    async with running(ceph, f"large-{modes[1]}", tmp_path, modes) as stores:
        await enlarge(stores)
        file = await stores.buy("noise-long")
        packed = await stores.buy("noise")
        with opened(stores, modes[0]) as shop:
            async with shop.session() as session:
                for origin in shop.origins:
                    await check(session, stores, origin + file)
                    await check_zip(session, origin + packed)


async def check(
    session: ClientSession, stores: BucketStores, url: str
) -> None:
    """Resume the file at its end, and read much of its middle."""
    async with session.head(url) as head:
        assert int(head.headers["Content-Length"]) == SIZE
        etag = head.headers["ETag"]
    for headers in ({"If-Range": etag}, {}):
        # The store requests the rest itself; of a redirected one, the buyer.
        stores.proxy.faults.append(Fault(cut_after=TAIL // 3))
        got = b""
        while len(got) < TAIL:
            headers["Range"] = f"bytes={SIZE - TAIL + len(got)}-"
            with contextlib.suppress(ClientPayloadError):
                async with session.get(url, headers=headers) as response:
                    assert response.status == 206
                    async for data in response.content.iter_any():
                        got += data
        assert got == block(SIZE - TAIL, SIZE)
    # What nginx has in its cache wasn't requested again.
    stores.proxy.faults.clear()
    pids = [each.process.pid for each in stores.replicas]
    before = list(map(anonymous_bytes, pids))
    at, wanted = MIDDLE, f"bytes={MIDDLE}-{MIDDLE + READ - 1}"
    async with session.get(url, headers={"Range": wanted}) as response:
        async for data in response.content.iter_any():
            assert data == block(at, at + len(data))
            at += len(data)
    assert at == MIDDLE + READ
    for pid, former in zip(pids, before, strict=True):
        assert anonymous_bytes(pid) - former < MAX_GROWTH


async def check_zip(session: ClientSession, url: str) -> None:
    """Resume the release at its end: the file's, another, the directory."""
    async with session.head(url) as head:
        size = int(head.headers["Content-Length"])
        etag = head.headers["ETag"]
    headers = {"Range": f"bytes={size - TAIL}-", "If-Range": etag}
    async with session.get(url, headers=headers) as response:
        assert response.status == 206
        tail = await response.read()
    assert len(tail) == TAIL
    assert SHORT in tail
    last = block(SIZE - TAIL // 2, SIZE)
    assert last in tail
    # What ZipFile needs to know that it is one of more than 4 GB.
    archive = zipfile.ZipFile(SparseFile(size, tail))
    assert archive.getinfo("Noise/long.bin").file_size == SIZE


class SparseFile(io.RawIOBase):
    """File of which only the tail is there."""

    def __init__(self, size_bytes: int, tail: bytes) -> None:
        self._size_bytes = size_bytes
        self._tail = tail
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size_bytes)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        start = self._at - (self._size_bytes - len(self._tail))
        assert start >= 0
        data = self._tail[start:] if size < 0 else self._tail[start:][:size]
        self._at += len(data)
        return data

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Another catalog in the bucket of a store, a wrong one, and a full disk."""

import asyncio
import errno
import os
import re
import time
from contextlib import nullcontext
from pathlib import Path
from typing import ClassVar

import pytest

from msrv.catalog.published import published_catalog
from msrv.catalog.published.current import read_pointer
from msrv.catalog.published.layout import (
    CATALOGS,
    POINTER,
    Pointer,
    catalog_key,
)
from msrv.catalog.published.published_catalog import (
    PublishedCatalog,
    read_checked,
    read_published,
)
from msrv.catalog.published.published_files import (
    PublishedEncodings,
    PublishedFiles,
)
from msrv.catalog.published.upload import roll_back
from msrv.files import write_file
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.storage.objects.bucket import Bucket, StoredObject
from msrv.storage.objects.errors import BucketError
from tests.catalog import shared_parser
from tests.conftest import NONCE, Client, StartStore
from tests.polling import wait_until
from tests.storage.objects.ceph_server import CephServer
from tests.storage.objects.faulty_proxy import RESET, Fault, FaultyProxy
from tests.store_parts import store_of


async def test_another_catalog_is_taken_over_and_a_wrong_one_refused(
    start_store: StartStore,
    remote: Settings,
    proxy: FaultyProxy,
    bucket: Bucket,
    keyring: Keyring,
) -> None:
    client = await start_store(remote)
    live = store_of(client).catalog
    second = live.current
    stamped = await bucket.read(POINTER)
    assert stamped is not None
    pointer, etag = await read_pointer(bucket, keyring)
    assert pointer is not None
    # Of another store; of this one, but older; of no catalog that exists.
    stranger = Keyring.from_nonces(NONCE + "another")
    for wrong, keys in (
        (replace_pointer(pointer, serial=pointer.serial + 1), stranger),
        (replace_pointer(pointer, serial=pointer.serial - 1), keyring),
        (
            replace_pointer(pointer, pointer.serial + 1, sha256="00" * 32),
            keyring,
        ),
    ):
        await bucket.replace(POINTER, wrong.encode(keys), etag)
        await wait_until(lambda: bool(live.problem))
        assert live.current is second
        async with client.get("/-/ready") as ready:
            assert await ready.json() == {
                "status": "degraded",
                "waiting": "bucket",
            }
        assert await metric(client, "msrv_catalog_problem") == 1
        found = await bucket.read(POINTER)
        assert found is not None
        await bucket.replace(POINTER, stamped.data, found.etag)
        await wait_until(lambda: not live.problem)
        found = await bucket.read(POINTER)
        assert found is not None
        etag = found.etag
    assert await metric(client, "msrv_catalog_problem") == 0
    published_at = await metric(client, "msrv_catalog_published_seconds")
    assert published_at == pointer.published_at
    await roll_back(bucket, keyring, pointer.published_at)
    before = proxy.requests
    await wait_until(lambda: live.current is not second)
    # At the next request of the pointer, or the one after that.
    assert proxy.requests - before <= 3
    assert published_catalog.POLL_SECONDS == 1
    # With the bucket away, a restart continues with that catalog.
    await client.close()
    proxy.always = RESET
    again = await start_store(remote)
    live = store_of(again).catalog
    assert live.current.version != second.version
    await wait_until(lambda: bool(live.problem))
    async with again.get("/catalog/zine-issue") as page:
        assert page.status == 200
    # The pointer of before is older than the one that this store has seen.
    proxy.always = None
    found = await bucket.read(POINTER)
    assert found is not None
    await bucket.replace(POINTER, stamped.data, found.etag)
    await wait_until(lambda: "older" in live.problem)
    pointer, etag = await read_pointer(bucket, keyring)
    assert pointer is not None
    newest = replace_pointer(pointer, serial=pointer.serial + 2)
    await bucket.replace(POINTER, newest.encode(keyring), etag)
    await wait_until(lambda: live.current.version == second.version)


async def test_a_store_that_is_moved_sells_what_its_new_bucket_has(
    ceph: CephServer,
    published: tuple[str, Path],
    keyring: Keyring,
    proxy: FaultyProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where that has begun with the first serial."""
    old = Bucket.open(published[0])
    data = tmp_path / "data"
    async with impatient_catalog(old, keyring, data) as live:
        await live.ready()
    moved = f"{ceph.create_bucket('moved')}/library"
    elsewhere = Bucket.open(moved)
    pointer, _ = await read_checked(old, keyring)
    document = await old.read(catalog_key(pointer.catalog))
    assert document is not None
    first = replace_pointer(pointer, serial=1)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", ceph.endpoint)
        writer = Bucket.open(moved)
    await writer.create(catalog_key(pointer.catalog), document.data, {})
    await writer.create(POINTER, first.encode(keyring), {})
    proxy.always = RESET
    # The kept catalog is of the old bucket.
    for bucket, is_kept in ((old, True), (elsewhere, False)):
        async with impatient_catalog(bucket, keyring, data) as live:
            await wait_until(lambda: bool(live.problem))
            assert bool(live.scans) is is_kept
        with nullcontext() if is_kept else pytest.raises(BucketError):
            read_published(bucket, keyring, data)
    proxy.always = None
    async with impatient_catalog(elsewhere, keyring, data) as live:
        await live.ready()
        assert not live.problem


async def test_a_disk_that_fills_up_leaves_a_whole_catalog(
    start_store: StartStore,
    remote: Settings,
    proxy: FaultyProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[Path] = []

    def write_once(path: Path, data: bytes) -> None:
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(path)
        write_file(path, data)

    monkeypatch.setattr(published_catalog, "write_file", write_once)
    client = await start_store(remote)
    version = store_of(client).catalog.current.version
    await client.close()
    proxy.always = RESET
    again = await start_store(remote)
    assert store_of(again).catalog.current.version == version


class CountingBucket(Bucket):
    """Bucket that notes when a catalog was read."""

    times: ClassVar[list[float]] = []

    async def read(
        self, key: str, *, unless: str | None = None
    ) -> StoredObject | None:
        if key.startswith(CATALOGS):
            self.times.append(time.monotonic())
        return await super().read(key, unless=unless)


async def test_a_catalog_that_is_refused_is_read_ever_more_rarely(
    published: tuple[str, Path],
    bucket: Bucket,
    keyring: Keyring,
    tmp_path: Path,
) -> None:
    pointer, etag = await read_pointer(bucket, keyring)
    assert pointer is not None
    wrong = replace_pointer(pointer, pointer.serial + 1, sha256="00" * 32)
    await bucket.replace(POINTER, wrong.encode(keyring), etag)
    counting = CountingBucket.open(published[0])
    async with impatient_catalog(counting, keyring, tmp_path) as live:
        await wait_until(lambda: len(counting.times) >= 5)
        assert counting.times[4] - counting.times[0] > 0.6
        # Once it is right, it is taken over.
        _, etag = await read_pointer(bucket, keyring)
        right = replace_pointer(pointer, pointer.serial + 2)
        await bucket.replace(POINTER, right.encode(keyring), etag)
        await live.ready()


async def test_first_catalog_is_found_soon_after_a_long_failure(
    published: tuple[str, Path],
    keyring: Keyring,
    proxy: FaultyProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is sold until then, so the pauses stay short."""
    monkeypatch.setattr(published_catalog, "_EMPTY_PAUSE_SECONDS", 0.1)
    proxy.always = Fault(status=403)
    remote = Bucket.open(published[0])
    async with impatient_catalog(remote, keyring, tmp_path) as live:
        # Without that, the last of these pauses would be of 25 seconds.
        await wait_until(lambda: proxy.requests >= 11)
        assert live.problem
        proxy.always = None
        async with asyncio.timeout(20):
            await live.ready()


async def metric(client: Client, name: str) -> float:
    """Return the value of a metric of a store."""
    async with client.get("/-/metrics") as response:
        found = re.search(rf"(?m)^{name} (\S+)$", await response.text())
        assert found
        return float(found[1])


def impatient_catalog(
    bucket: Bucket, keyring: Keyring, data: Path
) -> PublishedCatalog:
    """Return a catalog that looks at its bucket twenty times a second."""
    files = PublishedFiles(bucket)
    return PublishedCatalog(
        bucket,
        keyring,
        data,
        parser=shared_parser.shared(),
        files=files,
        encodings=PublishedEncodings(data / "encodings", files),
        poll_seconds=0.05,
    )


def replace_pointer(
    pointer: Pointer, serial: int, sha256: str | None = None
) -> Pointer:
    """Return a pointer with another number."""
    return Pointer(
        serial=serial,
        catalog=pointer.catalog,
        sha256=sha256 or pointer.sha256,
        content=pointer.content,
        published_at=pointer.published_at,
    )

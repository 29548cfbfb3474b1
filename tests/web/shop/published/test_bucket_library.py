# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A store whose library is in a bucket of Ceph, which fails now and then."""

import asyncio
import errno
import hashlib
import io
import os
import random
import time
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest
from aiohttp import ClientPayloadError, ClientSession

from msrv.catalog.published import published_catalog
from msrv.catalog.published.current import read_pointer
from msrv.catalog.published.layout import (
    CATALOGS,
    POINTER,
    Pointer,
    blob_key,
)
from msrv.catalog.published.published_catalog import PublishedCatalog
from msrv.catalog.published.published_files import (
    PublishedEncodings,
    PublishedFiles,
)
from msrv.catalog.published.upload import roll_back
from msrv.downloads.objects import object_reader
from msrv.files import write_file
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.storage.objects.bucket import Bucket, StoredObject
from tests.catalog import shared_parser
from tests.conftest import NONCE, Client, StartStore
from tests.polling import wait_until
from tests.storage.objects.faulty_proxy import RESET, Fault, FaultyProxy
from tests.store_parts import store_of
from tests.web.shop.published.conftest import LARGE, LARGE_SHA256, Link


async def fetch(client: Client, path: str, **headers: str) -> bytes:
    """Return the whole body of a response that succeeds."""
    async with client.get(path, headers=headers) as response:
        assert response.status in {200, 206}
        return await response.read()


async def test_it_sells_as_a_store_with_the_folder_does(
    start_store: StartStore,
    remote: Settings,
    settings: Settings,
    published: tuple[str, Path],
    proxy: FaultyProxy,
    link: Link,
) -> None:
    store = await start_store(remote)
    local = await start_store(replace_library(settings, published[1]))
    for path in ("/", "/catalog/night-bus", "/catalog/zine-issue"):
        async with store.get(path) as page:
            assert page.status == 200
    cover = "/covers/night-bus/320"
    async with store.get("/catalog/night-bus") as page:
        cover = (await page.text()).partition('src="/covers/')[2]
        cover = "/covers/" + cover.partition('"')[0].partition("?")[0]
    assert (await fetch(store, cover))[:4] == b"RIFF"
    before = proxy.body_bytes
    async with store.head(link("night-bus")) as head:
        assert head.status == 200
    # A ZIP is planned without reading it; one request shows that it's there.
    assert proxy.body_bytes - before < 600_000
    for item_id in ("departure", "lyrics", "zine", "night-bus"):
        async with (
            store.get(link(item_id)) as here,
            local.get(link(item_id)) as there,
        ):
            body = await here.read()
            assert body == await there.read()
            for name in (
                *("ETag", "Content-Length", "Content-Type"),
                *("Content-Disposition", "Repr-Digest", "Accept-Ranges"),
            ):
                assert here.headers.get(name) == there.headers.get(name)
            etag = here.headers["ETag"]
        middle = len(body) // 2
        for wanted, expected in (
            (f"bytes={middle}-", body[middle:]),
            ("bytes=-7", body[-7:]),
            (f"bytes={middle}-{middle}", body[middle : middle + 1]),
        ):
            part = await fetch(
                store, link(item_id), Range=wanted, **{"If-Range": etag}
            )
            assert part == expected
        stale = await fetch(
            store, link(item_id), Range="bytes=1-", **{"If-Range": '"x"'}
        )
        assert stale == body
        async with store.get(
            link(item_id), headers={"If-None-Match": etag}
        ) as fresh:
            assert fresh.status == 304
    assert zipfile.ZipFile(io.BytesIO(body)).testzip() is None


def replace_library(settings: Settings, library: Path) -> Settings:
    """Return settings with another library."""
    return settings.model_copy(update={"library": library})


async def test_a_bucket_that_fails_in_the_middle_sends_the_same_bytes(
    start_store: StartStore, remote: Settings, proxy: FaultyProxy, link: Link
) -> None:
    store = await start_store(remote)
    cuts = random.Random(2)  # noqa: S311 - any places
    for number in range(24):
        proxy.faults.append(
            Fault(
                cut_after=cuts.randrange(1, 400_000),
                ending=("closed", "reset", "short")[number % 3],
            )
        )
        if number % 10 == 0:
            proxy.faults.extend([Fault(status=503), RESET])
        if number % 20 == 0:
            proxy.faults.extend([Fault(status=403)])
    body = await fetch(store, link("zine"))
    assert hashlib.sha256(body).digest() == LARGE_SHA256
    # Through two stores in turn, each of which fails for good in the middle.
    other = await start_store(
        remote.model_copy(update={"data": remote.data.with_name("other")})
    )
    got = b""
    while len(got) < len(LARGE):
        proxy.faults.clear()
        proxy.faults.append(Fault(cut_after=3_000_000))
        proxy.faults.extend([Fault(status=403)] * 10)
        client = (store, other)[len(got) // 3_000_000 % 2]
        async with client.get(
            link("zine"), headers={"Range": f"bytes={len(got)}-"}
        ) as response:
            try:
                async for chunk in response.content.iter_any():
                    got += chunk
            except ClientPayloadError:
                continue
            # An end without an error is the end of the file.
            assert len(got) == len(LARGE)
    assert hashlib.sha256(got).digest() == LARGE_SHA256


async def test_a_bucket_that_falls_silent_is_asked_again(
    start_store: StartStore,
    remote: Settings,
    proxy: FaultyProxy,
    link: Link,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(object_reader, "WAIT_SECONDS", 0.5)
    store = await start_store(remote)
    for cut in (0, 1, 2_000_000):
        proxy.faults.append(Fault(cut_after=cut, ending="silent"))
    assert await fetch(store, link("zine")) == LARGE
    assert not proxy.faults


async def test_an_object_that_is_away_or_another_is_never_sent(
    start_store: StartStore,
    remote: Settings,
    proxy: FaultyProxy,
    bucket: Bucket,
    link: Link,
) -> None:
    store = await start_store(remote)
    proxy.faults.extend([Fault(status=403)] * 5)
    async with store.get(link("zine")) as response:
        assert response.status == 503
        assert response.headers["Retry-After"]
    proxy.faults.clear()
    key = blob_key(LARGE_SHA256)
    type_ = {
        "Content-Type": "application/pdf",
        "Content-Disposition": 'attachment; filename="zine.pdf"',
    }
    try:
        await bucket.upload(key, iter([LARGE[:-1]]), type_)
        async with store.get(link("zine")) as response:
            assert response.status == 503
        await bucket.delete([key])
        async with store.get(link("zine")) as response:
            assert response.status == 503
    finally:
        await bucket.upload(key, iter([LARGE]), type_)
    assert await fetch(store, link("zine")) == LARGE


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
        (replace_pointer(pointer, serial=99), stranger),
        (replace_pointer(pointer, serial=pointer.serial - 1), keyring),
        (replace_pointer(pointer, serial=99, sha256="00" * 32), keyring),
    ):
        await bucket.replace(POINTER, wrong.encode(keys), etag)
        await wait_until(lambda: bool(live.problem))
        assert live.current is second
        async with client.get("/-/ready") as ready:
            assert await ready.json() == {
                "status": "degraded",
                "waiting": "bucket",
            }
        found = await bucket.read(POINTER)
        assert found is not None
        await bucket.replace(POINTER, stamped.data, found.etag)
        await wait_until(lambda: not live.problem)
        found = await bucket.read(POINTER)
        assert found is not None
        etag = found.etag
    loop = asyncio.get_running_loop()
    at = loop.time()
    await roll_back(bucket, keyring, 1_900_000_000)
    await wait_until(lambda: live.current is not second)
    assert loop.time() - at < 5
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
    files = PublishedFiles(counting)
    async with PublishedCatalog(
        counting,
        keyring,
        tmp_path,
        parser=shared_parser.shared(),
        files=files,
        encodings=PublishedEncodings(tmp_path / "encodings", files),
        poll_seconds=0.05,
    ) as live:
        await wait_until(lambda: len(counting.times) >= 5)
        assert counting.times[4] - counting.times[0] > 0.6
        # Once it is right, it is taken over.
        _, etag = await read_pointer(bucket, keyring)
        right = replace_pointer(pointer, pointer.serial + 2)
        await bucket.replace(POINTER, right.encode(keyring), etag)
        await live.ready()


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


async def test_redirected_downloads_come_from_the_bucket(
    start_store: StartStore, remote: Settings, proxy: FaultyProxy, link: Link
) -> None:
    store = await start_store(
        remote.model_copy(update={"delivery": "redirect"})
    )
    async with store.get(link("zine"), allow_redirects=False) as response:
        assert response.status == 307
        assert response.headers["Cache-Control"] == "no-store"
        address = response.headers["Location"]
    assert address.startswith(proxy.endpoint)
    async with (
        ClientSession() as session,
        session.get(address, headers={"Range": "bytes=5-"}) as response,
    ):
        assert response.status == 206
        assert await response.read() == LARGE[5:]
        assert response.headers["Content-Type"] == "application/pdf"
        name = response.headers["Content-Disposition"]
        assert name.startswith('attachment; filename="zine.pdf"')
    async with (
        ClientSession() as session,
        session.get(address.replace("/zine", "/other")[:-1]) as response,
    ):
        assert response.status == 403
    # What has the store's own validators stays with the store.
    part = await fetch(
        store,
        link("zine"),
        Range="bytes=5-",
        **{"If-Range": f'"{LARGE_SHA256.hex()}"'},
    )
    assert part == LARGE[5:]
    assert zipfile.ZipFile(
        io.BytesIO(await fetch(store, link("night-bus")))
    ).namelist()

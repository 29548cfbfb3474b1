# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A store whose library is in a bucket of Ceph, which fails now and then."""

import hashlib
import io
import random
import zipfile
from pathlib import Path

import pytest
from aiohttp import ClientPayloadError, ClientSession

from msrv.catalog.published.layout import (
    blob_key,
)
from msrv.downloads.objects import object_reader
from msrv.settings import Settings
from msrv.storage.objects.bucket import Bucket
from tests.conftest import Client, Clock, StartStore
from tests.storage.objects.faulty_proxy import RESET, Fault, FaultyProxy
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


@pytest.mark.usefixtures("proxy")
async def test_the_buckets_own_tag_continues_after_a_link_has_expired(
    start_store: StartStore,
    remote: Settings,
    link: Link,
    clock: Clock,
) -> None:
    store = await start_store(
        remote.model_copy(update={"delivery": "redirect"})
    )
    path = link("zine")
    async with store.get(path, allow_redirects=False) as response:
        address = response.headers["Location"]
    rest = {"Range": "bytes=5-"}
    async with (
        ClientSession() as session,
        session.get(address, headers=rest) as response,
    ):
        tag = response.headers["ETag"]
        assert await response.read() == LARGE[5:]
    clock.now += 3600
    for headers in (
        {"If-Range": tag},
        rest,
        rest | {"If-Range": '"another"'},
        rest | {"If-Range": '""'},
        rest | {"If-Range": f"W/{tag}"},
    ):
        async with store.get(path, headers=headers) as response:
            assert response.status == 410
    rest["If-Range"] = tag
    async with store.get(
        path, headers=rest, allow_redirects=False
    ) as response:
        assert response.status == 307
    clock.now += 24 * 3600
    async with store.get(path, headers=rest) as response:
        assert response.status == 410

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads of a library in Ceph through nginx, which caches its slices."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from pathlib import Path
from random import Random
from zipfile import ZipFile

import pytest
from aiohttp import ClientSession

from msrv.catalog.published.layout import blob_key
from msrv.downloads.objects.edge import SLICE_BYTES
from msrv.settings import Settings
from msrv.storage.objects.bucket import Bucket
from tests.conftest import Client, Clock, StartStore
from tests.storage.objects.faulty_proxy import (
    RESET,
    Ending,
    Fault,
    FaultyProxy,
)
from tests.web.shop.published.conftest import LARGE, LARGE_SHA256, Link
from tests.web.shop.published.edge import NGINX, Edge, running_edge
from tests.web.shop.published.edge_visitors import (
    ETAG,
    SECRET,
    connect,
    download_many,
    fetch,
    read_until_cut,
    resume,
)

_OWN = {"Date", "Server", "Connection", "Strict-Transport-Security"}
_DENIED = [Fault(status=403)] * 3
"""A slice that is refused, and both times that it is asked for again."""


@pytest.fixture
def edge(
    replicas: list[Client], bucket_url: str, tmp_path: Path
) -> Iterator[Edge]:
    """Edge in front of both, whose cache is empty."""
    ports = [each.server.port or 0 for each in replicas]
    with running_edge(tmp_path / "edge", ports, bucket_url) as edge:
        yield edge


@pytest.fixture
async def visitor(edge: Edge) -> AsyncIterator[ClientSession]:
    async with connect(edge) as session:
        yield session


REQUESTS: list[dict[str, str]] = [
    {},
    {"Range": "bytes=5-9"},
    {"Range": "bytes=5-"},
    {"Range": "bytes=-7"},
    {"Range": "bytes=8388600-8388620"},
    {"Range": "bytes=11999999-"},
    {"Range": "bytes=9999999-5"},
    {"Range": "bytes=99999999-"},
    {"Range": "bytes=0-1,4-5"},
    {"Range": "bytes=9000000-9000009", "If-Range": ETAG},
    {"Range": "bytes=9000000-9000009", "If-Range": '"stale"'},
    {"Range": "bytes=5-9", "If-Range": "Mon, 01 Jan 2001 00:00:00 GMT"},
    {"If-None-Match": ETAG},
    {"If-None-Match": '"other"'},
    {"If-None-Match": '"other"', "Range": "bytes=5-9"},
    {"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
    {"If-Match": ETAG, "Range": "bytes=5-9"},
    {"If-Match": '"stale"'},
    {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
    {"Accept-Encoding": "gzip, br"},
]


async def test_responses_are_those_of_the_store(
    start_store: StartStore,
    remote: Settings,
    visitor: ClientSession,
    edge: Edge,
    link: Link,
) -> None:
    data = remote.data.with_name("direct")
    direct = await start_store(remote.model_copy(update={"data": data}))
    for item_id in ("zine", "departure", "night-bus"):
        for headers in REQUESTS:
            if item_id == "night-bus" and ETAG in headers.values():
                continue
            async with (
                direct.get(link(item_id), headers=headers) as expected,
                visitor.get(link(item_id), headers=headers) as found,
            ):
                case = item_id, headers
                assert found.status == expected.status, case
                assert await found.read() == await expected.read(), case
                for name in {*expected.headers, *found.headers} - _OWN:
                    here = found.headers.getall(name, [])
                    there = expected.headers.getall(name, [])
                    assert here == there, (case, name)
                assert not SECRET.search(str(found.headers))
    # A ZIP is the store's own, and so it isn't in the cache.
    _, body = await fetch(visitor, link("night-bus"))
    assert ZipFile(BytesIO(body)).testzip() is None
    assert edge.cached_bytes() < len(LARGE) + 1_000_000
    assert not SECRET.search(edge.log)


async def test_a_file_is_fetched_once_for_all_links_and_replicas(
    visitor: ClientSession,
    proxy: FaultyProxy,
    edge: Edge,
    link: Link,
    tmp_path: Path,
) -> None:
    before = proxy.body_bytes
    # Of both slices.
    start, stop = SLICE_BYTES - 200_000, SLICE_BYTES + 200_000
    url = edge.url + link("zine")
    await asyncio.gather(
        *(
            download_many(tmp_path / f"{name}-", url, 250, start, stop)
            for name in "ab"
        ),
        *(fetch(visitor, link("zine")) for _ in range(5)),
    )
    for each in (f"{name}-{number}" for name in "ab" for number in range(250)):
        assert (tmp_path / each).read_bytes() == LARGE[start:stop]
    assert proxy.body_bytes - before <= 1.1 * len(LARGE)
    # With the bucket away, a buyer gets all of it, and another file later.
    proxy.always = Fault(status=503)
    assert await fetch(visitor, link("zine")) == (200, LARGE)
    assert await resume(visitor, link("zine")) == LARGE
    async with visitor.get(link("departure")) as response:
        assert response.status == 503
        assert response.headers["Retry-After"]
    proxy.always = None
    status, _ = await fetch(visitor, link("departure"))
    assert status == 200
    # Which of the replicas responded is in the log, and no address.
    replicas = set(re.findall(r'"replica":"(127[0-9.:]+)', edge.log))
    assert len(replicas) == 2
    assert not SECRET.search(edge.log)


async def test_a_bucket_that_fails_never_makes_a_short_file_whole(
    visitor: ClientSession, proxy: FaultyProxy, edge: Edge, link: Link
) -> None:
    cuts = Random(3)  # noqa: S311 - any places
    endings: list[Ending] = ["closed", "reset", "short", "long"]
    proxy.faults.append(Fault(total=len(LARGE) + 1))
    for number in range(16):
        cut = cuts.randrange(1, 3_000_000)
        proxy.faults.append(Fault(cut_after=cut, ending=endings[number % 4]))
        if number % 4 == 0:
            proxy.faults.extend([Fault(status=503), RESET])
        if number % 5 == 0:
            proxy.faults.extend(_DENIED)
    assert await resume(visitor, link("zine")) == LARGE
    assert not proxy.faults
    # What was cut short is not in the cache.
    proxy.always = RESET
    assert await fetch(visitor, link("zine")) == (200, LARGE)
    assert '"bucket_status":"403"' in edge.log
    assert not SECRET.search(edge.log)


async def test_an_address_that_ends_in_the_middle_ends_the_transfer(
    visitor: ClientSession, proxy: FaultyProxy, link: Link
) -> None:
    """The first slice is sent, and the second one denied."""
    proxy.faults.extend([Fault(), *_DENIED])
    async with visitor.get(link("zine")) as response:
        assert response.status == 200
        assert response.content_length == len(LARGE)
        got = await read_until_cut(response)
    assert len(got) <= SLICE_BYTES
    assert LARGE.startswith(got)
    assert await resume(visitor, link("zine")) == LARGE


async def test_an_object_of_another_size_is_not_sent(
    visitor: ClientSession, bucket: Bucket, edge: Edge, link: Link
) -> None:
    key = blob_key(LARGE_SHA256)
    attributes = {
        "Content-Type": "application/pdf",
        "Content-Disposition": 'attachment; filename="zine.pdf"',
    }
    try:
        for wrong in (LARGE[:-1], LARGE + b"!", LARGE[:SLICE_BYTES]):
            await bucket.upload(key, iter([wrong]), attributes)
            for wanted in ("bytes=0-", "bytes=9000000-"):
                status, _ = await fetch(visitor, link("zine"), Range=wanted)
                assert status == 503
        await bucket.delete([key])
        assert (await fetch(visitor, link("zine")))[0] == 503
    finally:
        await bucket.upload(key, iter([LARGE]), attributes)
    assert edge.cached_bytes() == 0
    assert await fetch(visitor, link("zine")) == (200, LARGE)


@pytest.mark.parametrize("part", ["host", "prefix"])
async def test_nothing_is_fetched_from_elsewhere(
    replicas: list[Client],
    proxy: FaultyProxy,
    bucket_url: str,
    tmp_path: Path,
    link: Link,
    part: str,
) -> None:
    """The store's bucket isn't the one that nginx has been told."""
    wrong = {
        "host": re.sub(r"127\.0\.0\.1:\d+", "127.0.0.2:1", bucket_url),
        "prefix": f"{bucket_url}/blobs",
    }[part]
    ports = [each.server.port or 0 for each in replicas]
    requests = proxy.requests
    with running_edge(tmp_path / "edge", ports, wrong) as edge:
        async with connect(edge) as visitor:
            assert (await fetch(visitor, link("zine")))[0] == 503
            digest = LARGE_SHA256.hex()
            for path in (
                *(f"/-/objects/whole/{digest}", f"/-/objects/part/{digest}"),
                *("/-/slices/whole", "/-/slices/part"),
            ):
                address = f"{bucket_url}/{blob_key(LARGE_SHA256)}?a=b"
                stated = {"X-Object": f"{digest} 1 0 1 {address}"}
                status, _ = await fetch(visitor, path, **stated)
                assert status == 404
        assert edge.cached_bytes() == 0
    assert proxy.requests - requests < 20  # for the pointer, and no file
    assert '"bucket_status":""' in edge.log


async def test_each_request_passes_the_store_whatever_is_cached(
    visitor: ClientSession, clock: Clock, link: Link
) -> None:
    path = link("zine")
    assert (await fetch(visitor, path))[0] == 200
    clock.now += 48 * 3600
    assert (await fetch(visitor, path))[0] == 410


def test_nginx_has_slices_of_the_size_that_the_store_states() -> None:
    slices = (NGINX / "store.conf.template").read_text("utf-8")
    checks = (NGINX / "objects.conf.template").read_text("utf-8")
    assert f"slice {SLICE_BYTES >> 20}m;" in slices
    assert f" {SLICE_BYTES}$" in checks
    assert hashlib.sha256(LARGE).digest() == LARGE_SHA256

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""DirectSender on a real socket: bodies, ranges and headers."""

import asyncio
import errno
import hashlib
import os
import ssl
import zipfile
from collections.abc import Awaitable, Callable
from io import BytesIO

import aiohttp
import pytest
import trustme
from aiohttp.test_utils import TestServer

from tests.downloads.file_shop import LARGE, PRIVATE, SMALL, Client, Shop


@pytest.mark.parametrize(
    ("name", "data"), [("large", LARGE), ("small", SMALL), ("empty", b"")]
)
async def test_file_arrives_whole(
    name: str, data: bytes, client: Client, shop: Shop
) -> None:
    async with client.get(f"/{name}") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Length"] == str(len(data))
        assert await answer.read() == data
    assert shop.sent == ([(0, len(data))] if data else [])


async def test_zip_arrives_whole(client: Client, shop: Shop) -> None:
    async with client.get("/pack") as answer:
        data = await answer.read()
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.read("P/large.wav") == LARGE
    assert shop.sent == [(0, len(data))]


@pytest.mark.parametrize("name", ["large", "small", "empty", "pack"])
async def test_head_has_the_headers_of_a_get(
    name: str, client: Client
) -> None:
    async with client.get(f"/{name}") as answer:
        await answer.read()
        whole = dict(answer.headers)
    async with client.head(f"/{name}") as answer:
        assert answer.status == 200
        assert await answer.read() == b""
        described = dict(answer.headers)
    del whole["Date"], described["Date"]
    assert whole == described


@pytest.mark.parametrize(
    ("fields", "status", "body"),
    [
        ({"Range": "bytes=5-9"}, 206, LARGE[5:10]),
        ({"Range": "bytes=1000000-"}, 206, LARGE[1_000_000:]),
        ({"Range": "bytes=-7"}, 206, LARGE[-7:]),
        ({"Range": "bytes=3000000-"}, 416, b""),
        ({"Range": "bytes=9-5"}, 200, LARGE),
        ({"Range": "bytes=5-9", "If-Range": '"stale"'}, 200, LARGE),
        ({"If-None-Match": "*"}, 304, b""),
        ({"If-Match": '"stale"'}, 412, b""),
    ],
)
async def test_response_has_the_status_of_rfc_9110(
    fields: dict[str, str], status: int, body: bytes, client: Client
) -> None:
    async with client.get("/large", headers=fields) as answer:
        assert answer.status == status
        assert await answer.read() == body
        assert answer.headers["Cache-Control"] == PRIVATE


async def test_several_ranges_arrive_as_multipart(
    client: Client, shop: Shop
) -> None:
    fields = {"Range": "bytes=0-99,1000-299999,-5"}
    async with client.get("/large", headers=fields) as answer:
        assert answer.status == 206
        reader = aiohttp.MultipartReader.from_response(answer)
        found = []
        while (part := await reader.next()) is not None:
            assert isinstance(part, aiohttp.BodyPartReader)
            found.append(bytes(await part.read()))
    assert found == [LARGE[:100], LARGE[1000:300_000], LARGE[-5:]]
    assert shop.sent == [(0, 100), (1000, 300_000), (2_999_995, 3_000_000)]


@pytest.mark.parametrize("name", ["large", "pack"])
async def test_download_resumed_many_times_is_whole(
    name: str, client: Client, shop: Shop
) -> None:
    async with client.get(f"/{name}") as answer:
        etag = answer.headers["ETag"]
        expected = hashlib.sha256(await answer.read()).digest()
    size = shop.things[name][0].size_bytes
    found = b""
    while len(found) < size:
        last = len(found) + 700_001
        fields = {"Range": f"bytes={len(found)}-{last}", "If-Range": etag}
        async with client.get(f"/{name}", headers=fields) as answer:
            assert answer.status == 206
            found += await answer.read()
    assert hashlib.sha256(found).digest() == expected


async def test_http_1_0_client_is_served(client: Client) -> None:
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(b"GET /large HTTP/1.0\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert b"Content-Length: 3000000\r\n" in head
    assert body == LARGE
    writer.close()
    await writer.wait_closed()


async def test_file_arrives_whole_over_tls(
    shop: Shop, aiohttp_client: Callable[[TestServer], Awaitable[Client]]
) -> None:
    """No buffer is reused before asyncio's TLS has encrypted it."""
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    server = shop.server()
    await server.start_server(ssl=server_side)
    client = await aiohttp_client(server)
    async with client.get("/pack", ssl=client_side) as answer:
        data = await answer.read()
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None


async def test_uncached_file_is_read(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cold(*_: object) -> int:
        raise BlockingIOError(errno.EAGAIN, "not cached")

    monkeypatch.setattr(os, "preadv", cold)
    async with client.get("/large") as answer:
        assert await answer.read() == LARGE


async def test_partly_cached_file_arrives_whole(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    preadv = os.preadv

    def short(fd: int, buffers: list[memoryview], at: int, flags: int) -> int:
        few = bytearray(len(buffers[0]) // 3)
        count = preadv(fd, [few], at, flags)
        buffers[0][:count] = few[:count]
        return count

    monkeypatch.setattr(os, "preadv", short)
    async with client.get("/pack") as answer:
        data = await answer.read()
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None

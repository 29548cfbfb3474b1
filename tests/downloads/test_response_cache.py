# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Response cache: one read for many clients, for a second."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from msrv.downloads import response_cache
from msrv.downloads.ranges import ByteRange
from msrv.downloads.representation import Representation
from msrv.downloads.response import ResponsePlan
from msrv.downloads.response_cache import (
    FRESH_SECONDS,
    ResponseCache,
    is_cacheable,
)
from tests.downloads.contents import add_file, noise
from tests.downloads.file_shop import PRIVATE, Client

Start = Callable[[TestServer], Awaitable[Client]]


class Clock:
    """Clock in seconds, set by a test."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class CountingShop:
    """Sends files by name, and counts the reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.answers = ResponseCache(self.clock)
        self.read = 0

    def represent(self, name: str) -> Representation:
        """Return the representation of a file as it is now."""
        data = (self.folder / name).read_bytes()
        return Representation.of_file(add_file(self.folder, name, data), name)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Respond as a sender does."""
        key = self.represent(request.match_info["name"]), PRIVATE
        if is_cacheable(request):
            ready = self.answers.get(key)
            if ready is not None:
                return ready
        data = (self.folder / request.match_info["name"]).read_bytes()
        headers = {"ETag": key[0].etag, "Content-Length": str(len(data))}
        parts = (ByteRange(0, len(data)),)
        answer = ResponsePlan(HTTPStatus.OK, headers, parts)

        async def read() -> bytes:
            self.read += 1
            return data

        if not is_cacheable(request):
            return web.Response(headers=headers, body=await read())
        return await self.answers.respond(key, answer, read())

    def server(self) -> TestServer:
        """Return a server of this shop."""
        app = web.Application()
        app.router.add_get("/{name}", self.get)
        return TestServer(app)


@pytest.fixture
def counter(tmp_path: Path) -> CountingShop:
    """Shop of two files."""
    for name in ("a", "b"):
        add_file(tmp_path, name, noise(200, name))
    return CountingShop(tmp_path)


async def test_file_is_read_once_a_second(
    counter: CountingShop, aiohttp_client: Start
) -> None:
    client = await aiohttp_client(counter.server())
    bodies = []
    heads = []
    for _ in range(5):
        answer = await client.get("/a")
        bodies.append(await answer.read())
        heads.append(dict(answer.headers))
    assert bodies == [noise(200, "a")] * 5
    assert heads == [heads[0]] * 5
    assert counter.read == 1
    counter.clock.now += FRESH_SECONDS
    assert await (await client.get("/a")).read() == noise(200, "a")
    assert counter.read == 2


async def test_new_version_has_its_own_response(
    counter: CountingShop, aiohttp_client: Start
) -> None:
    client = await aiohttp_client(counter.server())
    old = await client.get("/a")
    add_file(counter.folder, "a", noise(300, "new"))
    new = await client.get("/a")
    assert await new.read() == noise(300, "new")
    assert new.headers["ETag"] != old.headers["ETag"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=0-9"},
        {"If-None-Match": "*"},
        {"If-Match": "*"},
        {"If-Range": '"x"'},
        {"If-Modified-Since": "Fri, 13 Feb 2009 23:31:30 GMT"},
        {"If-Unmodified-Since": "Fri, 13 Feb 2009 23:31:30 GMT"},
        {"Connection": "close"},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_conditional_and_range_requests_bypass_the_cache(
    counter: CountingShop, aiohttp_client: Start, headers: dict[str, str]
) -> None:
    client = await aiohttp_client(counter.server())
    assert (await client.get("/a")).status == 200
    answer = await client.get("/a", headers=headers)
    assert await answer.read() == noise(200, "a")
    assert counter.read == 2
    assert (await client.head("/a")).status == 200
    assert counter.read == 3


async def test_response_that_closes_the_connection_is_not_cached(
    counter: CountingShop, aiohttp_client: Start
) -> None:
    server = counter.server()
    leaving = True

    async def prepare(request: web.Request, response: web.Response) -> None:
        assert request.path == "/a"
        if leaving:
            response.force_close()
            response.headers["Connection"] = "close"

    server.app.on_response_prepare.append(prepare)  # type: ignore[arg-type]  # responses are what it prepares
    client = await aiohttp_client(server)
    assert (await client.get("/a")).headers["Connection"] == "close"
    leaving = False
    assert "Connection" not in (await client.get("/a")).headers
    assert counter.read == 2
    assert "Connection" not in (await client.get("/a")).headers
    assert counter.read == 2


async def test_cached_bytes_are_limited(
    counter: CountingShop,
    aiohttp_client: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(response_cache, "CACHE_BYTES", 600)
    client = await aiohttp_client(counter.server())
    for name in ("a", "b", "b"):
        assert (await client.get(f"/{name}")).status == 200
    assert counter.read == 2
    assert counter.answers._cached_bytes == sum(
        ready.body_length for _, ready in counter.answers._responses.values()
    )
    assert 0 < counter.answers._cached_bytes <= 600
    assert (await client.get("/a")).status == 200
    assert counter.read == 3


async def test_failed_read_is_not_cached(counter: CountingShop) -> None:
    async def fail() -> bytes:
        raise ConnectionAbortedError

    key = counter.represent("a"), PRIVATE
    with pytest.raises(ConnectionAbortedError):
        await counter.answers.respond(
            key, ResponsePlan(HTTPStatus.OK, {}), fail()
        )
    assert counter.answers.get(key) is None

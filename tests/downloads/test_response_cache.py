"""Small files are read once for many buyers, and never for long."""

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
from tests.downloads.made import noise, put
from tests.downloads.shop import PRIVATE, Client

Start = Callable[[TestServer], Awaitable[Client]]


class Clock:
    """A clock that a test sets, in seconds."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Counter:
    """Sells files by name, and counts how often they are read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.answers = ResponseCache(self.clock)
        self.read = 0

    def represent(self, name: str) -> Representation:
        """Describe a file as it is now."""
        data = (self.folder / name).read_bytes()
        return Representation.of_file(put(self.folder, name, data), name)

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer as a sender does."""
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
        """Put it behind a socket."""
        app = web.Application()
        app.router.add_get("/{name}", self.get)
        return TestServer(app)


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    """What is tested, with two files."""
    for name in ("a", "b"):
        put(tmp_path, name, noise(200, name))
    return Counter(tmp_path)


async def test_it_is_read_once_in_a_while(
    counter: Counter, aiohttp_client: Start
) -> None:
    """A thousand buyers of a small file wait for a thousand threads."""
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


async def test_a_new_version_is_another_file(
    counter: Counter, aiohttp_client: Start
) -> None:
    """A buyer gets the old bytes under the new checksum."""
    client = await aiohttp_client(counter.server())
    old = await client.get("/a")
    put(counter.folder, "a", noise(300, "new"))
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
async def test_who_asks_otherwise_is_answered_anew(
    counter: Counter, aiohttp_client: Start, headers: dict[str, str]
) -> None:
    """A buyer who has half of it gets all of it once more."""
    client = await aiohttp_client(counter.server())
    assert (await client.get("/a")).status == 200
    answer = await client.get("/a", headers=headers)
    assert await answer.read() == noise(200, "a")
    assert counter.read == 2
    assert (await client.head("/a")).status == 200
    assert counter.read == 3


async def test_a_good_bye_is_not_said_again(
    counter: Counter, aiohttp_client: Start
) -> None:
    """A store that is about to end has told one buyer, and so tells all."""
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


async def test_memory_has_a_bound(
    counter: Counter,
    aiohttp_client: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A library of ten thousand small files is held in memory."""
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


async def test_what_can_t_be_read_is_not_kept(counter: Counter) -> None:
    """A disk that fails once leaves an answer that nobody can read."""

    async def fail() -> bytes:
        raise ConnectionAbortedError

    key = counter.represent("a"), PRIVATE
    with pytest.raises(ConnectionAbortedError):
        await counter.answers.respond(
            key, ResponsePlan(HTTPStatus.OK, {}), fail()
        )
    assert counter.answers.get(key) is None

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Client of the engine's API: refusals, silence, pulls and logs."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from msrv.deployer.engine import docker
from msrv.deployer.engine.docker import EngineClient
from msrv.deployer.errors import (
    EngineError,
    EngineUnavailable,
    NoSuchObject,
    PullFailed,
)
from tests.deployer.fake_engine import FakeEngine
from tests.deployer.fake_engine_objects import error

REPOSITORY = "wetcoats/msrv"
PULL = f"{REPOSITORY}@sha256:" + "0" * 64


@pytest.fixture
def engine() -> FakeEngine:
    """An engine with one image and one container."""
    found = FakeEngine()
    image = found.add_image("one", REPOSITORY)
    found.add_container("msrv-app-1", image, "app")
    return found


@pytest.fixture
async def client(engine: FakeEngine) -> AsyncIterator[EngineClient]:
    """A client of that engine."""
    server = TestServer(engine.app())
    await server.start_server()
    async with EngineClient(f"http://127.0.0.1:{server.port}") as found:
        yield found
    await server.close()


@pytest.fixture
async def silent_client(engine: FakeEngine) -> AsyncIterator[EngineClient]:
    """A client of that engine, which answers nothing."""
    released = asyncio.Event()

    async def hang(_: str) -> web.StreamResponse | None:
        await released.wait()
        return None

    engine.before = hang
    server = TestServer(engine.app())
    await server.start_server()
    url = f"http://127.0.0.1:{server.port}"
    async with EngineClient(url, answer_seconds=0.05) as found:
        yield found
    released.set()
    await server.close()


def respond(engine: FakeEngine, status: int, text: str) -> None:
    """Set the engine's response to every request."""

    async def instead(_: str) -> web.StreamResponse | None:
        return web.Response(
            body=text.encode(),
            status=status,
            headers={"Content-Type": "application/json"},
        )

    engine.before = instead


def refuse(engine: FakeEngine, status: int, message: str) -> None:
    """Set a refusal as the engine's response to every request."""
    respond(engine, status, json.dumps({"message": message}))


async def test_container_is_found_by_labels_and_inspected(
    engine: FakeEngine, client: EngineClient
) -> None:
    await client.ping()
    (found,) = await client.find({"com.docker.compose.service": "app"})
    assert found == engine.named("msrv-app-1")
    assert await client.find({"com.docker.compose.service": "db"}) == []
    assert await client.inspect("msrv-app-1") == found


async def test_container_that_disappears_while_listed_is_left_out(
    engine: FakeEngine, client: EngineClient
) -> None:
    async def remove(line: str) -> web.StreamResponse | None:
        if line.startswith("GET containers/json"):
            engine.containers.clear()
        return None

    engine.after = remove
    assert await client.find({"com.docker.compose.service": "app"}) == []


async def test_unknown_objects_are_no_such_object(
    client: EngineClient,
) -> None:
    with pytest.raises(NoSuchObject):
        await client.inspect("nothing")
    with pytest.raises(NoSuchObject):
        await client.image("no/image:latest")
    # Removing what is gone is no error.
    await client.remove("nothing")


async def test_refusal_has_its_status_and_message(
    engine: FakeEngine, client: EngineClient
) -> None:
    refuse(engine, 409, "name\n in   use " + "x" * 1000)
    with pytest.raises(EngineError) as caught:
        await client.start("msrv-app-1")
    assert caught.value.status == 409
    assert str(caught.value).startswith("name in use xxx")
    assert len(str(caught.value)) == 500


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_gateway_error_is_unavailable(
    engine: FakeEngine, client: EngineClient, status: int
) -> None:
    refuse(engine, status, "starting up")
    with pytest.raises(EngineUnavailable, match="starting up"):
        await client.start("msrv-app-1")


def is_for_registry(line: str) -> bool:
    """Return whether the engine passes a request on to a registry."""
    return line.startswith(("GET distribution/", "POST images/create"))


@pytest.mark.parametrize("status", [404, 500, 502, 503, 504])
async def test_error_of_a_registry_is_a_failed_pull(
    engine: FakeEngine, client: EngineClient, status: int
) -> None:
    """The registry is unavailable, not the engine."""

    async def fail(line: str) -> web.StreamResponse | None:
        if is_for_registry(line):
            return error(status, "no route to the registry")
        return None

    engine.before = fail
    with pytest.raises(PullFailed, match="no route"):
        await client.resolve_digest(f"{REPOSITORY}:latest", None)
    with pytest.raises(PullFailed, match="no route"):
        await client.pull(PULL, None, lambda *_: None)


async def test_closed_port_is_unavailable() -> None:
    async with EngineClient("http://127.0.0.1:9") as client:
        with pytest.raises(EngineUnavailable, match="can't be reached"):
            await client.ping()


async def test_client_that_is_not_open_is_unavailable() -> None:
    with pytest.raises(EngineUnavailable):
        await EngineClient("http://127.0.0.1:9").ping()


async def test_silent_engine_is_unavailable(
    silent_client: EngineClient,
) -> None:
    with pytest.raises(EngineUnavailable, match="does not answer"):
        await silent_client.inspect("msrv-app-1")


async def test_connection_that_breaks_is_unavailable() -> None:
    async def hang_up(_: object, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, EngineClient(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(EngineUnavailable):
            await client.inspect("msrv-app-1")


async def test_pull_reports_the_bytes_of_all_layers(
    engine: FakeEngine, client: EngineClient
) -> None:
    respond(
        engine,
        200,
        '{"status": "Downloading", "id": "a", '
        '"progressDetail": {"current": 1, "total": 4}}\r\n'
        '{"status": "Downloading", "id": "b", '
        '"progressDetail": {"current": 2, "total": 6}}\r\n'
        '{"status": "Extracting", "id": "a", '
        '"progressDetail": {"current": 4, "total": 4}}\r\n',
    )
    found: list[tuple[int, int]] = []
    await client.pull(PULL, None, lambda *bytes_: found.append(bytes_))
    assert found == [(1, 4), (3, 10)]


async def test_error_in_the_stream_of_a_pull_fails_it(
    engine: FakeEngine, client: EngineClient
) -> None:
    respond(engine, 200, '{"error": "no space left on device"}\r\n')
    with pytest.raises(PullFailed, match="no space left on device"):
        await client.pull(PULL, None, lambda *_: None)


@pytest.fixture
def short_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry may be silent for a moment only."""
    monkeypatch.setattr(docker, "PULL_SILENCE_SECONDS", 0.05)
    monkeypatch.setattr(docker, "SLOW_SECONDS", 0.05)


@pytest.mark.usefixtures("short_silence")
async def test_silent_registry_is_a_failed_pull(
    engine: FakeEngine, client: EngineClient
) -> None:
    """It is asked again, and not forever: other targets wait meanwhile."""
    released = asyncio.Event()

    async def hang(line: str) -> web.StreamResponse | None:
        if is_for_registry(line):
            await released.wait()
        return None

    engine.before = hang
    with pytest.raises(PullFailed, match=r"it took more than 0\.05 s"):
        await client.resolve_digest(f"{REPOSITORY}:latest", None)
    with pytest.raises(PullFailed, match="the registry sent nothing for"):
        await client.pull(PULL, None, lambda *_: None)
    assert engine.requests.count("POST images/create") == docker.PULL_TRIES
    released.set()


@pytest.mark.usefixtures("short_silence")
async def test_pull_that_was_silent_once_is_repeated(
    engine: FakeEngine, client: EngineClient
) -> None:
    released = asyncio.Event()

    async def hang(line: str) -> web.StreamResponse | None:
        is_first = engine.requests.count("POST images/create") == 1
        if is_first and is_for_registry(line):
            await released.wait()
        return None

    engine.before = hang
    (digest,) = engine.remote
    await client.pull(digest, None, lambda *_: None)
    released.set()


@pytest.mark.usefixtures("short_silence")
async def test_silent_engine_is_no_silent_registry(
    silent_client: EngineClient,
) -> None:
    with pytest.raises(EngineUnavailable, match="does not answer"):
        await silent_client.resolve_digest(f"{REPOSITORY}:latest", None)
    with pytest.raises(EngineUnavailable, match="does not answer"):
        await silent_client.pull(PULL, None, lambda *_: None)


async def test_pull_that_takes_too_long_fails(
    engine: FakeEngine,
    client: EngineClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(docker, "PULL_SECONDS", 0.05)
    released = asyncio.Event()

    async def hang(line: str) -> web.StreamResponse | None:
        if is_for_registry(line):
            await released.wait()
        return None

    engine.before = hang
    with pytest.raises(PullFailed, match=r"it took more than 0\.05 s"):
        await client.pull(PULL, None, lambda *_: None)
    assert engine.requests.count("POST images/create") == 1
    released.set()


@pytest.mark.parametrize("name", ["nginx", "wetcoats/msrv", "ghcr.io/a/b"])
async def test_login_is_sent_for_every_form_of_a_name(
    engine: FakeEngine, client: EngineClient, name: str
) -> None:
    login = {"username": "me", "password": "secret", "serveraddress": "here"}
    engine.push("new", name)
    digest = await client.resolve_digest(f"{name}:latest", login)
    await client.pull(f"{name}@{digest}", login, lambda *_: None)
    sent = [json.loads(urlsafe_b64decode(each)) for each in engine.logins]
    assert sent == [login, login]


async def test_stop_uses_the_container_s_own_grace_period(
    engine: FakeEngine, client: EngineClient
) -> None:
    lines: list[str] = []

    async def note(line: str) -> web.StreamResponse | None:
        lines.append(line)
        return None

    engine.before = note
    await client.stop("msrv-app-1", None)
    engine.named("msrv-app-1")["Config"]["StopTimeout"] = 75
    await client.stop("msrv-app-1", None)
    await client.stop("msrv-app-1", 5)
    stops = [each.partition("?")[2] for each in lines if "/stop" in each]
    assert stops == ["t=10", "t=75", "t=5"]


async def test_log_lines_are_the_last_ones_or_none(
    engine: FakeEngine, client: EngineClient
) -> None:
    assert await client.log_lines("msrv-app-1") == ("first line", "last line")
    refuse(engine, 500, "no log driver")
    assert await client.log_lines("msrv-app-1") == ()

"""What is asked of others, and what never is."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from msrv.deployer import outbound
from msrv.deployer.config_model import Config, Notice
from msrv.deployer.errors import Unsafe
from msrv.deployer.notifications import Notifier, message, sentence
from msrv.deployer.outbound import NotTold
from msrv.deployer.rollout.deployment import Deployment, State
from msrv.deployer.signatures import signature
from tests.deployer.conftest import SECRET

Serve = Callable[[web.Application], Awaitable[TestServer]]

HUB = "https://registry.hub.docker.com/u/a/b/hook/x/"


@pytest.mark.parametrize(
    "url",
    [
        "http://registry.hub.docker.com/u/",
        "https://registry.hub.docker.com:8443/",
        "https://registry.hub.docker.com.evil.example/",
        "https://registry.hub.docker.com@evil.example/",
        "https://x:y@registry.hub.docker.com/",
        "https://evil.example/registry.hub.docker.com",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://registry.hub.docker.com:x/",
        "https://[::1/",
        "file:///etc/passwd",
        "gopher://registry.hub.docker.com/",
        "//registry.hub.docker.com/",
        "",
    ],
)
def test_a_callback_elsewhere_is_never_called(url: str) -> None:
    """A payload has the deployer ask whatever address it names."""
    with pytest.raises(Unsafe):
        outbound.check_callback(url, "docker.io")


def test_docker_hub_s_own_callback_is_called() -> None:
    """Docker Hub never learns how it went."""
    outbound.check_callback(HUB, "docker.io")
    with pytest.raises(Unsafe):
        outbound.check_callback(HUB, "ghcr.io")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
        "nonsense",
    ],
)
def test_a_private_address_is_none_to_ask(address: str) -> None:
    """A hook reaches what only this machine can."""
    assert not outbound.is_public(address)


def test_a_public_address_is_one() -> None:
    """Nobody can be told anything."""
    for address in ("93.184.215.14", "2606:4700::1111", "64:ff9b::808:808"):
        assert outbound.is_public(address)


async def test_a_name_that_leads_inside_is_not_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name with one public and one private address passes."""

    async def two(*_: object, **__: object) -> list[object]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443)),
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two)
    with pytest.raises(Unsafe):
        await outbound.post("https://chat.example/", b"", {})


async def test_localhost_is_asked_only_where_it_is_allowed() -> None:
    """The guard is one that a bare address gets by."""
    for url in ("https://127.0.0.1:1/", "https://localhost:1/"):
        with pytest.raises(Unsafe):
            await outbound.post(url, b"", {})
        with pytest.raises(NotTold):
            await outbound.post(url, b"", {}, allow_private=True)


async def test_a_redirect_is_not_followed(aiohttp_server: Serve) -> None:
    """An address that is allowed leads to one that isn't."""
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        raise web.HTTPTemporaryRedirect("/inside")

    app = web.Application()
    app.router.add_post("/{all:.*}", elsewhere)
    server = await aiohttp_server(app)
    url = str(server.make_url("/hook"))
    with pytest.raises(NotTold, match="307"):
        await outbound.post(url, b"", {}, allow_private=True)
    assert asked == ["/hook"]


async def test_who_never_answers_is_not_waited_for(
    aiohttp_server: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who is silent keeps everyone else from being told."""
    monkeypatch.setattr("msrv.deployer.outbound.SECONDS", 0.2)
    asked = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.sleep(60)
        raise AssertionError

    app = web.Application()
    app.router.add_post("/", hang)
    server = await aiohttp_server(app)
    with pytest.raises(NotTold, match=r"it did not answer within 0\.2 s"):
        await outbound.post(
            str(server.make_url("/")), b"", {}, allow_private=True
        )
    assert asked.is_set()


async def test_a_name_that_is_never_resolved_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name server that is silent keeps everyone else from being told."""
    monkeypatch.setattr("msrv.deployer.outbound.SECONDS", 0.2)

    async def hang(*_: object, **__: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
    with pytest.raises(NotTold, match="its name can't be resolved"):
        await outbound.post(HUB, b"", {})


async def test_one_callback_that_fails_keeps_no_other_from_being_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong address in one payload ends all telling."""
    asked: list[str] = []

    async def post(url: str, *_: object) -> None:
        asked.append(url)
        if len(asked) == 1:
            raise NotTold("it answered 500")

    monkeypatch.setattr(outbound, "post", post)
    target = {"name": "store", "repository": "a/b", "containers": ["a"]}
    notifier = Notifier(Config.model_validate({"targets": {"store": target}}))
    elsewhere, refused, taken = ended(), ended(), ended()
    elsewhere.callback_url = "https://evil.example/"
    async with notifier.working():
        for each in (elsewhere, refused, taken):
            notifier.ended(each)
        await asyncio.wait_for(notifier._waiting.join(), 10)
    assert asked == [HUB + "secret"] * 2


def ended(state: State = State.SUCCEEDED, reason: str = "") -> Deployment:
    return Deployment(
        "abc",
        "store",
        "dockerhub",
        1,
        state=state,
        reason=reason,
        reference="a/b@sha256:0123456789abcdef",
        replicas=2,
        callback_url=HUB + "secret",
    )


async def test_a_notice_is_signed_and_tried_again(
    aiohttp_server: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A notice can be forged, or one lost packet loses it."""
    monkeypatch.setattr("msrv.deployer.notifications.PAUSES_SECONDS", (0, 0))
    heard: list[tuple[bytes, dict[str, str]]] = []
    done = asyncio.Event()

    async def hear(request: web.Request) -> web.Response:
        heard.append((await request.read(), dict(request.headers)))
        if len(heard) < 3:
            raise web.HTTPServiceUnavailable
        done.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/", hear)
    server = await aiohttp_server(app)
    config = Config.model_validate(
        {
            "targets": {
                "store": {
                    "name": "store",
                    "repository": "a/b",
                    "containers": ["a"],
                    "notify": [
                        {
                            "url": str(server.make_url("/")),
                            "secret": SECRET,
                            "allow_private": True,
                        }
                    ],
                }
            }
        }
    )
    notifier = Notifier(config, clock=lambda: 1_800_000_000)
    deployment = ended()
    deployment.callback_url = None
    async with notifier.working():
        notifier.ended(deployment)
        await asyncio.wait_for(done.wait(), 10)
    body, headers = heard[2]
    assert len(heard) == 3
    expected = signature(SECRET, body, headers["X-MSRV-Timestamp"])
    assert headers["X-MSRV-Signature-256"] == expected
    told = json.loads(body)
    assert told["deployment"]["state"] == "succeeded"
    assert told["sentence"] == "store runs 0123456789ab (2 replicas)"
    assert "secret" not in body.decode()


def test_people_are_told_in_a_sentence() -> None:
    """A chat shows JSON."""
    text = Notice.model_validate({"url": "https://a.example", "form": "text"})
    body, kind = message(text, ended(State.FAILED, "it crashed"))
    assert kind.startswith("text/plain")
    assert body.decode() == (
        "store was not updated, and the old version serves: it crashed"
    )
    chat = Notice.model_validate({"url": "https://a.example", "form": "chat"})
    assert json.loads(message(chat, ended())[0]) == {"text": sentence(ended())}

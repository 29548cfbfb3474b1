# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Outgoing requests: private addresses, redirects and silence."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from msrv.deployer import outbound_requests
from msrv.deployer.errors import DeliveryFailed, UnsafeAddress

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
def test_callback_elsewhere_than_the_registry_is_refused(url: str) -> None:
    with pytest.raises(UnsafeAddress):
        outbound_requests.check_callback(url, "docker.io")


def test_callback_of_docker_hub_is_allowed_for_its_images_alone() -> None:
    outbound_requests.check_callback(HUB, "docker.io")
    with pytest.raises(UnsafeAddress):
        outbound_requests.check_callback(HUB, "ghcr.io")


async def test_name_with_one_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    def two(*_: object, **__: object) -> list[object]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 443)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with pytest.raises(UnsafeAddress):
        await outbound_requests.post("https://chat.example/", b"", {})


async def test_localhost_needs_allow_private() -> None:
    for url in ("https://127.0.0.1:1/", "https://localhost:1/"):
        with pytest.raises(UnsafeAddress):
            await outbound_requests.post(url, b"", {})
        with pytest.raises(DeliveryFailed):
            await outbound_requests.post(url, b"", {}, allow_private=True)


async def test_redirect_is_not_followed(aiohttp_server: Serve) -> None:
    requested: list[str] = []

    async def redirect(request: web.Request) -> web.Response:
        requested.append(request.path)
        raise web.HTTPTemporaryRedirect("/inside")

    app = web.Application()
    app.router.add_post("/{all:.*}", redirect)
    server = await aiohttp_server(app)
    url = str(server.make_url("/hook"))
    with pytest.raises(DeliveryFailed, match="307"):
        await outbound_requests.post(url, b"", {}, allow_private=True)
    assert requested == ["/hook"]


async def test_silent_server_times_out(
    aiohttp_server: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("msrv.deployer.outbound_requests.SECONDS", 0.2)
    requested = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        requested.set()
        await asyncio.sleep(60)
        raise AssertionError

    app = web.Application()
    app.router.add_post("/", hang)
    server = await aiohttp_server(app)
    with pytest.raises(
        DeliveryFailed, match=r"it did not respond within 0\.2 s"
    ):
        await outbound_requests.post(
            str(server.make_url("/")), b"", {}, allow_private=True
        )
    assert requested.is_set()


async def test_silent_name_server_times_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("msrv.deployer.outbound_requests.SECONDS", 0.2)

    responds = threading.Event()

    def hang(*_: object, **__: object) -> None:
        responds.wait()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        with pytest.raises(
            DeliveryFailed, match="its host name can't be resolved"
        ):
            await outbound_requests.post(HUB, b"", {})
    finally:
        responds.set()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Port of plain HTTP: challenges, redirects to the store, and nothing else."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from msrv.acme.challenges import ChallengeFolder
from msrv.connections import request_handler
from msrv.connections.acceptor import Acceptor, AsyncioConnector
from msrv.connections.admission import Admission, ConnectionLimits
from msrv.server.plain_http import PlainHTTPHandler, create_server
from msrv.settings import Settings
from msrv.web.origin import OriginRules

URL = "https://shop.example"


class Served:
    """Port of the handler, and the folder of its challenges."""

    def __init__(self, port: int, challenges: ChallengeFolder) -> None:
        self.port = port
        self.challenges = challenges

    async def request(
        self, target: str, host: str = "shop.example", method: str = "GET"
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request as it is written; return the response."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(
            f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        data = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return int(first.split()[1]), headers, body


@pytest.fixture
async def served(settings: Settings, tmp_path: Path) -> AsyncIterator[Served]:
    rules = OriginRules.from_settings(
        settings.model_copy(
            update={
                "public_url": URL,
                "domain": ("shop.example", "www.shop.example"),
            }
        )
    )
    challenges = ChallengeFolder(tmp_path / "challenges")
    challenges.create()
    server = create_server(PlainHTTPHandler(URL, rules, challenges))
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    acceptor = Acceptor(
        listening,
        Admission(ConnectionLimits(total=100, per_network=100)),
        AsyncioConnector(request_handler.factory(server)),
    )
    yield Served(port, challenges)
    acceptor.close()
    await server.shutdown(1)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/"),
        ("/catalog?q=a%20b&c=%2f", "/catalog?q=a%20b&c=%2f"),
        ("/download/%41b~c/d", "/download/%41b~c/d"),
        ("//evil.example/a", "//evil.example/a"),
        ("http://evil.example/a", "/a"),
        ("http://shop.example", "/"),
    ],
)
@pytest.mark.parametrize("host", ["shop.example", "www.shop.example:80"])
async def test_everything_is_redirected_to_the_store(
    served: Served, target: str, path: str, host: str
) -> None:
    status, headers, _ = await served.request(target, host)
    assert (status, headers["Location"]) == (308, URL + path)
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["evil.example", "", "shop.example.evil.de"])
async def test_other_host_is_refused(served: Served, host: str) -> None:
    status, headers, _ = await served.request("/", host)
    assert status == 421
    assert "Location" not in headers


@pytest.mark.parametrize(
    ("target", "method"),
    [("*", "OPTIONS"), ("evil.example:443", "CONNECT"), ("@evil", "GET")],
)
async def test_target_without_a_path_is_refused(
    served: Served, target: str, method: str
) -> None:
    status, headers, _ = await served.request(target, method=method)
    assert status in {400, 308}
    location = headers.get("Location", f"{URL}/")
    assert location.startswith(f"{URL}/")


async def test_challenge_is_answered(served: Served) -> None:
    served.challenges.add_token("to-ken_1", "to-ken_1.print")
    path = "/.well-known/acme-challenge/to-ken_1"
    status, headers, body = await served.request(path)
    assert (status, body) == (200, b"to-ken_1.print")
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Cache-Control"] == "no-store"
    assert (await served.request(path, method="HEAD"))[::2] == (200, b"")
    status, headers, _ = await served.request(path, method="POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "missing",
        "..",
        "../secret",
        "..%2fsecret",
        "%2e%2e/secret",
        "a" * 300,
    ],
)
async def test_other_challenges_are_missing(
    served: Served, tmp_path: Path, name: str
) -> None:
    (tmp_path / "challenges" / "secret").write_bytes(b"secret")
    status, _, body = await served.request(
        f"/.well-known/acme-challenge/{name}"
    )
    assert status in {308, 404}
    assert b"secret" not in body

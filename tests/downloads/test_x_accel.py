# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""NginxSender: responses that nginx sends, and those sent from here."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from msrv.downloads.body import Body
from msrv.downloads.ranges import ByteRange
from msrv.downloads.representation import Representation
from msrv.downloads.sender import DirectSender, SendOptions
from msrv.downloads.x_accel import NginxSender, folder_files
from msrv.downloads.zip import ZipMember
from msrv.storage.model import Content, StorageError
from tests.downloads.contents import NOW, add_file, noise
from tests.downloads.file_shop import PRIVATE, Client, Shop

DATA = noise(100_000)
ETAG = "{etag}"
WHOLE, PART = "/-/files/whole/", "/-/files/part/"


class EdgeShop(Shop):
    """Shop behind nginx, or without it where `edge` is false."""

    edge = True

    async def get(self, request: web.Request) -> web.StreamResponse:
        representation, body = self.things[request.match_info["name"]]
        sender = NginxSender(
            folder_files(self.storage),
            DirectSender(self.storage, self.stall_seconds),
            lambda _: self.edge,
        )
        try:
            return await sender.send(
                request,
                representation,
                body,
                SendOptions(NOW, PRIVATE, on_sent=self.sent.append),
            )
        except StorageError as error:
            raise web.HTTPServiceUnavailable from error


@pytest.fixture
def shop(tmp_path: Path) -> EdgeShop:
    """Shop of one large and one empty file, and a ZIP."""
    shop = EdgeShop(tmp_path)
    large = shop.sell("large", DATA)
    shop.sell("empty", b"")
    shop.pack("pack", [ZipMember("P/large.wav", large)])
    return shop


@pytest.fixture
async def client(
    shop: EdgeShop,
    aiohttp_client: Callable[[TestServer], Awaitable[Client]],
) -> Client:
    """HTTP client of the shop."""
    return await aiohttp_client(shop.server())


@pytest.mark.parametrize(
    ("fields", "root", "sent"),
    [
        ({}, WHOLE, ByteRange(0, 100_000)),
        ({"Range": "bytes=5-9"}, PART, ByteRange(5, 10)),
        ({"Range": "bytes=-7"}, PART, ByteRange(99_993, 100_000)),
        (
            {"Range": "bytes=5-9", "If-Range": '"stale"'},
            WHOLE,
            ByteRange(0, 100_000),
        ),
        ({"If-None-Match": '"other"'}, WHOLE, ByteRange(0, 100_000)),
    ],
)
async def test_file_is_sent_by_nginx(
    fields: dict[str, str],
    root: str,
    sent: ByteRange,
    client: Client,
    shop: EdgeShop,
) -> None:
    async with client.get("/large", headers=fields) as answer:
        assert answer.status == 200
        assert answer.headers["X-Accel-Redirect"] == f"{root}large"
        assert "Content-Range" not in answer.headers
        assert answer.headers["Cache-Control"] == PRIVATE
        assert answer.headers["ETag"] == shop.things["large"][0].etag
        assert await answer.read() == b""
    assert shop.sent == [sent]


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        ("large", {"Range": "bytes=0-1,5-9"}, 206),
        ("large", {"Range": "bytes=0-1,"}, 206),
        ("large", {"Range": "BYTES=0-1"}, 206),
        ("large", {"Range": "bytes= 0-1"}, 206),
        ("large", {"Range": "bytes=9-5"}, 200),
        ("large", {"Range": f"bytes=0-{'9' * 19}"}, 206),
        ("large", {"Range": "bytes=100000-"}, 416),
        ("large", {"If-Match": ETAG}, 200),
        ("large", {"If-Match": '"stale"'}, 412),
        ("large", {"If-None-Match": ETAG}, 304),
        (
            "large",
            {"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
            412,
        ),
        ("empty", {}, 200),
        ("pack", {}, 200),
        ("pack", {"Range": "bytes=5-9"}, 206),
    ],
)
async def test_requests_that_nginx_evaluates_otherwise_are_answered_here(
    name: str,
    fields: dict[str, str],
    status: int,
    client: Client,
    shop: EdgeShop,
) -> None:
    etag = shop.things[name][0].etag
    filled = {key: text.format(etag=etag) for key, text in fields.items()}
    async with client.get(f"/{name}", headers=filled) as answer:
        assert answer.status == status
        assert "X-Accel-Redirect" not in answer.headers
        length = answer.headers.get("Content-Length", "0")
        assert len(await answer.read()) == int(length)


async def test_head_is_answered_here(client: Client) -> None:
    async with client.head("/large") as answer:
        assert answer.headers["Content-Length"] == "100000"
        assert "X-Accel-Redirect" not in answer.headers


async def test_other_clients_than_nginx_get_the_bytes(
    client: Client, shop: EdgeShop
) -> None:
    shop.edge = False
    async with client.get("/large") as answer:
        assert "X-Accel-Redirect" not in answer.headers
        assert await answer.read() == DATA


async def test_encoding_is_sent_from_here_since_nginx_lacks_it(
    client: Client, shop: EdgeShop
) -> None:
    content = replace(shop.sell("track.mp3", DATA), is_encoded=True)
    shop.things["track"] = (
        Representation.of_file(content, "track.mp3"),
        Body.of_file(content),
    )
    async with client.get("/track") as answer:
        assert "X-Accel-Redirect" not in answer.headers
        assert await answer.read() == DATA


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_missing_file_is_an_error_before_the_redirect(
    method: str, client: Client, shop: EdgeShop
) -> None:
    (shop.root / "large").unlink()
    async with client.request(method, "/large") as answer:
        assert answer.status == 503


@pytest.mark.parametrize(
    "name",
    [
        b"a b.bin",
        b"%41 %2e%2e %.bin",
        b"a?b#c&d=e;f.bin",
        "Żółć 音楽.bin".encode(),
        b"two\nlines\r\n.bin",
        b"quote\"s 'n' <tags>.bin",
        b"\xff\xfe.bin",
        b"back\\slash$host.bin",
    ],
)
async def test_any_file_name_survives_the_redirect(
    name: bytes,
    shop: EdgeShop,
    aiohttp_client: Callable[[TestServer], Awaitable[Client]],
) -> None:
    path = f"Deep er/{os.fsdecode(name)}"
    content = add_file(shop.root, path, DATA)
    shop.things["odd"] = (
        Representation.of_file(content),
        Body.of_file(content),
    )
    client = await aiohttp_client(shop.server())
    async with client.get("/odd") as answer:
        redirect = answer.headers["X-Accel-Redirect"]
    assert redirect.isascii()
    assert redirect.isprintable()
    assert not set(redirect) & set(" ?#\"'\\$;&")
    bare = redirect.removeprefix(WHOLE)
    assert unquote_to_bytes(bare) == os.fsencode(path)


@pytest.mark.parametrize("retagged", [False, True])
async def test_file_with_another_status_is_hashed_before_the_redirect(
    client: Client, shop: EdgeShop, *, retagged: bool
) -> None:
    """A chmod fails no download; other bytes under the old date and size are
    not sent under the old ETag.
    """
    path = shop.root / "large"
    before = path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        path.chmod(0o600)
        if retagged:
            path.write_bytes(DATA[:-1] + b"!")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    async with client.get("/large") as answer:
        assert answer.status == (503 if retagged else 200)
        assert ("X-Accel-Redirect" in answer.headers) is not retagged


def test_symbolic_links_are_resolved(shop: EdgeShop) -> None:
    """nginx can't follow a link that was changed after the check."""
    real = shop.things["large"][1].chunks[0]
    (shop.root / "alias").symlink_to("large")
    assert not isinstance(real, bytes)
    content = real.content
    linked = Content(
        "alias",
        content.identity,
        content.sha256,
        content.crc32,
        content.media_type,
    )
    assert shop.storage.locate(linked) == b"large"

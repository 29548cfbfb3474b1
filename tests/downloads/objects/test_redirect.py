# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What is redirected, and what the store sends itself."""

from pathlib import Path
from typing import cast

import pytest
from aiohttp import web

from msrv.downloads.objects import redirect
from msrv.downloads.objects.redirect import (
    MAX_SECONDS,
    MIN_SECONDS,
    BucketTags,
    RedirectSender,
    lifetime,
)
from msrv.downloads.representation import Representation
from msrv.downloads.sender import DirectSender, SendOptions
from msrv.downloads.zip import ZipMember
from msrv.storage.model import Content
from msrv.storage.objects.bucket import Bucket
from tests.downloads.contents import NOW, known
from tests.downloads.file_shop import LARGE, SMALL, Client, Shop


class RedirectingShop(Shop):
    """Shop whose files are elsewhere, too; with `inline`, as previews."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.streamed: list[bool] = []
        """Of each response that is no redirect, whether it needs a slot."""

    async def get(self, request: web.Request) -> web.StreamResponse:
        representation, body = self.things[request.match_info["name"]]
        sender = RedirectSender(
            address_of,
            DirectSender(self.storage, self.stall_seconds),
            tag_of,
        )
        streams = sender.streams(request, body)
        response = await sender.send(
            request,
            representation,
            body,
            SendOptions(
                NOW,
                "private",
                "inline" if "inline" in request.query else "attachment",
                on_sent=self.sent.append,
            ),
        )
        if response.status == 307:
            # Nothing streams through the store, so no slot is needed; of what
            # is resumed that isn't known yet.
            is_resumed = "If-Range" in request.headers
            assert streams == is_resumed
        else:
            self.streamed.append(streams)
        return response


async def address_of(
    _request: web.Request,
    representation: Representation,
    content: Content,
    now: int,
) -> str:
    assert now == NOW
    return f"https://a.example/{content.sha256.hex()}#{representation.etag}"


async def tag_of(_content: Content) -> str:
    return '"theirs"'


@pytest.fixture
def shop(tmp_path: Path) -> RedirectingShop:
    shop = RedirectingShop(tmp_path)
    large = shop.sell("large", LARGE)
    shop.sell("small", SMALL)
    shop.pack("pack", [ZipMember("P/large.wav", large)])
    return shop


async def status_of(
    client: Client, path: str, method: str = "GET", **headers: str
) -> int:
    """Return a response's status, after reading what the store sends."""
    async with client.request(
        method,
        path,
        headers={name.replace("_", "-"): headers[name] for name in headers},
        allow_redirects=False,
    ) as response:
        await response.read()
        return response.status


async def test_whole_files_and_single_ranges_are_redirected(
    shop: RedirectingShop, client: Client
) -> None:
    async with client.get("/large", allow_redirects=False) as response:
        assert response.status == 307
        etag = shop.things["large"][0].etag
        assert response.headers["Location"].startswith("https://a.example/")
        assert response.headers["Location"].endswith(f"#{etag}")
        assert response.headers["Cache-Control"] == "no-store"
    assert await status_of(client, "/large", Range="bytes=5-") == 307
    assert [(each.start, each.stop) for each in shop.sent] == [
        (0, len(LARGE)),
        (5, len(LARGE)),
    ]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/small", {}, 200),
        ("/pack", {}, 200),
        ("/large?inline", {}, 200),
        ("/large", {"Sec_Fetch_Dest": "audio"}, 200),
        ("/large", {"Sec_Fetch_Dest": "video", "Range": "bytes=5-"}, 206),
        ("/large", {"Sec_Fetch_Dest": "document"}, 307),
        ("/large", {"Range": "bytes=0-1,5-6"}, 206),
        ("/large", {"Range": "bytes=9999999-"}, 416),
        ("/large", {"If_None_Match": "*"}, 304),
        ("/large", {"If_Match": '"another"'}, 412),
        ("/large", {"If_Range": '"theirs"', "Range": "bytes=5-"}, 307),
        # Of a file that was replaced, whatever the bucket makes of it.
        ("/large", {"If_Range": '"former"', "Range": "bytes=5-"}, 200),
        ("/large", {"If_Range": 'W/"x"', "Range": "bytes=5-"}, 200),
        (
            "/large",
            {
                "If_Range": "Mon, 30 Nov 2026 02:00:00 GMT",
                "Range": "bytes=5-",
            },
            200,
        ),
    ],
)
async def test_the_store_sends_what_only_it_can(
    client: Client, path: str, headers: dict[str, str], status: int
) -> None:
    assert await status_of(client, path, **headers) == status


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=0-1,5-6",
        f"bytes=0-{len(LARGE) // 2},{len(LARGE) // 2 + 2000}-",
        "bytes=1-2,5-",
        # The whole is sent, which is less than these with their framing.
        f"bytes=0-{len(LARGE) - 2},-1",
    ],
)
async def test_several_ranges_need_a_slot(
    shop: RedirectingShop, client: Client, wanted: str
) -> None:
    status = await status_of(client, "/large", Range=wanted)
    assert status in {200, 206}
    assert shop.streamed == [True]


async def test_the_stores_own_tag_continues_at_the_store(
    shop: RedirectingShop, client: Client
) -> None:
    etag = shop.things["large"][0].etag
    status = await status_of(client, "/large", If_Range=etag, Range="bytes=5-")
    assert status == 206
    assert await status_of(client, "/large", "HEAD") == 200


def test_life_of_an_address_follows_the_size() -> None:
    assert lifetime(1) == MIN_SECONDS
    assert lifetime(1_000_000_000) == 10_000
    assert lifetime(1 << 40) == MAX_SECONDS


class TaggedBucket:
    """Bucket that notes which tags were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def tag(self, key: str) -> str:
        self.asked.append(key)
        return f'"{key}-{len(self.asked)}"'


async def test_tag_is_asked_for_once_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program that resumes sends several requests, each with two uses."""
    monkeypatch.setattr(redirect, "_TAGS", 2)
    bucket, now = TaggedBucket(), [0.0]
    tags = BucketTags(cast("Bucket", bucket), bytes.hex, lambda: now[0])
    one, two, three = (known(bytes([number])) for number in range(3))
    for seconds in (0.0, 59.9):
        now[0] = seconds
        assert (await tags(one)).endswith('-1"')
    now[0] = 60.0
    assert (await tags(one)).endswith('-2"')
    # Of a few files only: the oldest is asked for again.
    for content in (two, three, one):
        await tags(content)
    assert len(bucket.asked) == 5

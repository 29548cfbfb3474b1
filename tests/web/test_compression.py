# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Compressed responses: smaller, and none that contains a token."""

import gzip
import os
from pathlib import Path

import pytest
from aiohttp import ClientResponse

from msrv.proofs.encoding import encode
from msrv.settings import Settings
from tests.conftest import Client, StartStore

GZIP = {"Accept_Encoding": "gzip"}
JSON = {"Accept": "application/json"}


async def fetch_raw(
    store: Client, path: str, **headers: str
) -> tuple[ClientResponse, bytes]:
    """Return a response, and its body as it was sent."""
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    async with store.session.get(
        store.make_url(path), headers=names, auto_decompress=False
    ) as answer:
        return answer, await answer.read()


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/", "text/html"),
        ("/catalog", "text/html"),
        ("/catalog/night-bus", "text/html"),
        ("/catalog/night-bus", "application/json"),
        ("/feed.atom", "*/*"),
        ("/feed.rss", "*/*"),
    ],
)
async def test_response_is_compressed_where_the_client_accepts_it(
    store: Client, path: str, accept: str
) -> None:
    # The id of a purchase's attempt is another one each time.
    whole, plain = await fetch_raw(
        store, path, Accept=accept, Accept_Encoding="identity"
    )
    answer, packed = await fetch_raw(
        store, path, Accept=accept, Accept_Encoding="br;q=1.0, gzip;q=0.8"
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(gzip.decompress(packed)) == len(plain)
    assert len(packed) < 0.7 * len(plain)
    assert int(answer.headers["Content-Length"]) == len(packed)
    for each in (whole, answer):
        assert "Accept-Encoding" in each.headers["Vary"]
    assert "Content-Encoding" not in whole.headers


@pytest.mark.parametrize(
    "accepted", ["identity", "gzip;q=0", "gzip; q=0.000", "br", "xgzip", "*"]
)
async def test_response_is_whole_for_a_client_that_does_not_accept_gzip(
    store: Client, accepted: str
) -> None:
    answer, _ = await fetch_raw(store, "/", Accept_Encoding=accepted)
    assert "Content-Encoding" not in answer.headers


async def test_page_with_a_token_is_not_compressed(store: Client) -> None:
    form = {"item": "lyrics"}
    bought = await (
        await store.post("/purchases", data=form, headers=JSON)
    ).json()
    path = bought["receipt"].partition("/purchases/")[2]
    for accept in ("text/html", "application/json"):
        answer, _ = await fetch_raw(
            store, f"/purchases/{path}", Accept=accept, **GZIP
        )
        assert answer.status == 200
        assert "Content-Encoding" not in answer.headers


async def test_page_that_links_to_a_payment_is_not_compressed(
    store: Client,
) -> None:
    path = "/payments/stripe/return?session_id=cs_test_AAAAAAAAAAAA"
    cookie = f"payment={encode(path.encode())}"
    answer, body = await fetch_raw(store, "/", Cookie=cookie, **GZIP)
    assert b"cs_test_AAAAAAAAAAAA" in body
    assert "Content-Encoding" not in answer.headers
    answer, _ = await fetch_raw(store, "/", **GZIP)
    assert answer.headers["Content-Encoding"] == "gzip"


async def test_etag_of_a_feed_is_weak_and_that_of_both_codings(
    store: Client,
) -> None:
    whole, _ = await fetch_raw(store, "/feed.atom", Accept_Encoding="identity")
    answer, _ = await fetch_raw(store, "/feed.atom", **GZIP)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["ETag"] == whole.headers["ETag"]
    assert answer.headers["ETag"].startswith("W/")
    again, body = await fetch_raw(
        store,
        "/feed.atom",
        If_None_Match=answer.headers["ETag"],
        **GZIP,
    )
    assert (again.status, body) == (304, b"")


async def test_large_page_is_compressed_whole(
    start_store: StartStore, settings: Settings, library: Path
) -> None:
    box = library / "Box"
    box.mkdir()
    (box / "release.toml").write_text('id = "box"\n')
    for number in range(300):
        name = f"{number:03} {os.urandom(8).hex()}.pdf"
        (box / name).write_bytes(b"%PDF")
    store = await start_store(settings)
    _, plain = await fetch_raw(store, "/catalog/box", Accept_Encoding="br")
    _, packed = await fetch_raw(store, "/catalog/box", **GZIP)
    assert len(plain) > 100_000
    assert len(gzip.decompress(packed)) == len(plain)

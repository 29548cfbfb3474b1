# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Playlists and podcast feeds of a receipt."""

import feedparser
import pytest
from yarl import URL

from tests.conftest import Client

JSON = {"Accept": "application/json"}


@pytest.fixture
async def path(store: Client) -> str:
    """Return the path of the receipt of a whole release."""
    form = {"item": "night-bus"}
    answer = await store.post("/purchases", data=form, headers=JSON)
    return URL((await answer.json())["receipt"]).raw_path


async def test_playlist_has_each_track_with_a_link_that_works(
    store: Client, path: str
) -> None:
    answer = await store.get(f"{path}.m3u8")
    assert answer.status == 200
    assert answer.content_type == "audio/x-mpegurl"
    assert answer.headers["Cache-Control"] == "private, no-store"
    first, *lines = (await answer.text()).splitlines()
    assert first == "#EXTM3U"
    assert [each.partition(",")[2] for each in lines[::2]] == [
        "The Wet Coats - Departure",
        "The Wet Coats - Wrong Stop",
    ]
    for address in lines[1::2]:
        sent = await store.get(URL(address).raw_path)
        assert sent.status == 200
        assert sent.content_type.startswith("audio/")


async def test_podcast_feed_has_each_track_in_order(
    store: Client, path: str
) -> None:
    answer = await store.get(f"{path}.rss")
    assert answer.headers["Cache-Control"] == "private, no-store"
    feed = feedparser.parse(await answer.read())
    assert not feed.bozo
    assert feed.feed.title == "Wet Coats: your purchase"
    assert feed.feed.itunes_block
    assert [each.title for each in feed.entries] == [
        "The Wet Coats - Departure",
        "The Wet Coats - Wrong Stop",
    ]
    times = [each.published_parsed for each in feed.entries]
    assert times == sorted(times, reverse=True)
    for entry in feed.entries:
        (enclosure,) = entry.enclosures
        sent = await store.get(URL(enclosure.href).raw_path)
        assert len(await sent.read()) == int(enclosure.length)
        assert sent.content_type == enclosure.type


async def test_receipt_names_both_only_if_there_are_tracks(
    store: Client, path: str
) -> None:
    page = await (await store.get(path)).text()
    assert f'href="{path}.m3u8"' in page
    assert f'href="{path}.rss"' in page
    form = {"item": "lyrics"}
    answer = await store.post("/purchases", data=form, headers=JSON)
    other = URL((await answer.json())["receipt"]).raw_path
    assert ".m3u8" not in await (await store.get(other)).text()
    empty = await (await store.get(f"{other}.m3u8")).text()
    assert empty == "#EXTM3U\n"


async def test_forged_receipt_has_neither(store: Client, path: str) -> None:
    for suffix in ("m3u8", "rss"):
        wrong = f"{path[:-1]}.{suffix}"
        assert (await store.get(wrong)).status == 404

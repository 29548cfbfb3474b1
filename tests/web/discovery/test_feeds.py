# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Feeds, as a feed reader parses them."""

import time
from pathlib import Path
from typing import Any

import feedparser
import pytest

from msrv.catalog.names import ids
from msrv.settings import Settings
from tests.catalog.temporary_library import wav
from tests.conftest import Client, StartStore

FEEDS = ["/feed.atom", "/feed.rss"]


async def parsed(store: Client, path: str) -> Any:  # noqa: ANN401 - untyped
    """Return a feed as feedparser sees it; it has to be well-formed."""
    response = await store.get(path)
    assert response.status == 200
    feed = feedparser.parse(await response.read())
    assert not feed.bozo, feed.get("bozo_exception")
    return feed


@pytest.mark.parametrize("path", FEEDS)
async def test_feed_has_the_releases_newest_first(
    store: Client, path: str
) -> None:
    feed = await parsed(store, path)
    assert feed.feed.title == "Wet Coats"
    titles = [each.title for each in feed.entries]
    assert titles[0] == "Night Bus by The Wet Coats"
    assert len(titles) == 3
    times = [each.published_parsed for each in feed.entries]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("path", FEEDS)
async def test_entry_has_its_page_date_and_summary(
    store: Client, path: str
) -> None:
    entry = (await parsed(store, path)).entries[0]
    assert entry.link.endswith("/catalog/night-bus")
    assert entry.link.startswith("http")
    assert entry.id == entry.link
    assert entry.summary
    stated = time.strftime("%Y-%m-%d", entry.published_parsed)
    page = await store.get(
        "/catalog/night-bus", headers={"Accept": "application/json"}
    )
    date = (await page.json())["date"]
    assert stated.startswith(date)


@pytest.mark.parametrize("path", FEEDS)
async def test_feed_of_an_artist_has_only_their_releases(
    store: Client, path: str
) -> None:
    feed = await parsed(store, f"{path}?artist=the+wet+coats")
    assert feed.feed.title == "The Wet Coats at Wet Coats"
    assert {each.title for each in feed.entries} == {
        "Night Bus by The Wet Coats",
        "Umbrella by The Wet Coats",
    }
    assert (await store.get(f"{path}?artist=nobody")).status == 404
    assert (await store.get(f"{path}?artist={'x' * 300}")).status == 400


@pytest.mark.parametrize("path", [*FEEDS, "/sitemap.xml"])
async def test_unchanged_document_is_not_sent_again(
    store: Client, path: str
) -> None:
    first = await store.get(path)
    etag = first.headers["ETag"]
    again = await store.get(path, headers={"If-None-Match": etag})
    assert again.status == 304
    for name in ("ETag", "Vary"):
        assert again.headers[name] == first.headers[name]
    assert first.headers["Cache-Control"] == "public, max-age=300"


async def test_updated_time_of_a_feed_is_that_of_its_newest_file(
    store: Client,
) -> None:
    feed = await parsed(store, "/feed.atom")
    newest = max(each.updated_parsed for each in feed.entries)
    assert feed.feed.updated_parsed == newest
    assert newest <= time.gmtime()


async def test_entry_keeps_its_id_of_version_1_0(
    start_store: StartStore, settings: Settings, library: Path
) -> None:
    stated = ids.former_release_id("Город")
    for folder in ("Кино", "Город", "Zoo"):
        (library / folder).mkdir()
        (library / folder / "A.wav").write_bytes(wav(len(folder)))
    # Stated for another release, so it is not that of Город any more.
    (library / "Zoo" / "release.toml").write_text(f'id = "{stated}"')
    store = await start_store(settings)
    for path in FEEDS:
        entries = (await parsed(store, path)).entries
        names = {
            each.link.rpartition("/")[2]: each.id.rpartition("/")[2]
            for each in entries
        }
        new, old = ids.release_id("Кино"), ids.former_release_id("Кино")
        assert names[new] == old
        assert names[stated] == stated
        assert names[ids.release_id("Город")] == ids.release_id("Город")
        assert names["night-bus"] == "night-bus"
    answer = await store.get(f"/catalog/{old}", allow_redirects=False)
    assert answer.headers["Location"] == f"/catalog/{new}"

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Artists' pages, and the way to them."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image
from yarl import URL

from msrv.settings import Settings
from tests.conftest import Client, StartStore

JSON = {"Accept": "application/json"}


async def test_release_links_to_its_artist_and_their_other_releases(
    store: Client,
) -> None:
    page = await (await store.get("/catalog/night-bus")).text()
    assert 'href="/artists/the-wet-coats"' in page
    assert "More by <bdi>The Wet Coats</bdi>" in page
    assert 'href="/catalog/umbrella-single"' in page


async def test_artist_page_has_the_releases(store: Client) -> None:
    page = await (await store.get("/artists/the-wet-coats")).text()
    assert "<h1" in page
    assert 'href="/catalog/night-bus"' in page
    assert 'property="og:type" content="profile"' in page
    found = await (
        await store.get("/artists/the-wet-coats", headers=JSON)
    ).json()
    assert [each["release"] for each in found["releases"]] == [
        "night-bus",
        "umbrella-single",
    ]


async def test_unknown_artist_is_not_found(store: Client) -> None:
    assert (await store.get("/artists/nobody")).status == 404


async def test_address_of_version_1_0_redirects(
    library: Path, start_store: StartStore, settings: Settings
) -> None:
    toml = library / "Umbrella" / "release.toml"
    text = toml.read_text("utf-8").replace("The Wet Coats", "Łona")
    toml.write_text(text, encoding="utf-8")
    store = await start_store(settings)
    for headers in ({}, JSON):
        answer = await store.get(
            "/artists/ona", headers=headers, allow_redirects=False
        )
        assert answer.status == 302
        assert answer.headers["Location"] == "/artists/lona"
    assert "Łona" in await (await store.get("/artists/ona")).text()
    assert (await store.get("/artists/ona/picture/640")).status == 404


async def test_sitemap_has_the_artists(store: Client) -> None:
    text = await (await store.get("/sitemap.xml")).text()
    assert "/artists/the-wet-coats" in text


@pytest.fixture
async def written_about(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """Store with a text about an artist, links and a picture."""
    folder = library / "artists"
    folder.mkdir()
    (folder / "the wet coats.md").write_text(
        "From *here*. [Label](https://label.example)\n\n"
        "- [Fedi](https://social.example/@coats)\n",
        encoding="utf-8",
    )
    Image.new("RGB", (500, 400), "#802010").save(folder / "the wet coats.jpg")
    return await start_store(settings)


async def test_artist_page_has_the_text_the_picture_and_the_links(
    written_about: Client,
) -> None:
    page = await (await written_about.get("/artists/the-wet-coats")).text()
    assert "<em>here</em>" in page
    assert '<a href="https://social.example/@coats" rel="me noopener">' in page
    assert '<a href="https://label.example" rel="nofollow noopener">' in page
    assert "/artists/the-wet-coats/picture/1200" in page
    data = next(
        json.loads(each)
        for each in re.findall(r'ld\+json">(.*?)</script>', page)
    )
    assert data["@type"] == "MusicGroup"
    assert data["sameAs"] == ["https://social.example/@coats"]
    assert data["description"].startswith("From here.")
    image = await written_about.get(URL(data["image"]).path_qs)
    assert (image.status, image.content_type) == (200, "image/jpeg")
    found = await (
        await written_about.get("/artists/the-wet-coats", headers=JSON)
    ).json()
    assert found["links"] == ["https://social.example/@coats"]
    assert found["picture"] in page


async def test_all_artists_are_listed_by_name(
    written_about: Client,
) -> None:
    page = await (await written_about.get("/artists")).text()
    assert 'href="/artists/the-wet-coats"' in page
    assert "2 releases" in page
    assert "/artists/the-wet-coats/picture/320" in page
    found = await (await written_about.get("/artists", headers=JSON)).json()
    assert (found["total"], found["pages"]) == (1, 1)
    assert (await written_about.get("/artists?page=2")).status == 404
    assert (await written_about.get("/artists?page=x")).status == 400


async def test_artist_page_leads_to_the_artist_s_feed(store: Client) -> None:
    page = await (await store.get("/artists/the-wet-coats")).text()
    (path,) = re.findall(r'href="(/feed.atom[?][^"]+)" title="([^"]+)"', page)
    assert path[1] == "The Wet Coats at Wet Coats"
    assert (await store.get(path[0])).status == 200

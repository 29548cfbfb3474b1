# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Artists' pages, and the way to them."""

from tests.conftest import Client

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


async def test_sitemap_has_the_artists(store: Client) -> None:
    text = await (await store.get("/sitemap.xml")).text()
    assert "/artists/the-wet-coats" in text

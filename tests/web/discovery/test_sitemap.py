# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The sitemap, by the rules of its protocol."""

import re
from xml.etree import ElementTree as ET

import pytest

from msrv.catalog.artists import Artists
from msrv.catalog.browsing.tag_index import TagIndex
from msrv.catalog.model import Catalog, Release, Shop
from msrv.money import Money
from msrv.web.discovery import xml_documents
from tests.conftest import Client

NAMESPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
W3C_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def locations(document: bytes, root: str, entry: str) -> list[str]:
    """Return the addresses of a document, which has to be valid."""
    tree = ET.fromstring(document)  # noqa: S314 - the store's own
    assert tree.tag == NAMESPACE + root
    found = []
    for each in tree:
        assert each.tag == NAMESPACE + entry
        names = [child.tag.removeprefix(NAMESPACE) for child in each]
        assert names in (["loc"], ["loc", "lastmod"])
        for time in each.findall(f"{NAMESPACE}lastmod"):
            assert W3C_TIME.fullmatch(time.text or "")
        found.append(each.findtext(f"{NAMESPACE}loc") or "")
    assert len(set(found)) == len(found)
    return found


def catalog_of(count: int) -> Catalog:
    """Return a catalog of empty releases."""
    releases = tuple(
        Release(f"r{n}", f"r{n}", f"R {n}", "", "", "", Money(0, "EUR"), ())
        for n in range(count)
    )
    return Catalog(Shop(), releases, releases, "v", {}, {})


async def test_sitemap_has_all_public_pages(store: Client) -> None:
    response = await store.get("/sitemap.xml")
    assert response.content_type == "application/xml"
    found = locations(await response.read(), "urlset", "url")
    paths = [re.sub(r"^https?://[^/]+", "", each) for each in found]
    assert paths == [
        "/",
        "/catalog",
        "/catalog/night-bus",
        "/catalog/umbrella-single",
        *paths[4:],
    ]
    for path in paths:
        assert (await store.get(path)).status == 200


async def test_robots_txt_names_the_sitemap(store: Client) -> None:
    text = await (await store.get("/robots.txt")).text()
    (address,) = re.findall(r"^Sitemap: (\S+)$", text, re.MULTILINE)
    assert address == str(store.make_url("/sitemap.xml"))


def test_large_catalog_has_an_index_of_sitemaps() -> None:
    base, catalog = "https://shop.example", catalog_of(25_000)
    artists, tags = Artists.of(catalog), TagIndex.of(catalog)
    assert xml_documents.sitemap_count(catalog, artists, tags) == 3
    index = xml_documents.sitemap_index(catalog, artists, tags, base)
    pages = locations(index, "sitemapindex", "sitemap")
    assert pages[-1] == f"{base}/sitemap.xml?page=3"
    found = [
        location
        for page in range(1, 4)
        for location in locations(
            xml_documents.sitemap(catalog, artists, tags, base, page),
            "urlset",
            "url",
        )
    ]
    assert len(found) == 25_002
    assert len(set(found)) == 25_002


@pytest.mark.parametrize("page", ["0", "2", "-1", "x", "9" * 20])
async def test_unknown_sitemap_is_an_error(store: Client, page: str) -> None:
    response = await store.get(f"/sitemap.xml?page={page}")
    assert response.status in {400, 404}

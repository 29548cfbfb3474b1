# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The sitemap, by the rules of its schema and its protocol."""

import re

import pytest

from msrv.catalog.artists import Artists
from msrv.catalog.browsing.tag_index import TagIndex
from msrv.catalog.model import Catalog, Release, Shop
from msrv.money import Money
from msrv.web.discovery import xml_documents
from tests.conftest import Client
from tests.web.discovery.sitemap_rules import Invalid, locations


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
    found = locations(await response.read(), "urlset")
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
    pages = locations(index, "sitemapindex")
    assert pages[-1] == f"{base}/sitemap.xml?page=3"
    documents = [
        xml_documents.sitemap(catalog, artists, tags, base, page)
        for page in range(1, 4)
    ]
    # The others are as the last one, and would take as many seconds again.
    last = locations(documents[-1], "urlset")
    assert len(last) == 25_002 - 2 * xml_documents.MAX_URLS
    found = re.findall(b"<loc>(.*?)</loc>", b"".join(documents))
    assert len(found) == 25_002
    assert len(set(found)) == 25_002


@pytest.mark.parametrize("page", ["0", "2", "-1", "x", "9" * 20])
async def test_unknown_sitemap_is_an_error(store: Client, page: str) -> None:
    response = await store.get(f"/sitemap.xml?page={page}")
    assert response.status in {400, 404}


SITEMAP = (
    "<?xml version='1.0' encoding='utf-8'?>\n"
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    "<url><loc>https://a.example/a?b=c&amp;d=%C3%A9</loc>"
    "<lastmod>2026-02-28T10:00:00Z</lastmod></url>"
    "<url><loc>https://a.example/b</loc></url></urlset>"
)


def test_rules_accept_a_sitemap() -> None:
    found = locations(SITEMAP.encode(), "urlset")
    assert found == ["https://a.example/a?b=c&d=%C3%A9", "https://a.example/b"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("utf-8", "latin-1"),
        ("sitemap/0.9", "sitemap/0.8"),
        ("urlset", "sitemapindex"),
        ("</url></urlset>", "</url>text</urlset>"),
        ("<url><loc>https://a.example/b</loc>", "<url>"),
        ("https://a.example/b<", "https://b.example/b<"),
        ("https://a.example/b<", "https://a.example/a?b=c&amp;d=%C3%A9<"),
        ("https://a.example/b<", "https://a.example/é<"),
        ("https://a.example/b<", "https://a.example/%<"),
        ("https://a.example/b<", "/b<"),
        ("https://a.example/b<", f"https://a.example/{'b' * 2048}<"),
        ("2026-02-28T10:00:00Z", "2026-02-30T10:00:00Z"),
        ("2026-02-28T10:00:00Z", "2026-02-28T10:00:00"),
        ("2026-02-28T10:00:00Z", "2026-02-28 10:00:00Z"),
        ("2026-02-28T10:00:00Z", "2026"),
        ("<lastmod>2026-02-28T10:00:00Z</lastmod>", "<x/>"),
        ("<loc>https://a.example/b</loc>", "<lastmod>2026-01-01</lastmod><loc>https://a.example/b</loc>"),
        ("&amp;", "&"),
        ("<url>", '<url id="1">'),
    ],
)  # fmt: skip
def test_rules_refuse_what_the_schema_does(old: str, new: str) -> None:
    assert old in SITEMAP
    with pytest.raises(Invalid):
        locations(SITEMAP.replace(old, new).encode(), "urlset")

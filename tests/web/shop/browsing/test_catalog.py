# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The catalog's filters and orders, and the pages of tags."""

import re
from pathlib import Path
from typing import Any

import feedparser
import pytest

from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, StartStore

JSON = {"Accept": "application/json"}


@pytest.fixture
def large_library(library: Path) -> Path:
    """Library of eleven releases of two kinds, most of them tagged."""
    for number in range(8):
        folder = library / f"Book {number}"
        folder.mkdir()
        (folder / "book.pdf").write_bytes(b"%%PDF-1.4 %d %%%%EOF" % number)
        tags = '["Rainy Day", "電子音楽"]' if number % 2 else '["dub"]'
        (folder / "release.toml").write_text(
            f'id = "book-{number}"\ndate = "20{10 + number}"\ntags = {tags}\n'
            f'price = "{number}.00"\n',
            encoding="utf-8",
        )
    return library


@pytest.fixture
async def shop(
    start_store: StartStore, settings: Settings, large_library: Path
) -> Client:
    """Store of that library."""
    assert settings.library_folder == large_library
    return await start_store(settings)


async def listed(shop: Client, path: str) -> Any:  # noqa: ANN401 - JSON
    """Return a list as JSON."""
    answer = await shop.get(path, headers=JSON)
    assert answer.status == 200
    return await answer.json()


async def ids(shop: Client, path: str) -> list[str]:
    found = await listed(shop, path)
    assert found["total"] == len(found["releases"])
    return [each["release"] for each in found["releases"]]


async def test_kind_tag_and_order_are_combined(shop: Client) -> None:
    path = "/catalog?kind=book&tag=rainy-day&sort=price"
    assert await ids(shop, path) == ["book-1", "book-3", "book-5", "book-7"]
    assert await ids(shop, "/catalog?kind=single&sort=title") == [
        "night-bus",
        "umbrella-single",
    ]
    found = await listed(shop, path)
    assert (found["kind"], found["tag"], found["sort"]) == (
        "book",
        "Rainy Day",
        "price",
    )
    assert found["releases"][0]["release_kind"] == "book"
    assert found["releases"][0]["tags"] == ["Rainy Day", "電子音楽"]


async def test_search_is_within_the_filters(shop: Client) -> None:
    assert len(await ids(shop, "/catalog?q=book")) == 8
    path = "/catalog?q=book&tag=dub&sort=oldest"
    assert await ids(shop, path) == ["book-0", "book-2", "book-4", "book-6"]
    assert await ids(shop, "/catalog?q=umbrella&kind=book") == []


async def test_search_finds_tags(shop: Client) -> None:
    assert len(await ids(shop, "/catalog?q=rainy+book")) == 4
    assert await ids(shop, "/catalog?q=電子&sort=oldest") == [
        "book-1",
        "book-3",
        "book-5",
        "book-7",
    ]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("kind=lp", 400),
        ("kind=ALBUM", 400),
        ("sort=random", 400),
        ("tag=unknown", 404),
        ("tag=%00", 404),
        (f"tag={'x' * 5000}", 404),
        ("kind=software", 200),
        ("kind=&tag=&sort=&page=", 400),
        ("kind=&tag=&sort=", 200),
        ("kind=book&page=2", 404),
    ],
)
async def test_unknown_value_is_an_error(
    shop: Client, query: str, status: int
) -> None:
    assert (await shop.get(f"/catalog?{query}")).status == status


async def test_filters_are_links_that_keep_each_other(shop: Client) -> None:
    page = await (await shop.get("/catalog?kind=book&sort=title")).text()
    for address in (
        "/catalog?sort=title",
        "/catalog?kind=single&amp;sort=title",
        "/catalog?kind=book&amp;tag=dub&amp;sort=title",
        "/catalog?kind=book",
        "/catalog?kind=book&amp;sort=price",
    ):
        assert f'href="{address}"' in page
    assert page.count('aria-current="true"') == 3
    assert "<h1><bdi>Books</bdi></h1>" in page
    empty = await (await shop.get("/catalog?kind=software")).text()
    assert "Nothing found" in empty


@pytest.mark.parametrize(
    ("order", "query", "current"),
    [
        ('"newest"', "", "Newest"),
        ('"newest"', "?sort=newest", "Newest"),
        ('"title"', "", "Title"),
        ('"title"', "?sort=newest", "Newest"),
        ('["book-3"]', "", "Default"),
        ('["book-3"]', "?sort=title", "Title"),
    ],
)
async def test_current_order_is_marked(
    start_store: StartStore,
    settings: Settings,
    large_library: Path,
    order: str,
    query: str,
    current: str,
) -> None:
    file = large_library / "store.toml"
    file.write_text(f"{file.read_text()}order = {order}\n")
    shop = await start_store(settings)
    page = await (await shop.get(f"/catalog{query}")).text()
    marked = re.findall(r'aria-current="true" dir="auto">([^<]+)<', page)
    assert marked == ["All", "All", current]


async def test_small_store_has_no_filters(store: Client) -> None:
    page = await (await store.get("/catalog")).text()
    assert 'class="filters"' not in page
    assert len(re.findall('class="card"', page)) == 3


async def test_search_engines_list_each_list_once(shop: Client) -> None:
    base = str(shop.make_url("/")).rstrip("/")
    for path, canonical, is_indexed in [
        ("/catalog", "/catalog", True),
        ("/catalog?sort=price", "/catalog", True),
        ("/catalog?kind=book", "/catalog?kind=book", True),
        ("/catalog?tag=dub", "/tags/dub", True),
        ("/tags/dub?sort=title", "/tags/dub", True),
        ("/tags/dub?kind=book", "/tags/dub?kind=book", False),
        ("/catalog?q=book", "/catalog?q=book", False),
    ]:
        page = await (await shop.get(path)).text()
        assert f'<link rel="canonical" href="{base}{canonical}">' in page
        noindex = '<meta name="robots" content="noindex">' in page
        assert noindex is not is_indexed


async def test_tag_has_a_page_with_its_releases_and_feeds(
    shop: Client,
) -> None:
    answer = await shop.get("/tags/rainy-day")
    page = await answer.text()
    assert "<h1><bdi>Rainy Day</bdi></h1>" in page
    assert await ids(shop, "/tags/rainy-day") == [
        "book-7",
        "book-5",
        "book-3",
        "book-1",
    ]
    (feed,) = re.findall(r'href="(/feed.atom\?[^"]+)"', page)
    for path in (feed, feed.replace("atom", "rss")):
        parsed = feedparser.parse(await (await shop.get(path)).read())
        assert not parsed.bozo
        assert parsed.feed.title == "Rainy Day at Wet Coats"
        assert parsed.feed.link.endswith("/tags/rainy-day")
        assert len(parsed.entries) == 4
        terms = {tag.term for each in parsed.entries for tag in each.tags}
        assert len(terms) == 2
    for path in ("/tags/none", "/feed.atom?tag=none", "/feed.rss?tag=none"):
        assert (await shop.get(path)).status == 404


async def test_all_tags_are_listed_by_name(shop: Client) -> None:
    shown = await listed(shop, "/tags")
    assert [(each["tag"], each["releases"]) for each in shown["tags"]] == [
        ("dub", 4),
        ("Rainy Day", 4),
        ("電子音楽", 4),
    ]
    page = await (await shop.get("/tags")).text()
    for each in shown["tags"]:
        assert f'href="{each["url"]}"' in page
    assert (await shop.get("/tags?page=2")).status == 404


async def test_store_without_tags_says_so(store: Client) -> None:
    assert (
        "No release has a tag yet" in await (await store.get("/tags")).text()
    )
    assert "/tags" not in await (await store.get("/sitemap.xml")).text()


async def test_release_links_its_tags_and_similar_releases(
    shop: Client,
) -> None:
    page = await (await shop.get("/catalog/book-1")).text()
    assert '<a href="/tags/rainy-day" rel="tag"' in page
    for name in ("book-3", "book-5", "book-7"):
        assert f'href="/catalog/{name}"' in page
    assert 'href="/catalog/book-2"' not in page


async def test_sitemap_has_each_tag(shop: Client) -> None:
    text = await (await shop.get("/sitemap.xml")).text()
    paths = re.findall(r"<loc>https?://[^/]+(/tags/[^<]+)</loc>", text)
    assert len(paths) == 3
    for path in paths:
        assert (await shop.get(path)).status == 200


async def test_grids_that_are_kept_are_bounded(shop: Client) -> None:
    """Whoever requests every combination fills no memory, and displaces none
    of the pages that everybody sees.
    """
    await shop.get("/catalog")
    cache = shop.app[STORE].catalog_cache
    kept = dict(cache._pages)
    languages = ("en", "de", "fr")
    for language in languages:
        for kind in ("book", "single", "other"):
            for sort in ("newest", "oldest", "title", "artist", "price"):
                for tag in ("dub", "rainy-day", ""):
                    path = f"/catalog?kind={kind}&sort={sort}&tag={tag}"
                    headers = {"Accept-Language": language}
                    await shop.get(path, headers=headers)
    assert len(cache._filtered_pages) <= 128
    assert len(cache._selections) <= 64
    assert dict(cache._pages) == kept


async def test_facts_are_those_of_the_kind(
    start_store: StartStore, settings: Settings, library: Path
) -> None:
    (library / "Zine" / "release.toml").write_text(
        'id = "zine"\ntitle = "Zine"\npages = 96\nlanguage = "ja"\n'
        'isbn = "978-3-16-148410-0"\nlabel = "Rain & Co"\nprice = "1"\n'
    )
    (library / "Umbrella" / "release.toml").write_text(
        'id = "kit"\nkind = "software"\nversion = "1.4.2"\nprice = "1"\n'
        'platforms = ["Linux", "macOS"]\nlicence = "MIT"\n'
    )
    (library / "Night Bus" / "release.toml").write_text(
        'id = "loops"\nkind = "sample pack"\ntempo = "90-140"\nkey = "C"\n'
    )
    shop = await start_store(settings)
    zine = await (await shop.get("/catalog/zine")).text()
    for text in (
        "<span>Book</span>",
        "<span>96 pages</span>",
        "978-3-16-148410-0",
        '<dd dir="auto">Japanese</dd>',
        "Rain &amp; Co",
        '<h1 dir="auto" lang="ja">',
    ):
        assert text in zine
    kit = await (await shop.get("/catalog/kit")).text()
    for text in ("Software", "Version 1.4.2", "Linux, macOS", "MIT"):
        assert text in kit
    loops = await (await shop.get("/catalog/loops")).text()
    for text in ("Sample pack", "3 files", "140 BPM", "<span>C</span>"):
        assert text in loops

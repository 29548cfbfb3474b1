# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The cache of public pages: bounded, and of the current catalog only."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import pytest
from aiohttp import web

from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.live_catalog import LiveCatalog, NotReady
from msrv.catalog.model import Catalog, Shop
from msrv.catalog.sound.analysis import SoundAnalysis
from msrv.translations import Language
from msrv.web.public_pages.page_cache import PageCache, PageKey, Snapshot
from msrv.web.public_pages.page_response import PageResponse

ANALYSIS: Final = SoundAnalysis(None, b"")
KEY: Final = PageKey(
    "/", "https://shop.example", Language(), is_json=False, is_gzip=False
)


class CatalogInHand:
    """Catalog that a test replaces."""

    def __init__(self) -> None:
        self.catalog: Catalog | None = Catalog(Shop(), (), (), "1", {}, {})

    def set(self, catalog: Catalog | None) -> None:
        self.catalog = catalog

    @property
    def current(self) -> Catalog:
        if self.catalog is None:
            raise NotReady
        return self.catalog


@pytest.fixture
def live() -> CatalogInHand:
    return CatalogInHand()


@pytest.fixture
def encodings(tmp_path: Path) -> EncodingStore:
    return EncodingStore(tmp_path)


@pytest.fixture
def pages(live: CatalogInHand, encodings: EncodingStore) -> PageCache:
    return PageCache(cast("LiveCatalog", live), encodings, max_bytes=100_000)


def page(body: bytes = b"page") -> PageResponse:
    first = web.Response(body=body, headers={"Content-Length": str(len(body))})
    return PageResponse(first, body, route="front", new_text=lambda: b"")


def snapshot(pages: PageCache) -> Snapshot:
    found = pages.snapshot()
    assert found is not None
    return found


@pytest.mark.parametrize(
    "other",
    [
        KEY._replace(target="/catalog"),
        KEY._replace(base_url="https://other.example"),
        KEY._replace(language=Language("de", "de")),
        KEY._replace(language=Language("en", "de")),
        KEY._replace(is_json=True),
        KEY._replace(is_gzip=True),
    ],
)
def test_page_is_found_by_all_that_it_depends_on(
    pages: PageCache, other: PageKey
) -> None:
    first = page()
    pages.store(KEY, snapshot(pages), first)
    assert pages.get(KEY) is first
    assert pages.get(other) is None


def test_pages_are_dropped_when_the_catalog_changes(
    pages: PageCache, live: CatalogInHand, encodings: EncodingStore
) -> None:
    before = snapshot(pages)
    changes: list[Callable[[], None]] = [
        # One that is equal, too: it may have other files.
        lambda: live.set(replace(live.current)),
        lambda: encodings.__setattr__("revision", encodings.revision + 1),
        lambda: encodings.analyses.save("a" * 64, "7.1", ANALYSIS),
        lambda: live.set(None),
    ]
    for change in changes:
        pages.store(KEY, snapshot(pages), page())
        assert pages.get(KEY) is not None
        change()
        assert pages.get(KEY) is None
        assert (len(pages), pages.size_bytes) == (0, 0)
        assert not pages.has_target("/")
    pages.store(KEY, before, page())
    assert len(pages) == 0


def test_page_that_was_rendered_from_a_former_catalog_is_not_cached(
    pages: PageCache, live: CatalogInHand
) -> None:
    before = snapshot(pages)
    live.catalog = replace(live.current)
    pages.store(KEY, before, page())
    assert pages.get(KEY) is None


def test_memory_is_bounded_and_the_oldest_pages_go_first(
    pages: PageCache,
) -> None:
    made = snapshot(pages)
    for number in range(100):
        pages.store(KEY._replace(target=f"/{number}"), made, page(b"x" * 4000))
        assert pages.size_bytes <= 100_000
        assert (
            pages.get(KEY._replace(target="/0")) is not None
        )  # it is requested often
    assert 10 < len(pages) < 20
    assert pages.has_target("/99")
    assert not pages.has_target("/1")
    pages.store(KEY._replace(target="/99"), made, page(b"x" * 4000))
    before = pages.size_bytes
    pages.store(KEY._replace(target="/99"), made, page(b"x" * 4000))
    assert pages.size_bytes == before


def test_page_that_is_too_large_is_not_cached(pages: PageCache) -> None:
    pages.store(KEY, snapshot(pages), page(b"x" * 3_000_000))
    assert len(pages) == 0


def test_nothing_is_cached_in_development(
    live: CatalogInHand, encodings: EncodingStore
) -> None:
    pages = PageCache(cast("LiveCatalog", live), encodings, is_on=False)
    pages.store(KEY, snapshot(pages), page())
    assert len(pages) == 0

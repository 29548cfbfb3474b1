# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Caches of what is derived from a catalog.

Its search index, its artists, its filters, and the parts of its pages that
are the same for every visitor; its sitemap and feeds; its items and releases
as representations, with the layouts of release ZIPs.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from markupsafe import Markup

from msrv.catalog.artists import Artists
from msrv.catalog.browsing.catalog_index import CatalogIndex, Selection
from msrv.catalog.encodings.item_formats import ItemFormat
from msrv.catalog.encodings.recipes import ORIGINAL
from msrv.catalog.markdown import MarkdownCache
from msrv.catalog.model import Catalog, Item, Release, Shop
from msrv.catalog.release_zip import plan_zip, zip_name
from msrv.catalog.search import SearchIndex, SearchResults
from msrv.catalog.texts.release_texts import ReleaseTexts
from msrv.downloads.body import Body
from msrv.downloads.representation import Representation
from msrv.downloads.zip import MEDIA_TYPE
from msrv.storage.model import Content
from msrv.translations import Language

_MAX_PAGES: Final = 128
_MAX_SELECTIONS: Final = 64
_MAX_ZIPS: Final = 64
_MAX_FILES: Final = 4096
_MAX_DOCUMENTS: Final = 64

_PageKey = tuple[str, Selection, int, Language]
"""Version of the catalog, selection, number of the page, and language."""

BuildDocument = Callable[[str], bytes]
"""Returns a document of a catalog, for the store's address."""


class CatalogCache:
    """Search index and rendered grids of the current catalog, built lazily.

    `texts` are the tracks' lyrics, none by default.
    `cache_pages` is False where templates may change, in development.
    """

    def __init__(
        self, texts: ReleaseTexts | None = None, *, cache_pages: bool = True
    ) -> None:
        self._cache_pages = cache_pages
        self._pages: OrderedDict[_PageKey, Markup] = OrderedDict()
        self._filtered_pages: OrderedDict[_PageKey, Markup] = OrderedDict()
        self._browsing: tuple[Catalog, CatalogIndex] | None = None
        self._selections: OrderedDict[
            Selection, tuple[CatalogIndex, tuple[Release, ...]]
        ] = OrderedDict()
        self._catalog: Catalog | None = None
        self._index: SearchIndex | None = None
        self._artists: tuple[Catalog, Artists] | None = None
        self.texts = MarkdownCache()
        self.release_texts = texts or ReleaseTexts(None)
        self._building = asyncio.Lock()
        self._indexing = asyncio.Lock()

    async def search(
        self, catalog: Catalog, words: str, wanted: Selection
    ) -> SearchResults:
        """Return the matches in a selection; see SearchIndex.search.

        Runs in a thread: with a hundred thousand items a search would block
        the loop for too long.
        """
        async with self._building:
            if self._index is None or self._catalog is not catalog:
                self._index = await asyncio.to_thread(SearchIndex, catalog)
                self._catalog = catalog
            index = self._index
        found = await asyncio.to_thread(index.search, words)
        if wanted == Selection():
            return found
        releases = await self.select(catalog, wanted)
        return await asyncio.to_thread(found.among, releases)

    async def artists(self, catalog: Catalog) -> Artists:
        """Return a catalog's artists, found in a thread when it changes."""
        if self._artists is None or self._artists[0] is not catalog:
            found = await asyncio.to_thread(Artists.of, catalog)
            self._artists = (catalog, found)
        return self._artists[1]

    async def browsing(self, catalog: Catalog) -> CatalogIndex:
        """Return a catalog's filters, made in a thread when it changes."""
        if self._browsing is not None and self._browsing[0] is catalog:
            return self._browsing[1]
        async with self._indexing:
            if self._browsing is None or self._browsing[0] is not catalog:
                found = await asyncio.to_thread(CatalogIndex.of, catalog)
                self._browsing = (catalog, found)
                self._selections.clear()
            return self._browsing[1]

    async def select(
        self, catalog: Catalog, wanted: Selection
    ) -> tuple[Release, ...]:
        """Return the releases of a selection, in its order."""
        if wanted == Selection():
            return catalog.offered
        index = await self.browsing(catalog)
        known = self._selections.get(wanted)
        if known is not None and known[0] is index:
            self._selections.move_to_end(wanted)
            return known[1]
        found = await asyncio.to_thread(index.select, wanted)
        self._selections[wanted] = (index, found)
        if len(self._selections) > _MAX_SELECTIONS:
            self._selections.popitem(last=False)
        return found

    async def page(
        self,
        catalog: Catalog,
        wanted: Selection,
        number: int,
        language: Language,
        render: Callable[[], Awaitable[Markup]],
    ) -> Markup:
        """Return the grid of a catalog page, rendering it if necessary.

        Those of the whole catalog have a cache of their own: whoever requests
        all filters in turn doesn't displace them.
        """
        pages = self._pages if wanted == Selection() else self._filtered_pages
        key = (catalog.version, wanted, number, language)
        known = pages.pop(key, None) or await render()
        if self._cache_pages:
            pages[key] = known
            if len(pages) > _MAX_PAGES:
                pages.popitem(last=False)
        return known


class DocumentCache:
    """The documents that were requested last, of the current catalog."""

    def __init__(self) -> None:
        self._documents: OrderedDict[tuple[str, ...], bytes] = OrderedDict()
        self._building = asyncio.Lock()

    async def get(
        self, catalog: Catalog, base_url: str, name: str, build: BuildDocument
    ) -> bytes:
        """Return a document, built in a thread unless it is known."""
        key = (catalog.version, base_url, name)
        async with self._building:
            known = self._documents.pop(key, None)
            if known is None:
                known = await asyncio.to_thread(build, base_url)
            self._documents[key] = known
            if len(self._documents) > _MAX_DOCUMENTS:
                self._documents.popitem(last=False)
        return known


class _Zip(NamedTuple):
    """A ZIP layout, and the release and shop that it was built from."""

    release: Release
    shop: Shop
    representation: Representation
    body: Body


class RepresentationCache:
    """Items, and the ZIPs of the releases requested last, ready to be sent.

    A ZIP's layout is cached with the release and the shop that it was built
    from, and rebuilt for any other: two catalogs of one version can hold the
    same bytes in files with other dates, and a layout holds the files.
    """

    def __init__(self) -> None:
        self._zips: OrderedDict[tuple[str, str], _Zip] = OrderedDict()
        self._files: dict[
            tuple[str, str], tuple[Content, Representation, Body]
        ] = {}

    def file(
        self, item: Item, found: ItemFormat | None = None
    ) -> tuple[Representation, Body]:
        """Return an item as a representation, with its body.

        In a format that was found for it, or as the original.
        """
        content = item.content if found is None else found.content
        key = (item.item_id, ORIGINAL if found is None else found.name)
        known = self._files.get(key)
        if known is None or known[0] is not content:
            name = item.file_name if found is None else found.file_name
            known = (
                content,
                Representation.of_file(content, name),
                Body.of_file(content),
            )
            if len(self._files) >= _MAX_FILES:
                self._files.clear()
            self._files[key] = known
        return known[1:]

    def pack(
        self, catalog: Catalog, release: Release, name: str = ORIGINAL
    ) -> tuple[Representation, Body]:
        """Return a release as a ZIP representation, with its body.

        `name` is the format that its tracks have.
        """
        key = (release.release_id, name)
        known = self._zips.get(key)
        if (
            known is None
            or known.release is not release
            or known.shop != catalog.shop
        ):
            archive = plan_zip(release, catalog.shop)
            known = _Zip(
                release,
                catalog.shop,
                Representation(
                    size_bytes=archive.body.size_bytes,
                    etag=archive.etag,
                    # Titles, numbers and the shop's contact are in it, too,
                    # which change without a newer file.
                    last_modified=None,
                    media_type=MEDIA_TYPE,
                    file_name=zip_name(release),
                ),
                archive.body,
            )
            self._zips[key] = known
            if len(self._zips) > _MAX_ZIPS:
                self._zips.popitem(last=False)
        self._zips.move_to_end(key)
        return known.representation, known.body

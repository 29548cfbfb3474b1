"""What is worth keeping of a catalog while it lasts.

Its search index, and the pages of it that look the same to every visitor.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from markupsafe import Markup

from msrv.catalog.model import Catalog
from msrv.catalog.search import SearchIndex, SearchResults

_PAGES: Final = 128


class Shelf:
    """What is kept of the catalog at hand, made when first asked for.

    `keep_pages` is False where templates may change meanwhile.
    """

    def __init__(self, *, keep_pages: bool = True) -> None:
        self._keep_pages = keep_pages
        self._pages: OrderedDict[tuple[str, int, str], Markup] = OrderedDict()
        self._catalog: Catalog | None = None
        self._index: SearchIndex | None = None
        self._making = asyncio.Lock()

    async def search(self, catalog: Catalog, words: str) -> SearchResults:
        """Find what matches in a catalog; see SearchIndex.search.

        In a thread: with a hundred thousand items it takes longer than other
        visitors should wait.
        """
        async with self._making:
            if self._index is None or self._catalog is not catalog:
                self._index = await asyncio.to_thread(SearchIndex, catalog)
                self._catalog = catalog
            index = self._index
        return await asyncio.to_thread(index.search, words)

    def page(
        self,
        catalog: Catalog,
        number: int,
        language: str,
        render: Callable[[], Markup],
    ) -> Markup:
        """Give a page of a catalog, rendered if it is not at hand.

        `language` is that of the prices on it.
        """
        key = (catalog.version, number, language)
        known = self._pages.pop(key, None) or render()
        if self._keep_pages:
            self._pages[key] = known
            if len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        return known

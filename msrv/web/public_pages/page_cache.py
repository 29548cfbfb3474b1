# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cache of rendered public pages.

An entry is a template with slots for a visitor's cart, or a whole response
for visitors without one. Its key is all that the page depends on; all entries
are dropped when the catalog changes, or the encodings and waveforms that
pages offer to listen to.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Final, NamedTuple

from multidict import CIMultiDict

from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.live_catalog import LiveCatalog, NotReady
from msrv.catalog.model import Catalog
from msrv.translations import Language
from msrv.web.public_pages.page_response import PageResponse
from msrv.web.public_pages.page_slots import PageTemplate

MAX_BYTES: Final = 16 * 1024 * 1024
"""Limit of all cached pages together."""
MAX_PAGE_BYTES: Final = MAX_BYTES // 8
_OVERHEAD_BYTES: Final = 2048
"""Memory of an entry besides its bytes."""


class TemplateKey(NamedTuple):
    """All that a page with slots depends on, besides the catalog."""

    target: str
    base_url: str
    language: Language


class PageKey(NamedTuple):
    """All that a whole public page depends on, besides the catalog.

    `target` is the path with the query, as the client wrote it; `base_url`
    the store's own address, by the host that was requested.
    """

    target: str
    base_url: str
    language: Language
    is_json: bool
    is_gzip: bool


@dataclass(frozen=True, slots=True)
class CachedTemplate:
    """Rendered page with slots, and the headers of its response."""

    template: PageTemplate
    headers: CIMultiDict[str]

    @property
    def size_bytes(self) -> int:
        """Memory that the page takes, roughly."""
        return self.template.size_bytes


_Key = PageKey | TemplateKey
_Page = PageResponse | CachedTemplate


class Snapshot(NamedTuple):
    """Catalog, encodings and waveforms that a page is rendered from."""

    catalog: Catalog
    encodings: int
    analyses: int

    def is_same(self, other: "Snapshot | None") -> bool:
        """Return whether these are the same objects; equal isn't enough."""
        return (
            other is not None
            and self.catalog is other.catalog
            and self.encodings == other.encodings
            and self.analyses == other.analyses
        )


class PageCache:
    """The public pages that were requested last.

    Nothing is cached unless `is_on`, as in development, where templates may
    change.
    """

    def __init__(
        self,
        catalog: LiveCatalog,
        encodings: EncodingStore,
        *,
        is_on: bool = True,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._catalog = catalog
        self._encodings = encodings
        self._is_on = is_on
        self._max_bytes = max_bytes
        self._pages: OrderedDict[_Key, _Page] = OrderedDict()
        self._targets: Counter[str] = Counter()
        self._snapshot: Snapshot | None = None
        self.size_bytes = 0
        """Memory that the cached pages take, roughly."""

    def __len__(self) -> int:
        """Return the number of cached pages."""
        return len(self._pages)

    def snapshot(self) -> Snapshot | None:
        """Return what pages are rendered from now; None before the catalog."""
        try:
            catalog = self._catalog.current
        except NotReady:
            return None
        encodings = self._encodings
        return Snapshot(
            catalog, encodings.revision, encodings.analyses.revision
        )

    def has_target(self, target: str) -> bool:
        """Return whether a page with this path and query may be cached."""
        return target in self._targets

    def get(self, key: PageKey) -> PageResponse | None:
        """Return a page of the current catalog, None if it isn't cached."""
        found = self._get(key)
        return found if isinstance(found, PageResponse) else None

    def get_template(self, key: TemplateKey) -> CachedTemplate | None:
        """Return a page with slots, None if it isn't cached."""
        found = self._get(key)
        return found if isinstance(found, CachedTemplate) else None

    def _get(self, key: _Key) -> _Page | None:
        found = self._pages.get(key)
        if found is None:
            return None
        now = self.snapshot()
        if now is None or not now.is_same(self._snapshot):
            self._clear(now)
            return None
        self._pages.move_to_end(key)
        return found

    def store(self, key: _Key, made: Snapshot, page: _Page) -> None:
        """Cache a page that was rendered from a snapshot, if it is current."""
        now = self.snapshot()
        if not self._is_on or not made.is_same(now):
            return
        if not made.is_same(self._snapshot):
            self._clear(now)
        if page.size_bytes > MAX_PAGE_BYTES:
            return
        self._drop(key)
        self._pages[key] = page
        self._targets[key.target] += 1
        self.size_bytes += page.size_bytes + _OVERHEAD_BYTES
        while self.size_bytes > self._max_bytes:
            self._drop(next(iter(self._pages)))

    def _drop(self, key: _Key) -> None:
        page = self._pages.pop(key, None)
        if page is None:
            return
        self.size_bytes -= page.size_bytes + _OVERHEAD_BYTES
        self._targets[key.target] -= 1
        if not self._targets[key.target]:
            del self._targets[key.target]

    def _clear(self, now: Snapshot | None) -> None:
        self._pages.clear()
        self._targets.clear()
        self.size_bytes = 0
        self._snapshot = now

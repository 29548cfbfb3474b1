# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fast path for small downloads from the cache.

It answers before routing and middleware, which cost more than all the rest of
such an answer. It checks what they and the handler would check (the host, both
MACs of the link, its expiry, refunds); whatever isn't plainly valid falls
through to the application, which has the error pages.
"""

import re
import time
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from msrv.catalog.encodings.item_formats import FormatError, ItemFormat
from msrv.catalog.live_catalog import NotReady
from msrv.catalog.model import Item
from msrv.downloads.ranges import ByteRange
from msrv.downloads.representation import Representation
from msrv.downloads.response_cache import CachedResponse, is_cacheable
from msrv.orders.errors import DownloadsEnded
from msrv.proofs.errors import Forged
from msrv.proofs.links import LinkExpired
from msrv.web.origin import origin_of_own_host
from msrv.web.public_pages.fast_path import PageFastPath
from msrv.web.rendering import PRIVATE
from msrv.web.store import ORIGIN, ROUTE, STORE

_FORMAT: Final = re.compile(r"as=([a-z0-9-]{1,32})")

RequestHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def with_fast_path(
    app: web.Application, handler: RequestHandler
) -> RequestHandler:
    """Return a handler that tries the fast path before another handler."""
    downloads, pages = FastPath(app), PageFastPath(app[STORE])

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response: web.StreamResponse | None = pages.respond(request)
        if response is None:
            response = downloads.respond(request)
        return await handler(request) if response is None else response

    return handle


class FastPath:
    """Answers requests for cached files of an application."""

    def __init__(self, app: web.Application) -> None:
        store = app[STORE]
        self._catalog = store.catalog
        self._links = store.download_links
        self._representations = store.representations
        self._formats = store.formats
        self._sender = store.sender
        self._ledger = store.ledger
        self._origin_rules = store.origin_rules
        self._metrics = store.metrics

    def respond(self, request: web.BaseRequest) -> CachedResponse | None:
        """Return the response to a request, None to let it fall through."""
        started = time.perf_counter()
        if not is_cacheable(request) or self._metrics.draining:
            return None
        path, _, query = request.raw_path.partition("?")
        representation = self._find(path, query)
        if representation is None:
            return None
        response = self._sender.cached(representation, cache_control=PRIVATE)
        if response is None:
            return None
        # After the look-ups: the MACs cost most, and the application verifies
        # them again.
        try:
            access = self._links.authorise(path)
        except (Forged, LinkExpired, DownloadsEnded):
            return None
        origin = origin_of_own_host(self._origin_rules, request)
        if origin is None:
            return None
        request[ORIGIN], request[ROUTE] = origin, "download"
        size = representation.size_bytes
        self._ledger.track_download(
            access.order_id, access.item_id, representation.etag, size
        )(ByteRange(0, size))
        seconds = time.perf_counter() - started
        self._metrics.record("GET", "download", response.status, seconds, size)
        return response

    def _find(self, path: str, query: str) -> Representation | None:
        """Return what a path would be a link to, if it were one."""
        try:
            item = self._catalog.current.by_id.get(path.rpartition("/")[2])
        except NotReady:
            return None
        if not isinstance(item, Item):
            return None
        found = self._find_format(item, query) if query else None
        if query and found is None:
            return None
        return self._representations.file(item, found)[0]

    def _find_format(self, item: Item, query: str) -> ItemFormat | None:
        """Return the format that a query chooses, if it is nothing else."""
        match = _FORMAT.fullmatch(query)
        if match is None:
            return None
        release = self._catalog.current.release_of(item)
        try:
            return self._formats.item_in(release, item, match[1])
        except FormatError:
            return None

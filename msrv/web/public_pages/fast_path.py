# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fast path for cached public pages.

It answers before routing and middleware, like that of small downloads, and
checks what they would check: the host, and that nothing in the page is the
visitor's own. Whatever isn't cached falls through to the application.
Apart from `validation`, which is that application's middleware.
"""

import time

from aiohttp import HttpVersion11, hdrs, web

from msrv.downloads.conditions import is_known_to_client
from msrv.web.origin import origin_of_own_host
from msrv.web.public_pages.page_response import NotModified, PageResponse
from msrv.web.public_pages.validation import (
    is_anonymous,
    page_key,
)
from msrv.web.store import ORIGIN, ROUTE, Store


class PageFastPath:
    """Answers requests for cached pages of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pages = store.public_pages

    def respond(
        self, request: web.BaseRequest
    ) -> PageResponse | NotModified | None:
        """Return the response to a request, None to let it fall through."""
        started = time.perf_counter()
        store = self._store
        if (
            not self._pages.has_target(request.raw_path)
            or request.method != hdrs.METH_GET
            or request.version != HttpVersion11
            or not request.keep_alive
            or store.metrics.draining
            or not is_anonymous(request)
        ):
            return None
        origin = origin_of_own_host(store.origin_rules, request)
        if origin is None:
            return None
        key = page_key(request, origin, store)
        page = None if key is None else self._pages.get(key)
        if page is None:
            return None
        request[ORIGIN], request[ROUTE] = origin, page.route
        found: PageResponse | NotModified = page
        etag = page.etag_field
        if etag and is_known_to_client(request.headers, etag):
            found = page.not_modified()
        seconds = time.perf_counter() - started
        store.metrics.record(
            "GET", page.route, found.status, seconds, found.body_length
        )
        return found

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cache of small whole responses, each for one second.

Reading in a thread costs many times what a few hundred bytes cost to send, and
so does planning the headers again. So a whole response is cached for a second,
headers included, and sent in one write to each client with an equal request.
The removal or replacement of a file is noticed that much later; the bytes sent
meanwhile match its checksum.
"""

import functools
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter

from msrv.connections.whole_response import WholeResponse, send_whole
from msrv.downloads.representation import Representation
from msrv.downloads.response import ResponsePlan

SMALL_BYTES: Final = 64 * 1024
"""Limit of a response to be cached. Fewer bytes than this aren't sent alone,
either, while more follow: the headers in a ZIP, its small members."""
FRESH_SECONDS: Final = 1.0
CACHE_BYTES: Final = 8 * 1024 * 1024
"""Limit of all cached responses together."""

_RANGE_AND_CONDITIONS: Final = (
    hdrs.RANGE,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_MODIFIED_SINCE,
    hdrs.IF_RANGE,
    hdrs.IF_MATCH,
    hdrs.IF_UNMODIFIED_SINCE,
)

CacheKey = tuple[Representation, str]
"""Representation, and its Cache-Control."""


def is_cacheable(request: web.BaseRequest) -> bool:
    """Return whether the response is the same for all such requests."""
    headers = request.headers
    return (
        request.method == hdrs.METH_GET
        and request.version == HttpVersion11
        and request.keep_alive
        and not any(map(headers.__contains__, _RANGE_AND_CONDITIONS))
    )


class CachedResponse(WholeResponse):
    """Whole response as bytes, for any number of requests."""

    def __init__(self, first: web.Response, body: bytes) -> None:
        super().__init__(status=first.status, headers=first.headers)
        lines = [f"HTTP/1.1 {first.status} {first.reason}"]
        lines += [f"{name}: {value}" for name, value in first.headers.items()]
        head = "\r\n".join([*lines, "\r\n"]).encode()
        self._head_bytes = len(head)
        self._bytes = head + body

    @property
    def body_length(self) -> int:
        """Bytes to send. aiohttp counts the headers, too."""
        return len(self._bytes)

    async def prepare(
        self, request: web.BaseRequest
    ) -> AbstractStreamWriter | None:
        """Send the whole response."""
        await send_whole(request, self._bytes, self._head_bytes)
        return None


class CacheableResponse(web.Response):
    """Small response, passed to `store` once its headers are complete."""

    def __init__(
        self,
        plan: ResponsePlan,
        body: bytes,
        store: Callable[[CachedResponse], None],
    ) -> None:
        super().__init__(status=plan.status, headers=plan.headers, body=body)
        self._whole_body = body
        self._store = store

    async def prepare(
        self, request: web.BaseRequest
    ) -> AbstractStreamWriter | None:
        """Prepare the headers, and store the response."""
        writer = await super().prepare(request)
        # Not a response with `Connection: close`, as of a store that stops.
        if self.keep_alive and hdrs.CONNECTION not in self.headers:
            self._store(CachedResponse(self, self._whole_body))
        return writer


class ResponseCache:
    """Responses of the last second, for requests that are `is_cacheable`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._responses: OrderedDict[
            CacheKey, tuple[float, CachedResponse]
        ] = OrderedDict()
        self._cached_bytes = 0

    def get(self, key: CacheKey) -> CachedResponse | None:
        """Return a fresh response, if there is one."""
        found = self._responses.get(key)
        if found is None or self._clock() >= found[0]:
            return None
        return found[1]

    async def respond(
        self, key: CacheKey, plan: ResponsePlan, reading: Awaitable[bytes]
    ) -> CacheableResponse:
        """Return a response that is cached when it is sent."""
        until = self._clock() + FRESH_SECONDS
        return CacheableResponse(
            plan, await reading, functools.partial(self._store, key, until)
        )

    def _store(
        self, key: CacheKey, until: float, response: CachedResponse
    ) -> None:
        _, old = self._responses.pop(key, (0.0, None))
        self._responses[key] = until, response
        self._cached_bytes += response.body_length
        self._cached_bytes -= old.body_length if old else 0
        while self._cached_bytes > CACHE_BYTES:
            _, (_, dropped) = self._responses.popitem(last=False)
            self._cached_bytes -= dropped.body_length

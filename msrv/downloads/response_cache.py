"""Small answers: read whole, and given again within the second as they are.

A hop to a thread and back costs many times what a few hundred bytes cost to
send, and so does deciding anew what their head has to say. So a whole answer
is kept for a second, head and all, and goes out again in one write to whoever
asks in the same way: a file that is gone or replaced is noticed that much
later, and what is sent meanwhile is what its checksum says.
"""

import functools
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter

from msrv.connections.response_writer import CountingWriter
from msrv.downloads.representation import Representation
from msrv.downloads.response import ResponsePlan

SMALL_BYTES: Final = 64 * 1024
"""The most that an answer has, or a file, to be small. Less than this doesn't
travel alone, either, while more follows: a ZIP's headers, small members."""
FRESH_SECONDS: Final = 1.0
KEPT_BYTES: Final = 8 * 1024 * 1024
"""The most that all of them have together."""

_JUDGED: Final = (
    hdrs.RANGE,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_MODIFIED_SINCE,
    hdrs.IF_RANGE,
    hdrs.IF_MATCH,
    hdrs.IF_UNMODIFIED_SINCE,
)

Key = tuple[Representation, str]
"""What is sent, and its Cache-Control."""


def is_cacheable(request: web.BaseRequest) -> bool:
    """Whether all who ask like this get the same: whole, with one head."""
    headers = request.headers
    return (
        request.method == hdrs.METH_GET
        and request.version == HttpVersion11
        and request.keep_alive
        and not any(map(headers.__contains__, _JUDGED))
    )


class CachedResponse(web.StreamResponse):
    """A whole answer, head and all: one for any number of requests."""

    def __init__(self, first: web.Response, body: bytes) -> None:
        super().__init__(status=first.status, headers=first.headers)
        head = [f"HTTP/1.1 {first.status} {first.reason}"]
        head += [f"{name}: {value}" for name, value in first.headers.items()]
        begin = "\r\n".join([*head, "\r\n"]).encode()
        self._head_bytes = len(begin)
        self._bytes = begin + body

    @property
    def keep_alive(self) -> bool:
        """Say that the connection stays open, as the head does."""
        return True

    @property
    def body_length(self) -> int:
        """How much leaves. aiohttp counts the head, too."""
        return len(self._bytes)

    async def prepare(
        self, request: web.BaseRequest
    ) -> AbstractStreamWriter | None:
        """Send all of it."""
        writer = request.writer
        if isinstance(writer, CountingWriter):
            await writer.write_whole(self._bytes, self._head_bytes)
        else:
            await writer.write_eof(self._bytes)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: it has been sent."""


class CacheableResponse(web.Response):
    """A small answer; `known` is told of it once its head is complete."""

    def __init__(
        self,
        answer: ResponsePlan,
        body: bytes,
        known: Callable[[CachedResponse], None],
    ) -> None:
        super().__init__(
            status=answer.status, headers=answer.headers, body=body
        )
        self._whole = body
        self._known = known

    async def prepare(
        self, request: web.BaseRequest
    ) -> AbstractStreamWriter | None:
        """Send the head, and tell."""
        writer = await super().prepare(request)
        # A store that is about to end says so: not to be said again.
        if self.keep_alive and hdrs.CONNECTION not in self.headers:
            self._known(CachedResponse(self, self._whole))
        return writer


class ResponseCache:
    """The answers of the last second. For plain requests alone."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Key, tuple[float, CachedResponse]] = (
            OrderedDict()
        )
        self._kept_bytes = 0

    def again(self, key: Key) -> CachedResponse | None:
        """Give what was answered a moment ago."""
        known = self._kept.get(key)
        if known is None or self._clock() >= known[0]:
            return None
        return known[1]

    async def first(
        self, key: Key, answer: ResponsePlan, read: Awaitable[bytes]
    ) -> CacheableResponse:
        """Return a response with what is read now, and cache it."""
        until = self._clock() + FRESH_SECONDS
        return CacheableResponse(
            answer, await read, functools.partial(self._keep, key, until)
        )

    def _keep(self, key: Key, until: float, ready: CachedResponse) -> None:
        _, old = self._kept.pop(key, (0.0, None))
        self._kept[key] = until, ready
        self._kept_bytes += ready.body_length - (old.body_length if old else 0)
        while self._kept_bytes > KEPT_BYTES:
            _, (_, dropped) = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.body_length

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cached page as a response, for any number of requests."""

from collections.abc import Callable
from typing import Final

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

from msrv.connections.whole_response import WholeResponse, send_whole
from msrv.web.public_pages.slotted_body import SlottedBody

_OF_BODY: Final = (
    hdrs.CONTENT_ENCODING,
    hdrs.CONTENT_LENGTH,
    hdrs.CONTENT_TYPE,
)


class PageResponse(WholeResponse):
    """Whole response of a public page.

    `new_text` returns the text of a SlottedBody, another one for each
    visitor. `route` is the name of the page's route. The Date is that of each
    response.
    """

    def __init__(
        self,
        first: web.Response,
        body: bytes | SlottedBody,
        *,
        route: str,
        new_text: Callable[[], bytes],
    ) -> None:
        super().__init__(status=first.status)
        self.route = route
        self._headers = CIMultiDict(first.headers)
        self._headers.popall(hdrs.DATE, None)
        self._content = body
        self._new_text = new_text
        self._head = _head(f"{first.status} {first.reason}", self._headers)
        self._body_bytes = int(self._headers[hdrs.CONTENT_LENGTH])
        self._not_modified: NotModified | None = None

    @property
    def etag_field(self) -> str:
        """The value of ETag, empty for a page without one."""
        return self._headers.get(hdrs.ETAG, "")

    @property
    def size_bytes(self) -> int:
        """Memory that the page takes, roughly."""
        body = self._content
        size = len(body) if isinstance(body, bytes) else body.size_bytes
        return size + 2 * len(self._head)

    @property
    def body_length(self) -> int:
        """Bytes of the body that are sent."""
        return self._body_bytes

    def not_modified(self) -> "NotModified":
        """Return the response to a client that has the page already."""
        if self._not_modified is None:
            self._not_modified = NotModified(self._headers)
        return self._not_modified

    async def prepare(
        self, request: web.BaseRequest
    ) -> AbstractStreamWriter | None:
        """Send the whole response."""
        body = self._content
        if isinstance(body, SlottedBody):
            body = body.fill(self._new_text())
        await _send(request, self._head, body)
        return None


class NotModified(WholeResponse):
    """Response 304 of a cached page, for any number of requests."""

    def __init__(self, headers: CIMultiDict[str]) -> None:
        super().__init__(status=304)
        self._headers = not_modified_headers(headers)
        self._head = _head("304 Not Modified", self._headers)

    @property
    def body_length(self) -> int:
        """Zero: there is no body."""
        return 0

    async def prepare(
        self, request: web.BaseRequest
    ) -> AbstractStreamWriter | None:
        """Send the whole response."""
        await _send(request, self._head, b"")
        return None


def not_modified_headers(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """Return the headers of a 304 in place of a response with these.

    A client updates those that it has stored (RFC 9111, section 3.2), so they
    are the same, policies included, but for those of the body.
    """
    found = CIMultiDict(headers)
    for name in _OF_BODY:
        found.popall(name, None)
    return found


def _head(status: str, headers: CIMultiDict[str]) -> bytes:
    """Return the headers, open at the end for the date."""
    lines = [f"HTTP/1.1 {status}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "Date: "]).encode()


async def _send(request: web.BaseRequest, head: bytes, body: bytes) -> None:
    start = b"".join((head, rfc822_formatted_time().encode(), b"\r\n\r\n"))
    await send_whole(request, start + body, len(start))

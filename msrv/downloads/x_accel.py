"""Letting the edge send what it can read: nginx's `X-Accel-Redirect`.

This process checks the link, the file and the request; nginx, which has the
same library, moves the bytes (`deploy/nginx/store.conf.template`). What is
answered stays ours, since nginx would judge a request by its own ETag, made
of size and time, and would drop ours:

- 304, 412 and 416 are answered here, and so is every HEAD.
- A whole file goes to WHOLE, where nginx knows no ranges, so that a stale
  `If-Range` is a 200 there as it is here.
- One range in its plainest spelling goes to PART, where nginx compares
  `If-Range` with our ETag, and has nothing else to plan_response.
- What nginx would judge again by its own validators (`If-Match`,
  `If-Unmodified-Since`), several ranges, and ranges in another spelling are
  sent by this process, and so are ZIPs and previews.
- Who isn't the edge is sent the bytes: to them the header means nothing.

One thing is less than through this process: nginx does not see that a file
is written over in place while it is sent.
"""

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import quote

from aiohttp import hdrs, web

from msrv.downloads.body import Body, FileSlice
from msrv.downloads.conditions import field_value
from msrv.downloads.representation import Disposition, Representation
from msrv.downloads.response import plan_response
from msrv.downloads.response_cache import CachedResponse
from msrv.downloads.sender import OnSent, Sender
from msrv.storage.model import Content, Verifier
from msrv.storage.verification import verified

WHOLE: Final = "/-/files/whole/"
PART: Final = "/-/files/part/"
"""The edge's internal locations; each is the library's root."""

_PLAIN_RANGE: Final = re.compile(
    r"bytes=(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})"
)
"""What nginx and we read alike. More digits are too many for it: a 416."""

_JUDGED_AGAIN: Final = ("If-Match", "If-Unmodified-Since")


class Shelf(Verifier, Protocol):
    """A storage whose files others can read by their paths."""

    def locate(self, content: Content) -> bytes:
        """Give the path of a file below the library's root, links resolved.

        Blocks on the disk: call it in a thread. Raises Gone, Changed and
        Unverified.
        """
        ...


class NginxSender:
    """Has the edge send whole files, and `direct` the rest. Satisfies Sender.

    `from_edge` says whether a request came through the edge.
    """

    def __init__(
        self,
        shelf: Shelf,
        direct: Sender,
        from_edge: Callable[[web.Request], bool],
    ) -> None:
        self._shelf = shelf
        self._direct = direct
        self._from_edge = from_edge

    def carries(self, request: web.Request, body: Body) -> bool:
        """Whether bytes would go through this process; see Sender."""
        return self._handed_over(request, body) is None

    def at_hand(
        self, representation: Representation, *, cache_control: str
    ) -> CachedResponse | None:
        """Give what is at hand; see Sender."""
        return self._direct.at_hand(
            representation, cache_control=cache_control
        )

    async def send(
        self,
        request: web.Request,
        representation: Representation,
        body: Body,
        *,
        now_seconds: int,
        cache_control: str,
        disposition: Disposition = "attachment",
        on_sent: OnSent | None = None,
    ) -> web.StreamResponse:
        """Answer a request; see Sender.send.

        `on_sent` is told of all that the edge was given to send.
        """
        content = self._handed_over(request, body)
        answer = plan_response(
            request.method,
            request.headers,
            representation,
            now_seconds=now_seconds,
            cache_control=cache_control,
            disposition=disposition,
        )
        if content is None or not answer.parts:
            return await self._direct.send(
                request,
                representation,
                body,
                now_seconds=now_seconds,
                cache_control=cache_control,
                disposition=disposition,
                on_sent=on_sent,
            )
        path = await verified(
            self._shelf,
            lambda: asyncio.to_thread(self._shelf.locate, content),
        )
        root = PART if answer.status is HTTPStatus.PARTIAL_CONTENT else WHOLE
        # Length and range are nginx's to say: it has the file in its hand.
        headers = {
            name: value
            for name, value in answer.headers.items()
            if name not in {hdrs.CONTENT_LENGTH, hdrs.CONTENT_RANGE}
        }
        headers["X-Accel-Redirect"] = root + quote(path, safe="/")
        if on_sent is not None:
            for sent in answer.ranges_sent(answer.size_bytes):
                on_sent(sent)
        return web.Response(headers=headers)

    def _handed_over(self, request: web.Request, body: Body) -> Content | None:
        """Give the file that the edge can send in answer, None if none."""
        headers = request.headers
        if (
            request.method != hdrs.METH_GET
            or any(name in headers for name in _JUDGED_AGAIN)
            or not self._from_edge(request)
        ):
            return None
        wanted = field_value(headers, hdrs.RANGE)
        if wanted is not None and not _PLAIN_RANGE.fullmatch(wanted):
            return None
        match body.chunks:
            case (FileSlice(content, 0, stop),) if stop == content.size_bytes:
                return content
        return None

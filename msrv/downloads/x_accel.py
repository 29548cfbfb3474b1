# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sender that has nginx send files, by `X-Accel-Redirect`.

This process checks the link, the file and the request; nginx, which has the
same library mounted, sends the bytes (`deploy/nginx/store.conf.template`). The
response stays ours, since nginx would evaluate a request by its own ETag, of
size and time, and would drop ours:

- 304, 412 and 416 are sent from here, and so is each response to a HEAD.
- A whole file goes to WHOLE, where nginx supports no ranges, so that a stale
  `If-Range` is a 200 there as it is here.
- One range in its plainest spelling goes to PART, where nginx compares
  `If-Range` with our ETag, and has nothing else to evaluate.
- Requests that nginx would evaluate by its own validators (`If-Match`,
  `If-Unmodified-Since`), several ranges, and ranges in another spelling are
  sent by this process, and so are ZIPs, previews and encodings, which nginx
  doesn't have.
- Clients other than nginx get the bytes: the header means nothing to them.

One guarantee of sending through this process is lost: nginx does not notice
that a file is overwritten in place while it is sent.
"""

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aiohttp import hdrs, web

from msrv.downloads.body import Body, FileSlice
from msrv.downloads.conditions import field_value
from msrv.downloads.representation import Representation
from msrv.downloads.response_cache import CachedResponse
from msrv.downloads.sender import Sender, SendOptions
from msrv.storage.local import LocalStorage
from msrv.storage.model import Content
from msrv.storage.verification import verified

WHOLE: Final = "/-/files/whole/"
PART: Final = "/-/files/part/"
"""nginx's internal locations; the root of each is the library."""

_PLAIN_RANGE: Final = re.compile(
    r"bytes=(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})"
)
"""Ranges that nginx parses as we do. More digits are a 416 there."""

_EVALUATED_BY_NGINX: Final = ("If-Match", "If-Unmodified-Since")


class NginxSender:
    """Has nginx send whole files, and `direct` others. Implements Sender.

    `from_edge` returns whether a request came through nginx.
    """

    def __init__(
        self,
        storage: LocalStorage,
        direct: Sender,
        from_edge: Callable[[web.Request], bool],
    ) -> None:
        self._storage = storage
        self._direct = direct
        self._from_edge = from_edge

    def streams(self, request: web.Request, body: Body) -> bool:
        """Return whether a response would stream through this process."""
        return self._file_for_nginx(request, body) is None

    def cached(
        self, representation: Representation, *, cache_control: str
    ) -> CachedResponse | None:
        """Return a cached response; see Sender."""
        return self._direct.cached(representation, cache_control=cache_control)

    async def send(
        self,
        request: web.Request,
        representation: Representation,
        body: Body,
        options: SendOptions,
    ) -> web.StreamResponse:
        """Respond to a request; see Sender.

        `on_sent` is called for all bytes that nginx is to send.
        """
        content = self._file_for_nginx(request, body)
        plan = options.plan(request, representation)
        if content is None or not plan.parts:
            return await self._direct.send(
                request, representation, body, options
            )
        path = await verified(
            self._storage,
            lambda: asyncio.to_thread(self._storage.locate, content),
        )
        root = PART if plan.status is HTTPStatus.PARTIAL_CONTENT else WHOLE
        # nginx sets the length and the range itself.
        headers = {
            name: value
            for name, value in plan.headers.items()
            if name not in {hdrs.CONTENT_LENGTH, hdrs.CONTENT_RANGE}
        }
        headers["X-Accel-Redirect"] = root + quote(path, safe="/")
        options.report(plan, plan.size_bytes)
        return web.Response(headers=headers)

    def _file_for_nginx(
        self, request: web.Request, body: Body
    ) -> Content | None:
        """Return the file that nginx can send in response, if any."""
        headers = request.headers
        if (
            request.method != hdrs.METH_GET
            or any(name in headers for name in _EVALUATED_BY_NGINX)
            or not self._from_edge(request)
        ):
            return None
        wanted = field_value(headers, hdrs.RANGE)
        if wanted is not None and not _PLAIN_RANGE.fullmatch(wanted):
            return None
        match body.chunks:
            case (FileSlice(content, 0, stop),) if (
                stop == content.size_bytes and not content.is_encoded
            ):
                return content
        return None

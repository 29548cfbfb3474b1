# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sender that has nginx send files, by `X-Accel-Redirect`.

This process checks the link, the file and the request; nginx, which has the
same library mounted, or fetches from its bucket, sends the bytes
(`deploy/nginx/store.conf.template`). The response stays ours, since nginx
would evaluate a request by its own ETag, and would drop ours:

- 304, 412 and 416 are sent from here, and so is each response to a HEAD.
- A whole file goes to `whole/`, where nginx supports no ranges, so that a
  stale `If-Range` is a 200 there as it is here.
- One range in its plainest spelling goes to `part/`, where nginx compares
  `If-Range` with our ETag, and has nothing else to evaluate.
- Requests that nginx would evaluate by its own validators (`If-Match`,
  `If-Unmodified-Since`), several ranges, and ranges in another spelling are
  sent by this process, and so are ZIPs and previews. Encodings of a library
  in a folder are, too, since nginx doesn't have them.
- Clients other than nginx get the bytes: the header means nothing to them.

One guarantee of sending through this process is lost: nginx does not notice
that a file is overwritten in place while it is sent.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from aiohttp import hdrs, web

from msrv.downloads.body import Body, FileSlice
from msrv.downloads.conditions import field_value
from msrv.downloads.ranges import parse_range
from msrv.downloads.representation import Representation
from msrv.downloads.response_cache import CachedResponse
from msrv.downloads.sender import Sender, SendOptions
from msrv.storage.local import LocalStorage
from msrv.storage.model import Content
from msrv.storage.verification import verified

REDIRECT: Final = "X-Accel-Redirect"
FILES: Final = "/-/files/"
"""nginx's internal location of a library in a folder."""

_PLAIN_RANGE: Final = re.compile(
    r"bytes=(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})"
)
"""Ranges that nginx parses as we do. More digits are a 416 there."""

_EVALUATED_BY_NGINX: Final = ("If-Match", "If-Unmodified-Since")


@dataclass(frozen=True, slots=True)
class NginxFile:
    """File as nginx finds it: its path below `root`, and headers for nginx.

    `root` has the locations `whole/` and `part/`.
    """

    root: str
    path: str | bytes
    headers: dict[str, str] = field(default_factory=dict)


Locate = Callable[[Content], Awaitable[NginxFile]]
"""Returns where nginx finds a file. Raises StorageError."""


def folder_files(storage: LocalStorage) -> Locate:
    """Return a function that locates the files of a library in a folder."""

    async def locate(content: Content) -> NginxFile:
        path = await verified(
            storage, lambda: asyncio.to_thread(storage.locate, content)
        )
        return NginxFile(FILES, path)

    return locate


class NginxSender:
    """Has nginx send whole files, and `direct` others. Implements Sender.

    `locate` returns where nginx finds a file; `has_encodings` is whether it
    finds those that the store encoded. `from_edge` returns whether a request
    came through nginx.
    """

    def __init__(
        self,
        locate: Locate,
        direct: Sender,
        from_edge: Callable[[web.Request], bool],
        *,
        has_encodings: bool = False,
    ) -> None:
        self._locate = locate
        self._direct = direct
        self._from_edge = from_edge
        self._has_encodings = has_encodings

    def streams(self, request: web.Request, body: Body) -> bool:
        """Return whether a response would stream through this process."""
        return self._file_for_nginx(request, body) is None

    def cached(
        self, representation: Representation, *, cache_control: str
    ) -> CachedResponse | None:
        """Return a cached response; see Sender."""
        return self._direct.cached(representation, cache_control=cache_control)

    async def resumes(
        self,
        request: web.Request,
        representation: Representation,
        body: Body,
    ) -> bool:
        """Return whether a request has the store's validator; see Sender."""
        return await self._direct.resumes(request, representation, body)

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
        file = await self._locate(content)
        is_part = plan.status is HTTPStatus.PARTIAL_CONTENT
        root = f"{file.root}{'part' if is_part else 'whole'}/"
        # nginx sets the length and the range itself.
        headers = {
            name: value
            for name, value in plan.headers.items()
            if name not in {hdrs.CONTENT_LENGTH, hdrs.CONTENT_RANGE}
        }
        headers |= file.headers
        headers[REDIRECT] = root + quote(file.path, safe="/")
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
        # A range that is ignored makes nginx start in the middle of a file
        # that it fetches in slices.
        if wanted is not None and (
            not _PLAIN_RANGE.fullmatch(wanted)
            or parse_range(wanted, body.size_bytes) is None
        ):
            return None
        match body.chunks:
            case (FileSlice(content, 0, stop),) if (
                stop == content.size_bytes
                and (self._has_encodings or not content.is_encoded)
            ):
                return content
        return None

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""CDN of the tests: verifies addresses, caches, and asks the bucket.

What it doesn't verify itself, it is the origin of: behind the Worker.
"""

import re
import ssl
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from multidict import CIMultiDict

from msrv.storage.objects.bucket import Bucket
from tests.downloads.objects.cdn_verifiers import Verify

PREFIX = "/store/"
"""Path at which the bucket's objects are."""
_OF_ORIGIN = ("Content-Type", "Content-Disposition", "ETag", "Last-Modified")


@dataclass(slots=True)
class CdnStandIn:
    """CDN with a cache in memory.

    `verify` returns when an address ends. `store` is the store's address, to
    which it leads back whoever comes too late, or empty: that is 403 then.
    """

    bucket: Bucket
    clock: Callable[[], int]
    verify: Verify | None = None
    store: str = ""
    names_files: bool = False
    origin: str = ""
    targets: list[str] = field(default_factory=list)
    origin_reads: int = 0
    sent_bytes: int = 0
    _cache: dict[str, tuple[CIMultiDict[str], bytes]] = field(
        default_factory=dict
    )

    @asynccontextmanager
    async def running(
        self, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[None]:
        """Serve on a free port, over TLS with a context."""
        app = web.Application()
        app.router.add_get(PREFIX + "{key:.*}", self._respond)
        server = TestServer(app, skip_url_asserts=True)
        await server.start_server(ssl=tls)
        self.origin = f"http://127.0.0.1:{server.port}"
        if tls is not None:
            self.origin = f"https://localhost:{server.port}"
        try:
            yield
        finally:
            await server.close()

    async def _respond(self, request: web.Request) -> web.Response:
        target = request.raw_path
        self.targets.append(target)
        if self.verify is not None:
            ends = self.verify(target)
            if ends is not None and ends <= self.clock() and self.store:
                raise web.HTTPTemporaryRedirect(self._link(request))
            if ends is None or ends <= self.clock():
                raise web.HTTPForbidden
        return await self._send(request)

    def _link(self, request: web.Request) -> str:
        query = request.query
        path = "/".join(query[name] for name in ("pop", "poe", "item"))
        format_ = f"?as={query['as']}" if "as" in query else ""
        return f"{self.store}/download/{path}{format_}"

    async def _send(self, request: web.Request) -> web.Response:
        """Send an object, or a range of it (RFC 9110, section 14)."""
        key = request.match_info["key"]
        if key not in self._cache:
            self.origin_reads += 1
            address = await self.bucket.presigned(key, 60)
            async with (
                ClientSession() as session,
                session.get(address) as response,
            ):
                response.raise_for_status()
                headers = CIMultiDict(
                    {name: response.headers[name] for name in _OF_ORIGIN}
                )
                self._cache[key] = headers, await response.read()
        headers, data = self._cache[key]
        found = re.fullmatch(
            r"bytes=(\d+)-(\d*)", request.headers.get("Range", "")
        )
        tag = request.headers.get("If-Range", headers["ETag"])
        status, sent, extra = 200, data, {}
        if found is not None and tag == headers["ETag"]:
            start, stop = int(found[1]), int(found[2] or len(data) - 1) + 1
            status, sent = 206, data[start:stop]
            extra["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        self.sent_bytes += len(sent)
        if self.names_files and "disposition" in request.query:
            text = request.query["disposition"]
            padded = text + "=" * (-len(text) % 4)
            extra["Content-Disposition"] = urlsafe_b64decode(padded).decode()
        return web.Response(
            status=status, body=sent, headers={**headers, **extra}
        )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sender that redirects to the bucket, by an address that ends.

The store checks the link and the request, and the bucket sends the bytes. A
whole file goes there, and a range of one: the client repeats its Range. ZIPs,
preconditions, several ranges and HEAD are responded to by the store itself,
and so are small files, which cost no more than a redirect.

What the store guarantees otherwise ends with the redirect: a revocation does
not stop a transfer, an address can be passed on until it ends, the validators
are the bucket's own, and a download counts when it starts.
"""

from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from msrv.downloads.body import Body, FileSlice
from msrv.downloads.objects.object_reader import KeyOf, Unavailable
from msrv.downloads.representation import Representation
from msrv.downloads.response_cache import SMALL_BYTES, CachedResponse
from msrv.downloads.sender import Sender, SendOptions
from msrv.storage.model import Content
from msrv.storage.objects.bucket import Bucket
from msrv.storage.objects.errors import BucketError

MIN_SECONDS: Final = 15 * 60
MAX_SECONDS: Final = 24 * 3600
_SLOW_BYTES_PER_SECOND: Final = 100_000
"""Speed of a slow client, whose download is to end within the time."""

_OWN: Final = (
    hdrs.IF_MATCH,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_MODIFIED_SINCE,
    hdrs.IF_UNMODIFIED_SINCE,
    hdrs.IF_RANGE,
)
"""Preconditions with validators of the store, which the bucket lacks."""


class RedirectSender:
    """Redirects to a bucket; `direct` sends the rest. Implements Sender."""

    def __init__(self, bucket: Bucket, key_of: KeyOf, direct: Sender) -> None:
        self._bucket = bucket
        self._key_of = key_of
        self._direct = direct

    def streams(self, request: web.Request, body: Body) -> bool:
        """Return whether a response would stream through this process."""
        return self._redirected(request, body) is None and (
            self._direct.streams(request, body)
        )

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
        """Respond to a request; see Sender. Raises Unavailable, too."""
        content = self._redirected(request, body)
        plan = options.plan(request, representation)
        if content is None or not plan.parts or len(plan.parts) > 1:
            return await self._direct.send(
                request, representation, body, options
            )
        try:
            address = await self._bucket.presigned(
                self._key_of(content.sha256), lifetime(content.size_bytes)
            )
        except BucketError as error:
            raise Unavailable(content.path) from error
        options.report(plan, plan.size_bytes)
        return web.Response(
            status=HTTPStatus.TEMPORARY_REDIRECT,
            headers={
                hdrs.LOCATION: address,
                hdrs.CACHE_CONTROL: "no-store",
                "Referrer-Policy": "no-referrer",
            },
        )

    def _redirected(self, request: web.Request, body: Body) -> Content | None:
        """Return the file to which a request is redirected, if any."""
        if (
            request.method != hdrs.METH_GET
            or body.size_bytes <= SMALL_BYTES
            or any(name in request.headers for name in _OWN)
        ):
            return None
        match body.chunks:
            case (FileSlice(content, 0, stop),) if stop == content.size_bytes:
                return content
        return None


def lifetime(size_bytes: int) -> int:
    """Return for how many seconds an address of a file is valid."""
    seconds = size_bytes // _SLOW_BYTES_PER_SECOND
    return max(MIN_SECONDS, min(seconds, MAX_SECONDS))

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sender that redirects to the bucket or to a CDN, by an address that ends.

The store checks the link and the request, and the other sends the bytes. A
whole file goes there, and a range of one: the client repeats its Range. ZIPs,
preconditions, several ranges and HEAD are responded to by the store itself,
and so are small files, which cost no more than a redirect, and what a page
plays, for which the pages' policy allows no other host.

What the store guarantees otherwise ends with the redirect: a revocation does
not stop a transfer, an address can be passed on until it ends, the validators
are the bucket's own, and a download counts when it starts.
"""

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from msrv.downloads.body import Body, FileSlice
from msrv.downloads.conditions import field_value
from msrv.downloads.objects.object_reader import KeyOf, Unavailable
from msrv.downloads.ranges import parse_range
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
_TAG_SECONDS: Final = 60.0
_TAGS: Final = 1000

_OWN: Final = (
    hdrs.IF_MATCH,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_MODIFIED_SINCE,
    hdrs.IF_UNMODIFIED_SINCE,
)
"""Preconditions with validators of the store, which the bucket lacks."""
_PLAYED: Final = frozenset({"audio", "video"})
"""Values of Sec-Fetch-Dest for what a page plays."""

AddressOf = Callable[
    [web.Request, Representation, Content, int], Awaitable[str]
]
"""Returns the address of a file from a Unix time on. Raises StorageError."""

TagOf = Callable[[Content], Awaitable[str]]
"""Returns the tag that the bucket has of a file. Raises StorageError."""


class PresignedAddresses:
    """Returns the address of a file in a bucket. Implements AddressOf."""

    def __init__(self, bucket: Bucket, key_of: KeyOf) -> None:
        self._bucket = bucket
        self._key_of = key_of

    async def __call__(
        self,
        _request: web.Request,
        _representation: Representation,
        content: Content,
        _now: int,
    ) -> str:
        """Return a presigned address. Raises Unavailable."""
        key = self._key_of(content.sha256)
        try:
            return await self._bucket.presigned(
                key, lifetime(content.size_bytes)
            )
        except BucketError as error:
            raise Unavailable(content.path) from error


class BucketTags:
    """Returns the bucket's own tag of a file. Implements TagOf.

    A tag is remembered for a minute, in which a program that resumes has sent
    all of its requests. An object that is uploaded again has another one.
    """

    def __init__(
        self,
        bucket: Bucket,
        key_of: KeyOf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket = bucket
        self._key_of = key_of
        self._clock = clock
        self._known: dict[bytes, tuple[float, str]] = {}
        """Of each file, until when its tag is used. The oldest are first."""

    async def __call__(self, content: Content) -> str:
        """Return the tag, in quotes. Raises Unavailable."""
        until, tag = self._known.get(content.sha256, (0.0, ""))
        if self._clock() < until:
            return tag
        try:
            tag = await self._bucket.tag(self._key_of(content.sha256))
        except BucketError as error:
            raise Unavailable(content.path) from error
        self._known.pop(content.sha256, None)
        self._known[content.sha256] = self._clock() + _TAG_SECONDS, tag
        if len(self._known) > _TAGS:
            del self._known[next(iter(self._known))]
        return tag


class RedirectSender:
    """Redirects to an address; `direct` sends the rest. Implements Sender."""

    def __init__(
        self, address_of: AddressOf, direct: Sender, tag_of: TagOf
    ) -> None:
        self._address_of = address_of
        self._direct = direct
        self._tag_of = tag_of

    def streams(self, request: web.Request, body: Body) -> bool:
        """Return whether a response may stream through this process."""
        return (
            hdrs.IF_RANGE in request.headers
            or self._redirected(request, body) is None
        ) and self._direct.streams(request, body)

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
        """Return whether a request has a current validator; see Sender.

        It may be the bucket's: whoever was redirected has no other.
        """
        if await self._direct.resumes(request, representation, body):
            return True
        content = self._redirected(request, body)
        return (
            content is not None
            and hdrs.RANGE in request.headers
            and hdrs.IF_RANGE in request.headers
            and await self._is_current(request, content)
        )

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
        if (
            content is None
            or options.disposition == "inline"
            or not plan.parts
            or not await self._is_current(request, content)
        ):
            return await self._direct.send(
                request, representation, body, options
            )
        address = await self._address_of(
            request, representation, content, options.now_seconds
        )
        options.report(plan, plan.size_bytes)
        return web.Response(
            status=HTTPStatus.TEMPORARY_REDIRECT,
            headers={
                hdrs.LOCATION: address,
                hdrs.CACHE_CONTROL: "no-store",
                "Referrer-Policy": "no-referrer",
            },
        )

    async def _is_current(
        self, request: web.Request, content: Content
    ) -> bool:
        """Return whether If-Range, if any, has the bucket's tag of a file.

        A bucket may ignore it (Ceph does), and would continue a file that
        was replaced with the bytes of another. Raises Unavailable.
        """
        tag = request.headers.get(hdrs.IF_RANGE)
        return tag is None or tag == await self._tag_of(content)

    def _redirected(self, request: web.Request, body: Body) -> Content | None:
        """Return the file to which a request is redirected, if any."""
        if (
            request.method != hdrs.METH_GET
            or body.size_bytes <= SMALL_BYTES
            or any(name in request.headers for name in _OWN)
            or request.headers.get("Sec-Fetch-Dest") in _PLAYED
        ):
            return None
        wanted = field_value(request.headers, hdrs.RANGE)
        if wanted and len(parse_range(wanted, body.size_bytes) or ()) > 1:
            return None
        match body.chunks:
            case (FileSlice(content, 0, stop),) if stop == content.size_bytes:
                return content if _is_theirs(request, content) else None
        return None


def _is_theirs(request: web.Request, content: Content) -> bool:
    """Return whether If-Range, if any, may have the bucket's own tag.

    Whoever has a part from the bucket repeats that. An empty one is none.
    """
    own = f'"{content.sha256.hex()}"'
    tag = request.headers.get(hdrs.IF_RANGE)
    return tag is None or (tag.startswith('"') and tag not in {own, '""'})


def lifetime(size_bytes: int) -> int:
    """Return for how many seconds an address of a file is valid."""
    seconds = size_bytes // _SLOW_BYTES_PER_SECOND
    return max(MIN_SECONDS, min(seconds, MAX_SECONDS))

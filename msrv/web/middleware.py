# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Middlewares: metrics, compression, errors, origin; in `app` their order."""

import asyncio
import functools
import gzip
import re
import time
from typing import Final

from aiohttp import ClientConnectionResetError, web
from aiohttp.typedefs import Handler
from yarl import URL

from msrv.catalog.live_catalog import NotReady
from msrv.connections.request_handler import (
    CLIENT_CLOSED_REQUEST,
    RESPONSE_STATUS,
)
from msrv.connections.response_writer import CountingWriter
from msrv.orders.errors import NotForSale
from msrv.telemetry import spans
from msrv.translations import set_language
from msrv.translations.catalogs import load_catalog
from msrv.web import cookies, rendering
from msrv.web.access_log import method_name, route_name
from msrv.web.errors import ErrorPage
from msrv.web.errors.table import error_page
from msrv.web.languages import request_language
from msrv.web.origin import (
    ForeignHost,
    ForeignOrigin,
    is_internal,
    names_store,
)
from msrv.web.public_pages.slotted_body import LEVEL, SlottedBody
from msrv.web.public_pages.validation import SLOTTED
from msrv.web.static_files import accepts_gzip
from msrv.web.store import ATTEMPT, ORIGIN, ROUTE, STORE
from msrv.web.studio import auth

_END_OF_AUTHORITY: Final = re.compile("[/?#]")
_WITHOUT_BODY: Final = frozenset({204, 304})
_ABSENT: Final = frozenset({404, 410})
_COMPRESSED_TYPES: Final = frozenset(
    {
        "application/atom+xml",
        "application/json",
        "application/rss+xml",
        "application/xml",
        "image/svg+xml",
        "text/html",
        "text/xml",
    }
)
_MIN_BYTES: Final = 1000
_LARGE_BYTES: Final = 64 * 1024
"""Compressing more than that blocks the loop for over a millisecond."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SAME_SITE: Final = frozenset({cookies.CART, cookies.CLAIM})


@web.middleware
async def record_metrics(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Count the request while it is in progress, and record its response."""
    metrics = request.app[STORE].metrics
    route = request[ROUTE] = route_name(request)
    method = method_name(request)
    started = time.perf_counter()
    status, pending_bytes = None, 0
    noted: spans.Attributes = {
        "http.request.method": method,
        "http.route": route,
    }
    metrics.start_request()
    try:
        with spans.span(f"{method} {route}", "server", noted):
            try:
                response = await handler(request)
                status = response.status
            except web.HTTPException as redirect:
                status = redirect.status
                raise
            finally:
                if status is not None:
                    noted["http.response.status_code"] = status
        has_body = request.method != "HEAD" and status not in _WITHOUT_BODY
        if has_body and not response.prepared:
            pending_bytes = response.content_length or 0
        return response
    finally:
        metrics.finish_request()
        # A streamed body was counted as it was sent; a complete one follows.
        writer = request.writer
        sent = pending_bytes + (
            writer.body_bytes
            if isinstance(writer, CountingWriter)
            else writer.output_size
        )
        if status is None:
            status = request.get(RESPONSE_STATUS, CLIENT_CLOSED_REQUEST)
        seconds = time.perf_counter() - started
        metrics.record(method, route, status, seconds, sent)


@web.middleware
async def compress(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Compress pages, JSON and feeds with gzip, where the client accepts it.

    The length of a compressed response can reveal a secret in it to someone
    who can also place text in it (BREACH). So nothing is compressed that
    contains a token: neither what is never cached (receipts, links, the
    studio), nor pages while they link to a payment of the visitor. What has a
    strong ETag is packed already, or of a type that isn't compressed.
    """
    response = await handler(request)
    if not isinstance(response, web.Response) or response.prepared:
        return response
    body = response.body
    if not isinstance(body, bytes) or not _is_compressible(response, body):
        return response
    varies = ", ".join(response.headers.getall("Vary", ()))
    if "Accept-Encoding" not in varies:
        response.headers["Vary"] = f"{varies}, Accept-Encoding".lstrip(", ")
    if not accepts_gzip(request.headers) or cookies.read_payment(request):
        return response
    pack = functools.partial(_pack, request, body)
    response.body = (
        pack() if len(body) < _LARGE_BYTES else await asyncio.to_thread(pack)
    )
    response.headers["Content-Encoding"] = "gzip"
    return response


def _pack(request: web.Request, body: bytes) -> bytes:
    """Return the body of a response to a request, compressed."""
    slotted = request.get(SLOTTED)
    if slotted is None:
        return gzip.compress(body, LEVEL, mtime=0)
    packed: SlottedBody = slotted.compress()
    request[SLOTTED] = packed
    return packed.fill(request[ATTEMPT].encode())


def _is_compressible(response: web.Response, body: bytes) -> bool:
    return (
        response.status == 200
        and len(body) >= _MIN_BYTES
        and response.content_type in _COMPRESSED_TYPES
        and "Content-Encoding" not in response.headers
        and "no-store" not in response.headers.get("Cache-Control", "")
    )


@web.middleware
async def handle_errors(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Respond to every error with its page, or its JSON."""
    try:
        language = request_language(request)
        await load_catalog(language.texts)
        set_language(language)
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return await _respond_with_error(request, error)
    except ClientConnectionResetError:
        raise  # the client is gone
    except Exception as error:
        # Part of a response was sent: the server closes the connection.
        if request.writer.output_size > 0:
            raise
        return await _respond_with_error(request, error)


async def _respond_with_error(
    request: web.Request, error: Exception
) -> web.Response:
    page = _error_page(request, error)  # of the catalog that was looked in
    # Others are served before it is rendered: finding that a pasted text is
    # wrong takes as long as that.
    await asyncio.sleep(0)
    return rendering.error_response(request, page)


def _error_page(request: web.Request, error: Exception) -> ErrorPage:
    """Return the page for an error.

    At a start, what seems not to exist may not have been read yet.
    """
    page = error_page(error)
    if page.status not in _ABSENT and not isinstance(error, NotForSale):
        return page
    try:
        is_certain = not request.app[STORE].catalog.reading.withholds
    except NotReady:
        is_certain = True  # of another path
    return page if is_certain else error_page(NotReady())


@web.middleware
async def resolve_origin(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Resolve the client and the base URL; check the host and the origin.

    Redirects other names of MSRV_DOMAIN to the first. Raises ForeignHost for
    another host name, ForeignOrigin for a request that
    changes something and comes from another site.
    """
    rules = request.app[STORE].origin_rules
    origin = rules.resolve(
        request.remote, secure=request.secure, headers=request.headers
    )
    request[ORIGIN] = origin
    if _targets_another_host(request, origin.host):
        raise ForeignHost
    if not names_store(rules, origin.host, request) and not (
        request.path.startswith("/-/") and is_internal(origin.host)
    ):
        raise ForeignHost
    if rules.is_other_name(origin.host):
        target = origin.base_url + request.rel_url.raw_path_qs
        # As it is written: a token has one spelling.
        raise web.HTTPPermanentRedirect(URL(target, encoded=True))
    if request.method not in _SAFE and not rules.is_same_site(
        origin,
        request.headers,
        has_own_cookie=auth.COOKIE in cookies.read_all(request)
        or not _SAME_SITE.isdisjoint(cookies.read(request)),
    ):
        raise ForeignOrigin
    return await handler(request)


def _targets_another_host(request: web.Request, host: str) -> bool:
    """Return whether an absolute request target has another host than `Host`.

    The target takes precedence then (RFC 9112, section 3.2.2), for a proxy in
    front as well; allowing them to differ would invite confusion.
    """
    target = request.raw_path
    if target.startswith(("/", "*")):
        return False
    authority = _END_OF_AUTHORITY.split(target.partition("://")[2], 1)[0]
    return authority.lower() != host

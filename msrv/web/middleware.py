"""What happens around every handler, from the outside in."""

import re
import time
from typing import Final

from aiohttp import ClientConnectionResetError, web
from aiohttp.typedefs import Handler

from msrv.connections.request_handler import (
    CLIENT_CLOSED_REQUEST,
    RESPONSE_STATUS,
)
from msrv.connections.response_writer import CountingWriter
from msrv.web import cookies, formatting, rendering
from msrv.web.access_log import method_name, route_name
from msrv.web.errors.table import error_page
from msrv.web.origin import (
    ForeignHost,
    ForeignOrigin,
    is_internal,
    own_address,
)
from msrv.web.store import ORIGIN, ROUTE, STORE
from msrv.web.studio import auth

_END_OF_AUTHORITY: Final = re.compile("[/?#]")
_WITHOUT_BODY: Final = frozenset({204, 304})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SAME_SITE: Final = frozenset({cookies.CART, cookies.CLAIM})


@web.middleware
async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the request while it is under way, and when it has ended."""
    metrics = request.app[STORE].metrics
    route = request[ROUTE] = route_name(request)
    began = time.perf_counter()
    status, will_be_sent = None, 0
    metrics.start_request()
    try:
        response = await handler(request)
        status = response.status
        has_body = request.method != "HEAD" and status not in _WITHOUT_BODY
        if has_body and not response.prepared:
            will_be_sent = response.content_length or 0
        return response
    finally:
        metrics.finish_request()
        # What was streamed has gone already; what is at hand will go.
        writer = request.writer
        sent = will_be_sent + (
            writer.body_bytes
            if isinstance(writer, CountingWriter)
            else writer.output_size
        )
        if status is None:
            status = request.get(RESPONSE_STATUS, CLIENT_CLOSED_REQUEST)
        method = method_name(request)
        seconds = time.perf_counter() - began
        metrics.record(method, route, status, seconds, sent)


@web.middleware
async def explain(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Turn every error into an answer in the store's own voice."""
    formatting.set_accept_language(request.headers.get("Accept-Language", ""))
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return rendering.error_response(request, error_page(error))
    except ClientConnectionResetError:
        # Nobody is there to be told.
        raise
    except Exception as error:
        # Half an answer can't be taken back; the server ends the connection.
        if request.writer.output_size > 0:
            raise
        return rendering.error_response(request, error_page(error))


@web.middleware
async def place(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who asks and under which address, and refuse what is foreign.

    Raises ForeignHost and ForeignOrigin.
    """
    rules = request.app[STORE].origin_rules
    origin = rules.read(
        request.remote, secure=request.secure, headers=request.headers
    )
    request[ORIGIN] = origin
    if _names_another(request, origin.host):
        raise ForeignHost
    if not rules.knows(origin.host, own_address(request)) and not (
        request.path.startswith("/-/") and is_internal(origin.host)
    ):
        raise ForeignHost
    if request.method not in _SAFE and not rules.same_site(
        origin,
        request.headers,
        knows_visitor=auth.COOKIE in cookies.read_all(request)
        or not _SAME_SITE.isdisjoint(cookies.read(request)),
    ):
        raise ForeignOrigin
    return await handler(request)


def _names_another(request: web.Request, host: str) -> bool:
    """Whether the target is an address of another host than `Host`'s.

    It is the target that counts then (RFC 9112, section 3.2.2), to any proxy
    in front as well: who lets the two differ lets them be confused.
    """
    target = request.raw_path
    if target.startswith(("/", "*")):
        return False
    authority = _END_OF_AUTHORITY.split(target.partition("://")[2], 1)[0]
    return authority.lower() != host

"""Addresses that are nearly one of ours: led to the right one.

A page with a slash behind it is that page. A receipt or a download link with
what a chat or mail program took along, such as a full stop or a bracket, is
found as in any text that is pasted. It is led to only where it is good.
"""

import re
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from msrv.proofs.errors import Forged
from msrv.proofs.pasted import find
from msrv.web.rendering import PRIVATE
from msrv.web.store import STORE

_READING: Final = frozenset({"GET", "HEAD"})
_CONTROL: Final = re.compile(r"%(?:0[0-8bcef]|1|7f)", re.IGNORECASE)
_TOKENS: Final = ("/purchases/", "/download/")


@web.middleware
async def lead(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Lead to the right address what would be none.

    308 for a slash too many, with any method; 302 from a receipt or a link.
    """
    try:
        return await handler(request)
    except (Forged, web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        target = _token(request)
        if target is None and isinstance(error, web.HTTPNotFound):
            target = await _without_slash(request)
            if target is not None:
                raise web.HTTPPermanentRedirect(target) from None
        if target is None:
            raise
        # Its address holds a token: it is kept by nobody on its way.
        raise web.HTTPFound(
            target, headers={"Cache-Control": PRIVATE}
        ) from None


def _token(request: web.Request) -> str | None:
    """Find the address of the receipt or the link in another address."""
    store = request.app[STORE]
    if request.method not in _READING:
        return None
    if not request.raw_path.startswith(_TOKENS):
        return None
    if _CONTROL.search(request.raw_path):
        return None  # no mail program writes those
    found = find(
        store.keyring,
        request.raw_path,
        store.clock(),
    )
    if found is None or found.path == request.raw_path:
        return None
    return found.path


async def _without_slash(request: web.Request) -> str | None:
    """Return the address without slashes at its end, if a page is there."""
    if request.match_info.route.resource is not None:
        return None  # a page that says so itself
    path = request.rel_url.raw_path
    if path.startswith(_TOKENS):
        return None
    shorter = path.rstrip("/")
    if shorter in {"", path}:
        return None
    query = request.rel_url.raw_query_string
    target = f"{shorter}?{query}" if query else shorter
    url = URL(target, encoded=True)
    resolved = await request.app.router.resolve(request.clone(rel_url=url))
    if resolved.http_exception is not None:
        return None
    return target

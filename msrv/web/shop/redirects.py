# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redirects from mistyped addresses to the right ones.

A trailing slash is removed. A receipt or download link that a chat or mail
program extended, by a full stop or a bracket for example, is found as in any
pasted text. The redirect is sent only where the receipt or link is valid.
"""

import re
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from msrv import time_slices
from msrv.proofs.errors import Forged
from msrv.proofs.pasted_proofs import search
from msrv.web.rendering import PRIVATE
from msrv.web.store import STORE

_READING: Final = frozenset({"GET", "HEAD"})
_CONTROL: Final = re.compile(r"%(?:0[0-8bcef]|1|7f)", re.IGNORECASE)
_TOKENS: Final = ("/purchases/", "/download/")


@web.middleware
async def redirect(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Redirect requests that would fail with 404 to the right address.

    308 for a trailing slash, with any method; 302 to a receipt or a link.
    """
    try:
        return await handler(request)
    except (Forged, web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        target = await _token(request)
        if target is None and isinstance(error, web.HTTPNotFound):
            target = await _without_slash(request)
            if target is not None:
                raise web.HTTPPermanentRedirect(target) from None
        if target is None:
            raise
        # Not to be cached on its way: the address has a token.
        raise web.HTTPFound(
            target, headers={"Cache-Control": PRIVATE}
        ) from None


async def _token(request: web.Request) -> str | None:
    """Return the address of the receipt or link in a longer address."""
    store = request.app[STORE]
    if request.method not in _READING:
        return None
    if not request.raw_path.startswith(_TOKENS):
        return None
    if _CONTROL.search(request.raw_path):
        return None  # not from a mail program
    found = await time_slices.first(
        search(store.keyring, request.raw_path, store.clock())
    )
    if found is None or found.path == request.raw_path:
        return None
    return found.path


async def _without_slash(request: web.Request) -> str | None:
    """Return the address without trailing slashes, if it has a page."""
    if request.match_info.route.resource is not None:
        return None  # the page itself raised 404
    path = request.rel_url.raw_path
    # `//host/` would lead a browser to another host.
    if path.startswith((*_TOKENS, "//")):
        return None
    shorter = path.rstrip("/")
    if shorter in {"", path}:
        return None
    query = request.rel_url.raw_query_string
    url = URL.build(path=shorter, query_string=query, encoded=True)
    resolved = await request.app.router.resolve(request.clone(rel_url=url))
    if resolved.http_exception is not None:
        return None
    return str(url)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Validators of public pages (RFC 9110, section 8.8), and their caching.

A public page for a visitor without anything of their own has an ETag, which
is a digest of its bytes: every replica has the same one. A page with the id of
an attempt in its forms has none, since each visitor needs another id. The
pages of visitors with a cart, a discount or a started payment aren't to be
stored by caches of several visitors. For a cart, the slots of the cached page
are filled; the others are rendered for each request.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from msrv.downloads.conditions import is_known_to_client
from msrv.proofs.orders import new_order_id
from msrv.web import cookies, languages
from msrv.web.errors import NotAcceptable
from msrv.web.languages import negotiated_language
from msrv.web.origin import Origin
from msrv.web.public_pages.page_cache import (
    CachedTemplate,
    PageKey,
    Snapshot,
    TemplateKey,
)
from msrv.web.public_pages.page_response import (
    PageResponse,
    not_modified_headers,
)
from msrv.web.public_pages.slotted_body import SlottedBody
from msrv.web.public_pages.visitor import visitor_parts
from msrv.web.rendering import wants_json
from msrv.web.static_files import accepts_gzip
from msrv.web.store import (
    ATTEMPT,
    INCOMPLETE,
    ORIGIN,
    ROUTE,
    STORE,
    TEMPLATE,
    Store,
)

PUBLIC_ROUTES: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset({languages.PARAMETER, *parameters.split()})
    for name, parameters in {
        "artist": "",
        "artists": "page",
        "catalog": "q kind tag sort page",
        "embed": "size",
        "front": "",
        "legal": "",
        "page": "",
        "release": "",
        "tag": "q kind sort page",
        "tags": "page",
    }.items()
}
"""Routes whose pages depend on the catalog and on nothing else but the
visitor's language and the cookies below, by name: the parameters that they
read."""
_WITHOUT_SLOT: Final = cookies.full_names(
    cookies.DISCOUNT
) | cookies.full_names(cookies.PAYMENT)
"""Cookies that change a public page, and for which it has no slots."""
_OWN: Final = _WITHOUT_SLOT | cookies.full_names(cookies.CART)
"""Cookies that change a public page, with those for which it has slots."""
_READING: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_DIGEST_CHARS: Final = 32
_MAX_TARGET: Final = 1024

SLOTTED: Final = web.RequestKey("slotted", SlottedBody)
"""The body of a public page with the id of an attempt."""
_SNAPSHOT: Final = web.RequestKey("snapshot", Snapshot)


def is_anonymous(request: web.BaseRequest) -> bool:
    """Return whether a visitor has nothing of their own in a public page."""
    return hdrs.COOKIE not in request.headers or _OWN.isdisjoint(
        cookies.read_all(request)
    )


def _can_use_template(request: web.BaseRequest) -> bool:
    """Return whether a public page has slots for all that is the visitor's."""
    return hdrs.COOKIE not in request.headers or _WITHOUT_SLOT.isdisjoint(
        cookies.read_all(request)
    )


def page_key(
    request: web.BaseRequest, origin: Origin, store: Store
) -> PageKey | None:
    """Return what the public page of an anonymous request depends on.

    None for a client that accepts neither HTML nor JSON.
    """
    is_json = _prefers_json(request)
    if is_json is None:
        return None
    return PageKey(
        request.raw_path,
        origin.base_url,
        negotiated_language(request, store.catalog),
        is_json,
        accepts_gzip(request.headers),
    )


def _prefers_json(request: web.BaseRequest) -> bool | None:
    """Return whether a client prefers JSON; None if it accepts no page.

    The handler decides then: it may redirect, or know one representation.
    """
    try:
        return wants_json(request)
    except NotAcceptable:
        return None


def _template_key(request: web.Request) -> TemplateKey:
    return TemplateKey(
        request.raw_path,
        request[ORIGIN].base_url,
        negotiated_language(request, request.app[STORE].catalog),
    )


def _is_cacheable(request: web.Request) -> bool:
    """Return whether the page at an address may be cached.

    Not under a parameter that it doesn't read, nor under one that is stated
    twice: addresses with tags of campaigns would evict the other pages.
    """
    target = request.raw_path
    if len(target) > _MAX_TARGET:
        return False
    query = target.partition("?")[2]
    if not query:
        return True
    names = [each.partition("=")[0] for each in query.split("&")]
    known = PUBLIC_ROUTES[request[ROUTE]]
    return known.issuperset(names) and len(names) == len({*names})


@web.middleware
async def reuse_page(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Fill the slots of a public page that was rendered before."""
    if (
        request[ROUTE] not in PUBLIC_ROUTES
        or request.method not in _READING
        or not _can_use_template(request)
        or _prefers_json(request) is not False
    ):
        return await handler(request)
    pages = request.app[STORE].public_pages
    found = pages.get_template(_template_key(request))
    if found is None:
        return await handler(request)
    page = found.template.fill(visitor_parts(request))
    return web.Response(body=page.encode(), headers=found.headers)


@web.middleware
async def validate(
    request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Add the validators of a public page; respond with 304 if it is known."""
    snapshot = request.app[STORE].public_pages.snapshot()
    response = await handler(request)
    if not _is_public(request, response):
        return response
    assert isinstance(response, web.Response)  # noqa: S101 - checked above
    template = request.get(TEMPLATE)
    if (
        template is not None
        and INCOMPLETE not in request
        and snapshot is not None
        and _can_use_template(request)
        and _is_cacheable(request)
    ):
        page = CachedTemplate(template, CIMultiDict(response.headers))
        pages = request.app[STORE].public_pages
        pages.store(_template_key(request), snapshot, page)
    if not is_anonymous(request) or INCOMPLETE in request:
        response.headers[hdrs.CACHE_CONTROL] = "private, no-cache"
        return response
    response.headers[hdrs.VARY] = ", ".join(
        [*response.headers.getall(hdrs.VARY, ()), hdrs.ACCEPT_ENCODING]
    )
    body = response.body
    assert isinstance(body, bytes)  # noqa: S101 - checked above
    attempt = request.get(ATTEMPT, "").encode()
    if attempt and attempt in body:
        response.headers[hdrs.CACHE_CONTROL] = "private, no-cache"
        if not SlottedBody.can_split(body):
            return response
        request[SLOTTED] = SlottedBody.split(body, attempt)
    else:
        digest = hashlib.sha256(body).hexdigest()[:_DIGEST_CHARS]
        # Weak: the same whether or not the response is compressed.
        etag = response.headers[hdrs.ETAG] = f'W/"{digest}"'
        if is_known_to_client(request.headers, etag):
            return web.Response(
                status=304,
                headers=not_modified_headers(CIMultiDict(response.headers)),
            )
    if snapshot is not None:
        request[_SNAPSHOT] = snapshot
    return response


async def store_page(
    request: web.Request, response: web.StreamResponse
) -> None:
    """Cache a public page whose headers are complete.

    To be called after all other changes of a response that is prepared.
    """
    snapshot = request.get(_SNAPSHOT)
    if (
        snapshot is None
        or request.method != hdrs.METH_GET
        or response.status != 200
        or not isinstance(response, web.Response)
        or not isinstance(response.body, bytes)
        or hdrs.CONNECTION in response.headers
        or hdrs.SET_COOKIE in response.headers
        or not _is_cacheable(request)
    ):
        return
    store = request.app[STORE]
    key = page_key(request, request[ORIGIN], store)
    if key is None:
        return
    page = PageResponse(
        response,
        request.get(SLOTTED, response.body),
        route=request[ROUTE],
        new_text=lambda: new_order_id(store.random).encode(),
    )
    store.public_pages.store(key, snapshot, page)


def _is_public(request: web.Request, response: web.StreamResponse) -> bool:
    """Return whether a response is a public page, and can be changed."""
    return (
        request[ROUTE] in PUBLIC_ROUTES
        and request.method in _READING
        and response.status == 200
        and isinstance(response, web.Response)
        and isinstance(response.body, bytes)
        and not response.prepared
        and not response.cookies
    )

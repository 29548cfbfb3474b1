# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the sitemap and the feeds.

A document is built once for each catalog, in a thread, since a large library
has tens of thousands of addresses.
"""

import hashlib
from typing import Final

from aiohttp import web

from msrv.web.caches import BuildDocument
from msrv.web.discovery import xml_documents
from msrv.web.errors import InvalidField, NotFound
from msrv.web.store import ORIGIN, STORE

_MAX_ARTIST: Final = 200
_MAX_AGE: Final = 300


async def sitemap(request: web.Request) -> web.Response:
    """Return the sitemap, or for a large catalog an index of several.

    `page` is the number of one of them. Raises NotFound past the last.
    """
    catalog = request.app[STORE].catalog.current
    stated = request.query.get("page", "")
    count = xml_documents.sitemap_count(catalog)
    if not stated:
        build: BuildDocument = (
            xml_documents.sitemap
            if count == 1
            else xml_documents.sitemap_index
        )
        return await _respond(request, "sitemap", "application/xml", build)
    if not (stated.isascii() and stated.isdigit() and len(stated) < 10):
        raise InvalidField("page", "must be a number, 1 or higher")
    page = int(stated)
    if not 1 <= page <= count:
        raise NotFound
    return await _respond(
        request,
        f"sitemap {page}",
        "application/xml",
        lambda catalog, base: xml_documents.sitemap(catalog, base, page),
    )


async def atom(request: web.Request) -> web.Response:
    """Return the newest releases as an Atom feed; `artist` selects some."""
    artist = _artist(request)
    return await _respond(
        request,
        f"atom {artist}",
        "application/atom+xml",
        lambda catalog, base: xml_documents.atom(catalog, base, artist),
    )


async def rss(request: web.Request) -> web.Response:
    """Return the newest releases as an RSS feed; `artist` selects some."""
    artist = _artist(request)
    return await _respond(
        request,
        f"rss {artist}",
        "application/rss+xml",
        lambda catalog, base: xml_documents.rss(catalog, base, artist),
    )


def _artist(request: web.Request) -> str:
    """Return the artist of a feed, empty for all. Raises NotFound."""
    stated = request.query.get("artist", "").strip()
    if not stated:
        return ""
    if len(stated) > _MAX_ARTIST:
        raise InvalidField(
            "artist", f"can have up to {_MAX_ARTIST} characters"
        )
    wanted = stated.casefold()
    for release in request.app[STORE].catalog.current.offered:
        if release.artist.casefold() == wanted:
            return release.artist
    raise NotFound


async def _respond(
    request: web.Request, name: str, media_type: str, build: BuildDocument
) -> web.Response:
    store = request.app[STORE]
    body = await store.documents.get(
        store.catalog.current, request[ORIGIN].base_url, name, build
    )
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"Cache-Control": f"public, max-age={_MAX_AGE}", "ETag": etag}
    if etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=body, content_type=media_type, charset="utf-8", headers=headers
    )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the sitemap, the feeds and the Canimus collection.

A document is built once for each catalog, in a thread, since a large library
has tens of thousands of addresses.
"""

import hashlib
from typing import Final

from aiohttp import web

from msrv.catalog.artists import Artist
from msrv.catalog.browsing.tag_index import Tag
from msrv.catalog.model import Catalog
from msrv.downloads.conditions import is_known_to_client
from msrv.translations import language_set_to, ngettext
from msrv.web.caches import BuildDocument
from msrv.web.discovery import canimus, xml_documents
from msrv.web.errors import InvalidField, NotFound
from msrv.web.forms import read_page_number
from msrv.web.languages import own_language
from msrv.web.shop.browsing.listing import find_tag
from msrv.web.store import ORIGIN, STORE

_MAX_ARTIST: Final = 200
_MAX_AGE: Final = 300


async def sitemap(request: web.Request) -> web.Response:
    """Return the sitemap, or for a large catalog an index of several.

    `page` is the number of one of them. Raises NotFound past the last.
    """
    store = request.app[STORE]
    catalog = store.catalog.current
    artists = await store.catalog_cache.artists(catalog)
    tags = (await store.catalog_cache.browsing(catalog)).tags
    count = xml_documents.sitemap_count(catalog, artists, tags)
    is_numbered = bool(request.query.get("page"))
    if not is_numbered and count > 1:
        return await _respond(
            request,
            "sitemap",
            "application/xml",
            lambda base: xml_documents.sitemap_index(
                catalog, artists, tags, base
            ),
        )
    page = read_page_number(request) if is_numbered else 1
    if page > count:
        raise NotFound
    return await _respond(
        request,
        f"sitemap {page}",
        "application/xml",
        lambda base: xml_documents.sitemap(catalog, artists, tags, base, page),
    )


async def atom(request: web.Request) -> web.Response:
    """Return the newest releases as an Atom feed, of an artist or a tag."""
    catalog = request.app[STORE].catalog.current
    of = await _subject(request, catalog)
    return await _respond(
        request,
        f"atom {_name(of)}",
        "application/atom+xml",
        lambda base: xml_documents.atom(catalog, base, of),
    )


async def rss(request: web.Request) -> web.Response:
    """Return the newest releases as an RSS feed, of an artist or a tag."""
    catalog = request.app[STORE].catalog.current
    of = await _subject(request, catalog)
    return await _respond(
        request,
        f"rss {_name(of)}",
        "application/rss+xml",
        lambda base: xml_documents.rss(catalog, base, of),
    )


async def canimus_collection(request: web.Request) -> web.Response:
    """Return the store's music as a Canimus collection."""
    store = request.app[STORE]
    catalog = store.catalog.current
    artists = await store.catalog_cache.artists(catalog)
    return await _respond(
        request,
        "canimus",
        canimus.MEDIA_TYPE,
        lambda base: canimus.collection(
            catalog, artists, base, store.previews.is_offered
        ),
    )


async def _subject(
    request: web.Request, catalog: Catalog
) -> Artist | Tag | None:
    """Return the artist or the tag of a feed, None for all.

    Raises NotFound for one without releases, and InvalidField.
    """
    slug = request.query.get("tag", "")
    if not slug:
        return await _artist(request, catalog)
    store = request.app[STORE]
    return find_tag(await store.catalog_cache.browsing(catalog), slug)


def _name(of: Artist | Tag | None) -> str:
    """Return the name of a subject in the cache."""
    if of is None:
        return ""
    return f"{'tag' if isinstance(of, Tag) else 'artist'} {of.slug}"


async def _artist(request: web.Request, catalog: Catalog) -> Artist | None:
    """Return the artist of a feed, None for all.

    Raises NotFound for one without releases, and InvalidField.
    """
    stated = request.query.get("artist", "").strip()
    if not stated:
        return None
    if len(stated) > _MAX_ARTIST:
        raise InvalidField(
            "artist",
            ngettext(
                "can have up to %(num)s character",
                "can have up to %(num)s characters",
                _MAX_ARTIST,
            ),
        )
    artists = await request.app[STORE].catalog_cache.artists(catalog)
    found = artists.find(stated)
    if found is None or not found.releases:
        raise NotFound
    return found


async def _respond(
    request: web.Request, name: str, media_type: str, build: BuildDocument
) -> web.Response:
    store = request.app[STORE]
    # The same for every visitor, so it is in the store's language.
    with language_set_to(own_language(request)):
        body = await store.documents.get(
            store.catalog.current, request[ORIGIN].base_url, name, build
        )
    # Weak: the same whether or not the response is compressed.
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "Cache-Control": f"public, max-age={_MAX_AGE}",
        "ETag": etag,
        "Vary": "Accept-Encoding",
    }
    if is_known_to_client(request.headers, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=body, content_type=media_type, charset="utf-8", headers=headers
    )

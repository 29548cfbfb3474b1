# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of artists: all of them, and each with releases, text and picture."""

from math import ceil
from typing import Final

from aiohttp import web
from markupsafe import Markup

from msrv.catalog.artists import Artist
from msrv.catalog.markdown import PAGE_LEVEL
from msrv.time_slices import TimeSlices
from msrv.web.discovery.text_metadata import (
    artist_metadata,
    artists_metadata,
)
from msrv.web.errors import NotFound
from msrv.web.forms import read_page_number
from msrv.web.rendering import respond_in_slices, wants_json
from msrv.web.shop import json_views
from msrv.web.store import ORIGIN, STORE
from msrv.web.texts.seller_pages import picture_response

PER_PAGE: Final = 60


async def show_all(request: web.Request) -> web.Response:
    """Return a page of the artists, by name. Raises NotFound past the end."""
    store = request.app[STORE]
    catalog = store.catalog.current
    artists = (await store.catalog_cache.artists(catalog)).by_name
    number, count = read_page_number(request), ceil(len(artists) / PER_PAGE)
    if number > max(1, count):
        raise NotFound
    shown = artists[(number - 1) * PER_PAGE : number * PER_PAGE]
    return await respond_in_slices(
        request,
        "artists.html",
        {
            "page": number,
            "pages": max(1, count),
            "total": len(artists),
            "artists": [_artist_json(each) for each in shown],
        },
        artists=shown,
        number=number,
        count=count,
        meta=artists_metadata(catalog.shop, request[ORIGIN].base_url, number),
    )


async def show(request: web.Request) -> web.Response:
    """Return an artist's releases, text and picture. Raises NotFound.

    Redirects from the address that the artist had in version 1.0.
    """
    store = request.app[STORE]
    artists = await store.catalog_cache.artists(store.catalog.current)
    former = artists.by_former_slug.get(request.match_info["artist"])
    if former is not None:
        # Not permanent: another artist may get that address.
        raise web.HTTPFound(f"/artists/{former.slug}")
    found = await _find(request)
    slices = await TimeSlices.start()
    profile = found.profile
    text = await store.catalog_cache.texts.render(
        profile.text if profile else "", first_level=PAGE_LEVEL, is_own=True
    )
    return await respond_in_slices(
        request,
        "artist.html",
        {
            **_artist_json(found),
            "text": profile.text if profile else "",
            "links": profile.links if profile else (),
            "releases": [
                await json_views.release(each, slices)
                for each in (*found.releases, *found.appearances)
            ]
            if wants_json(request)
            else [],
        },
        artist=found,
        text=Markup(text.html),  # noqa: S704 - rendered without raw HTML
        meta=artist_metadata(
            found,
            store.catalog.current.shop,
            request[ORIGIN].base_url,
            text.plain,
        ),
    )


async def picture(request: web.Request) -> web.StreamResponse:
    """Return the picture of an artist, in one of a few widths."""
    return await picture_response(request, (await _find(request)).picture)


def _artist_json(artist: Artist) -> json_views.Json:
    path = f"/artists/{artist.slug}"
    picture = artist.picture
    return {
        "artist": artist.name,
        "url": path,
        "picture": json_views.picture_path(path, picture) if picture else None,
    }


async def _find(request: web.Request) -> Artist:
    """Return the artist of a request's path. Raises NotFound."""
    store = request.app[STORE]
    artists = await store.catalog_cache.artists(store.catalog.current)
    found = artists.by_slug.get(request.match_info["artist"])
    if found is None:
        raise NotFound
    return found

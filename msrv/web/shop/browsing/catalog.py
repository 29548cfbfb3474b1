# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the catalog and of the pages of tags."""

from dataclasses import dataclass
from math import ceil
from typing import Final

from aiohttp import web
from markupsafe import Markup

from msrv.catalog.browsing.tag_index import Tag
from msrv.catalog.search import ReleaseMatch
from msrv.time_slices import TimeSlices
from msrv.translations import current_language
from msrv.web.discovery.catalog_metadata import (
    listing_metadata,
    tags_metadata,
)
from msrv.web.errors import NotFound
from msrv.web.forms import read_page_number
from msrv.web.public_pages.visitor import page_slots
from msrv.web.rendering import (
    json_response_in_slices,
    page_response,
    render_in_slices,
    respond,
    wants_json,
)
from msrv.web.shop import json_views
from msrv.web.shop.browsing.listing import Listing, find_tag
from msrv.web.store import ORIGIN, STORE

PER_PAGE: Final = 24
TAGS_PER_PAGE: Final = 240


@dataclass(frozen=True, slots=True)
class Pages:
    """One page of a list; pages are numbered from 1."""

    number: int
    count: int
    total: int
    per_page: int

    @property
    def entries(self) -> slice:
        """The slice of the entries on it."""
        first = (self.number - 1) * self.per_page
        return slice(first, first + self.per_page)


async def catalog_page(request: web.Request) -> web.Response:
    """Return a page of the releases that a search and filters select."""
    return await _list(request)


async def tag_page(request: web.Request) -> web.Response:
    """Return a page of the releases with a tag. Raises NotFound."""
    store = request.app[STORE]
    index = await store.catalog_cache.browsing(store.catalog.current)
    return await _list(request, find_tag(index, request.match_info["tag"]))


async def tags_page(request: web.Request) -> web.Response:
    """Return a page of all tags, by name. Raises NotFound past the end."""
    store = request.app[STORE]
    catalog = store.catalog.current
    tags = (await store.catalog_cache.browsing(catalog)).tags.by_name
    pages = _pages(request, len(tags), TAGS_PER_PAGE)
    shown = tags[pages.entries]
    return respond(
        request,
        "tags.html",
        {
            "page": pages.number,
            "pages": pages.count,
            "total": pages.total,
            "tags": [
                {
                    "tag": each.name,
                    "url": f"/tags/{each.slug}",
                    "releases": len(each.releases),
                }
                for each in shown
            ],
        },
        meta=tags_metadata(
            catalog.shop, request[ORIGIN].base_url, pages.number
        ),
        tags=shown,
        pages=pages,
    )


async def _list(
    request: web.Request, page_tag: Tag | None = None
) -> web.Response:
    store = request.app[STORE]
    catalog, cache = store.catalog.current, store.catalog_cache
    index = await cache.browsing(catalog)
    listing = Listing.parse(request, index, page_tag)
    selection = listing.selection
    if listing.words:
        found = await cache.search(catalog, listing.words, selection)
        pages = _pages(request, len(found))
        matches = found[pages.entries]
    else:
        releases = await cache.select(catalog, selection)
        pages = _pages(request, len(releases))
        matches = [ReleaseMatch(each, ()) for each in releases[pages.entries]]
    if wants_json(request):
        return await _json(listing, pages, matches)

    async def grid() -> Markup:
        context = {
            "matches": matches,
            "visitor": page_slots(request),
            "back": listing.path(pages.number),
        }
        # Rendered by an autoescaping template, so it is safe markup.
        return Markup(await render_in_slices(request, "grid.html", context))  # noqa: S704

    # Without a search the grid doesn't depend on the cart, and is the same for
    # all visitors with one language.
    return page_response(
        request,
        "catalog.html",
        meta=listing_metadata(
            listing,
            pages.number,
            matches[0].release if matches else None,
            catalog.shop,
            request[ORIGIN].base_url,
        ),
        listing=listing,
        rows=listing.rows(index),
        pages=pages,
        grid=await grid()
        if listing.words
        else await cache.page(
            catalog, selection, pages.number, current_language(), grid
        ),
    )


async def _json(
    listing: Listing, pages: Pages, matches: list[ReleaseMatch]
) -> web.Response:
    slices = await TimeSlices.start()
    tag = listing.page_tag or listing.tag
    return await json_response_in_slices(
        {
            "query": listing.words or None,
            "kind": listing.kind,
            "tag": tag.name if tag else None,
            "sort": listing.order,
            "page": pages.number,
            "pages": pages.count,
            "total": pages.total,
            "releases": [await _match(each, slices) for each in matches],
        }
    )


async def _match(match: ReleaseMatch, slices: TimeSlices) -> json_views.Json:
    return {
        **await json_views.release(match.release, slices),
        "matches": [each.item_id for each in match.items],
    }


def _pages(
    request: web.Request, total: int, per_page: int = PER_PAGE
) -> Pages:
    """Parse `page`. Raises InvalidField, and NotFound past the end."""
    number, count = read_page_number(request), max(1, ceil(total / per_page))
    if number > count:
        raise NotFound
    return Pages(number, count, total, per_page)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the storefront: front page, catalog and releases."""

from collections import Counter
from dataclasses import dataclass
from math import ceil
from typing import Final

from aiohttp import web
from markupsafe import Markup

from msrv.catalog.artists import Artist
from msrv.catalog.model import Catalog, ItemKind, Release
from msrv.catalog.search import ReleaseMatch
from msrv.orders.direct_purchase import DirectPurchase, direct_cart
from msrv.proofs.orders import new_order_id
from msrv.time_slices import TimeSlices
from msrv.translations import current_language, ngettext
from msrv.web import cookies, formatting, security_headers
from msrv.web.discovery.frame_code import SIZES, frame_code
from msrv.web.discovery.page_metadata import (
    front_metadata,
    release_metadata,
)
from msrv.web.errors import InvalidField, NotFound
from msrv.web.errors.fields import NO_ERRORS, FieldErrors
from msrv.web.forms import read_page_number
from msrv.web.rendering import (
    json_response_in_slices,
    page_response,
    page_response_in_slices,
    render_fragment,
    respond_in_slices,
    wants_json,
)
from msrv.web.shop import json_views
from msrv.web.shop.cart import cart_discount
from msrv.web.store import ORIGIN, STORE

PER_PAGE: Final = 24
NEWEST: Final = 6
RELATED: Final = 4
MAX_QUERY: Final = 200


@dataclass(frozen=True, slots=True)
class Pages:
    """One page of a list; pages are numbered from 1."""

    number: int
    count: int
    total: int

    @property
    def entries(self) -> slice:
        """The slice of the entries on it."""
        first = (self.number - 1) * PER_PAGE
        return slice(first, first + PER_PAGE)


async def front(request: web.Request) -> web.Response:
    """Return the front page: the store and its newest releases."""
    catalog = request.app[STORE].catalog.current
    newest = catalog.offered[:NEWEST]
    shop, slices = catalog.shop, TimeSlices()
    return await respond_in_slices(
        request,
        "front.html",
        {
            "store": shop.name,
            "tagline": shop.tagline,
            "contact": shop.contact,
            "catalog": "/catalog",
            "newest": [
                await json_views.release(each, slices) for each in newest
            ]
            if wants_json(request)
            else [],
        },
        meta=front_metadata(shop, request[ORIGIN].base_url),
        releases=newest,
        more=len(catalog.offered) > NEWEST,
    )


async def catalog_page(request: web.Request) -> web.Response:
    """Return a page of all releases, or of those that a search finds."""
    store = request.app[STORE]
    catalog = store.catalog.current
    cache = store.catalog_cache
    words = request.query.get("q", "").strip()
    if len(words) > MAX_QUERY:
        raise InvalidField(
            "q",
            ngettext(
                "can have up to %(num)s character",
                "can have up to %(num)s characters",
                MAX_QUERY,
            ),
        )
    if words:
        found = await cache.search(catalog, words)
        pages = _pages(request, len(found))
        matches = found[pages.entries]
    else:
        pages = _pages(request, len(catalog.offered))
        matches = [
            ReleaseMatch(each, ()) for each in catalog.offered[pages.entries]
        ]
    paging = {
        "query": words or None,
        "page": pages.number,
        "pages": pages.count,
        "total": pages.total,
    }
    if wants_json(request):
        slices = TimeSlices()
        releases = [await _match(each, slices) for each in matches]
        return await json_response_in_slices({**paging, "releases": releases})

    def grid() -> Markup:
        return render_fragment(
            request,
            "grid.html",
            matches=matches,
            in_cart=_in_cart(request, catalog) if words else frozenset(),
            back=request.path_qs,
        )

    # Without a search the grid doesn't depend on the cart, and is the same for
    # all visitors with one language.
    return page_response(
        request,
        "catalog.html",
        words=words,
        pages=pages,
        grid=grid()
        if words
        else cache.page(catalog, pages.number, current_language(), grid),
    )


async def _match(match: ReleaseMatch, slices: TimeSlices) -> json_views.Json:
    return {
        **await json_views.release(match.release, slices),
        "matches": [each.item_id for each in match.items],
    }


async def release_page(request: web.Request) -> web.Response:
    """Return a release: its tracks, their previews and prices."""
    catalog = request.app[STORE].catalog.current
    found = find_release(catalog, request.match_info["release"])
    if found is None:
        raise NotFound
    if found.release_id != request.match_info["release"]:
        # Not permanent: a folder may get its old name back.
        raise web.HTTPFound(json_views.release_path(found))
    if wants_json(request):
        playable = playable_ids(request, found)
        data = await json_views.release(found, TimeSlices())
        for each in data["items"]:
            item_id = each["item_id"]
            path = f"/previews/{item_id}" if item_id in playable else None
            each["preview"] = path
        return await json_response_in_slices(data)
    return await show_release(request, found)


async def show_release(
    request: web.Request, found: Release, errors: FieldErrors = NO_ERRORS
) -> web.Response:
    """Return the page of a release; 422 with errors of its fields."""
    store = request.app[STORE]
    catalog = store.catalog.current
    offer = await _offer(request, found)
    artists = await store.catalog_cache.artists(catalog)
    artist = artists.find(found.artist)
    texts = store.catalog_cache.texts
    text = await texts.render(found.description)
    credit = await texts.render(found.credits)
    response = await page_response_in_slices(
        request,
        "release.html",
        status=422 if errors.messages else 200,
        errors=errors,
        meta=release_metadata(
            found, catalog.shop, request[ORIGIN].base_url, text.plain
        ),
        text=Markup(text.html),  # noqa: S704 - rendered without raw HTML
        credits=Markup(credit.html),  # noqa: S704 - as above
        artist=artist,
        artists=artists,
        related=_related(found, artist),
        frame_code=frame_code(
            found,
            request[ORIGIN].base_url,
            width=SIZES["medium"].width,
            height=SIZES["medium"].height,
        ),
        release=found,
        facts=_facts(found),
        offer=offer,
        attempt=new_order_id(store.random),
        playable=playable_ids(request, found),
        in_cart=_in_cart(request, catalog),
    )
    if offer is not None:
        security_headers.allow_payment(response, offer.providers)
    return response


def find_release(catalog: Catalog, release_id: str) -> Release | None:
    """Return a release that isn't hidden, by its id or a former one."""
    release_id = catalog.moved.get(release_id, release_id)
    found = catalog.releases_by_id.get(release_id)
    return None if found is None or found.hidden else found


def _related(release: Release, artist: Artist | None) -> list[Release]:
    """Return other releases by the same artist, the first few."""
    if artist is None:
        return []
    others = (*artist.releases, *artist.appearances)
    return [each for each in others if each.release_id != release.release_id][
        :RELATED
    ]


def playable_ids(request: web.Request, release: Release) -> frozenset[str]:
    """Return the ids of a release's items that have a preview."""
    previews = request.app[STORE].previews
    return frozenset(
        each.item_id for each in release.offered if previews.is_offered(each)
    )


async def _offer(
    request: web.Request, release: Release
) -> DirectPurchase | None:
    """Return what the page's button buys, with the visitor's discount."""
    cart = direct_cart(release)
    if cart is None:
        return None
    store = request.app[STORE]
    return DirectPurchase.of(
        cart,
        await cart_discount(request, cart),
        catalog=store.catalog.current,
        checkout=store.checkout,
    )


def _facts(release: Release) -> list[str]:
    """Return the facts that a buyer compares: length, formats, size."""
    offered = release.offered
    tracks = [each for each in offered if each.kind is ItemKind.TRACK]
    minutes = round(sum(each.duration_seconds or 0 for each in tracks) / 60)
    formats = Counter(
        each.file_name.rpartition(".")[2].upper() for each in offered
    )
    facts = [formatting.listed(name for name, _ in formats.most_common(4))]
    if tracks:
        count = ngettext("%(num)s track", "%(num)s tracks", len(tracks))
        length = ngettext("%(num)s min", "%(num)s min", minutes)
        facts.insert(
            0, formatting.listed([count, length] if minutes else [count])
        )
    elif len(offered) > 1:
        facts.insert(
            0, ngettext("%(num)s file", "%(num)s files", len(offered))
        )
    return [*facts, formatting.size(release.size_bytes)]


def _in_cart(request: web.Request, catalog: Catalog) -> frozenset[str]:
    return frozenset(cookies.read_cart(request, catalog).item_ids)


def _pages(request: web.Request, total: int) -> Pages:
    """Parse `page`. Raises InvalidField, and NotFound past the end."""
    number, count = read_page_number(request), max(1, ceil(total / PER_PAGE))
    if number > count:
        raise NotFound
    return Pages(number, count, total)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the storefront: front page and releases."""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from aiohttp import web
from markupsafe import Markup

from msrv.catalog.artists import Artist
from msrv.catalog.model import Catalog, Release
from msrv.catalog.texts.release_texts import NO_TEXTS, Texts, TextsUnreadable
from msrv.orders import pricing
from msrv.orders.direct_purchase import DirectPurchase, direct_cart
from msrv.time_slices import TimeSlices
from msrv.web import security_headers
from msrv.web.discovery.frame_code import SIZES, frame_code
from msrv.web.discovery.page_metadata import (
    front_metadata,
    release_metadata,
)
from msrv.web.errors import NotFound
from msrv.web.errors.fields import NO_ERRORS, FieldErrors
from msrv.web.public_pages.visitor import page_slots
from msrv.web.rendering import (
    json_response_in_slices,
    page_response_in_slices,
    respond_in_slices,
    wants_json,
)
from msrv.web.shop import json_views
from msrv.web.shop.browsing.listening import playable_tracks
from msrv.web.shop.browsing.release_facts import detail_rows, headline_facts
from msrv.web.shop.cart import cart_discount
from msrv.web.store import INCOMPLETE, ORIGIN, STORE
from msrv.web.texts.track_texts import shown_texts, texts_json

NEWEST: Final = 6
RELATED: Final = 4
_DESCRIPTION: Final = (
    '</openapi.json>; rel="service-desc"; type="application/json"'
)
"""Value of the header `Link`, to the description of the JSON (RFC 8631)."""


async def front(request: web.Request) -> web.Response:
    """Return the front page: featured releases, and the first others."""
    catalog = request.app[STORE].catalog.current
    shop, slices = catalog.shop, await TimeSlices.start()
    featured = _featured(catalog)
    first = {each.release_id for each in featured}
    newest = list(
        islice(
            (each for each in catalog.offered if each.release_id not in first),
            NEWEST,
        )
    )
    response = await respond_in_slices(
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
            "featured": [each.release_id for each in featured],
        },
        meta=front_metadata(
            shop,
            next(iter([*featured, *newest]), None),
            request[ORIGIN].base_url,
        ),
        featured=featured,
        releases=newest,
        more=len(catalog.offered) > len(featured) + len(newest),
    )
    response.headers["Link"] = _DESCRIPTION
    return response


def _featured(catalog: Catalog) -> list[Release]:
    """Return the releases that come first on the front page."""
    found = map(catalog.releases_by_id.get, catalog.shop.featured)
    return [
        each for each in found if each and each.offered and not each.hidden
    ]


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
        playable = playable_tracks(request, found)
        data = await json_views.release(found, await TimeSlices.start())
        texts = await _track_texts(request, found)
        for each in data["items"]:
            item_id = each["item_id"]
            each.update(texts_json(texts.get(item_id)))
            source = playable.get(item_id)
            each["preview"] = f"/previews/{item_id}" if source else None
            each["preview_is_whole"] = bool(source and source.is_whole)
            each["waveform"] = (source and source.waveform_href) or None
        data["formats"] = [
            json_views.release_format(each)
            for each in request.app[STORE].formats.of_release(found)
        ]
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
    tags = (await store.catalog_cache.browsing(catalog)).tags
    related = _related(found, artist)
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
        track_texts=shown_texts(found, await _track_texts(request, found)),
        artist=artist,
        artists=artists,
        related=related,
        frame_code=frame_code(
            found,
            request[ORIGIN].base_url,
            width=SIZES["medium"].width,
            height=SIZES["medium"].height,
        ),
        release=found,
        facts=headline_facts(found),
        details=detail_rows(found, store.formats.of_release(found)),
        tags=tags.of_release(found),
        similar=tags.related(found, without=related, most=RELATED),
        offer=offer,
        attempt=page_slots(request).attempt,
        playable=playable_tracks(request, found),
    )
    security_headers.allow_payment(response, store.providers)
    return response


async def _track_texts(request: web.Request, release: Release) -> Texts:
    """Return the texts of a release's tracks, none while they can't be read.

    The response isn't cached then, so that the next one may have them.
    """
    try:
        return await request.app[STORE].catalog_cache.release_texts.of(release)
    except TextsUnreadable:
        request[INCOMPLETE] = True
        return NO_TEXTS


def find_release(catalog: Catalog, release_id: str) -> Release | None:
    """Return a release that isn't hidden, by its id or a former one."""
    release_id = catalog.moved.get(release_id, release_id)
    found = catalog.releases_by_id.get(release_id)
    return None if found is None or found.hidden else found


def posting_release(
    request: web.Request, form: Mapping[str, str]
) -> Release | None:
    """Return the release on whose page a form is, None for another page."""
    if form.get("page") != "release":
        return None
    catalog = request.app[STORE].catalog.current
    entry = pricing.find_offered(catalog, form.get("item", ""))
    return catalog.releases_by_id[entry.release_id] if entry else None


def _related(release: Release, artist: Artist | None) -> list[Release]:
    """Return other releases by the same artist, the first few."""
    if artist is None:
        return []
    first = RELATED + 1
    others = (*artist.releases[:first], *artist.appearances[:first])
    return [each for each in others if each.release_id != release.release_id][
        :RELATED
    ]


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

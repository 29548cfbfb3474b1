# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the theme and its files, icons, and drawn covers."""

import asyncio
from functools import lru_cache
from typing import Final

from aiohttp import web

from msrv.catalog.live_catalog import NotReady
from msrv.catalog.model import Shop
from msrv.catalog.theme.theme_files import ThemeFile
from msrv.web.appearance import drawn_covers, icons
from msrv.web.appearance.themes import theme_stylesheet
from msrv.web.errors import NotFound
from msrv.web.shop.media import respond_with_asset
from msrv.web.shop.storefront import find_release
from msrv.web.static_files import Asset, prepare
from msrv.web.store import STORE

_DRAWING_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
    "sandbox"
)
"""Policy of the seller's SVG, which can't run a script anywhere."""


async def theme_css(request: web.Request) -> web.StreamResponse:
    """Return the stylesheet with the store's own colours."""
    sheet = theme_stylesheet(_shop(request))
    return respond_with_asset(request, prepare("text/css", sheet.encode()))


async def page_icon(request: web.Request) -> web.StreamResponse:
    """Return the icon of the store's pages."""
    shop = _shop(request)
    return respond_with_asset(
        request, icons.page_icon(shop), icons.icon_version(shop)
    )


async def touch_icon(request: web.Request) -> web.StreamResponse:
    """Return the icon for home screens, and for programs without SVG."""
    shop = _shop(request)
    icon = await asyncio.to_thread(icons.touch_icon, shop)
    return respond_with_asset(request, icon, icons.icon_version(shop))


async def drawn_cover(request: web.Request) -> web.StreamResponse:
    """Return the cover of a release without a picture. Raises NotFound."""
    catalog = request.app[STORE].catalog.current
    found = find_release(catalog, request.match_info["release"])
    if found is None:
        raise NotFound
    svg = drawn_covers.drawn_cover(found.release_id, found.title, found.artist)
    return respond_with_asset(
        request,
        prepare("image/svg+xml", svg),
        drawn_covers.cover_version(found),
    )


async def theme_file(request: web.Request) -> web.StreamResponse:
    """Return a file of the store's look, by its name. Raises NotFound."""
    name = request.match_info["name"]
    for file in _shop(request).theme_files:
        if file.name == name:
            break
    else:
        raise NotFound
    response = respond_with_asset(
        request, _prepared(file), version=file.version
    )
    if file.media_type == "image/svg+xml":
        response.headers["Content-Security-Policy"] = _DRAWING_POLICY
    return response


@lru_cache(maxsize=16)
def _prepared(file: ThemeFile) -> Asset:
    """Return a file as an asset, packed once."""
    return prepare(file.media_type, file.data)


def _shop(request: web.Request) -> Shop:
    """Return the store's presentation; the default until it is known."""
    try:
        return request.app[STORE].catalog.current.shop
    except NotReady:
        return Shop()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the theme, icons and drawn covers.

Apart from the package's files, which are the same for every store.
"""

import asyncio

from aiohttp import web

from msrv.catalog.live_catalog import NotReady
from msrv.catalog.model import Shop
from msrv.web.appearance import drawn_covers, icons
from msrv.web.appearance.themes import theme_stylesheet
from msrv.web.errors import NotFound
from msrv.web.shop.media import respond_with_asset
from msrv.web.shop.storefront import find_release
from msrv.web.static_files import prepare
from msrv.web.store import STORE


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


def _shop(request: web.Request) -> Shop:
    """Return the store's presentation; the default until it is known."""
    try:
        return request.app[STORE].catalog.current.shop
    except NotReady:
        return Shop()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Releases inside of other sites' pages: the frame, and oEmbed for it.

The frame's page is the only one that may be framed. It plays previews and
links to the store; it has no form, and sets no cookie. Browsers send none
of the store's to another site's frame.
oEmbed: oembed.com.
"""

from typing import Any, Final
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from aiohttp import web

from msrv.catalog.covers import SHARED_WIDTH
from msrv.catalog.model import Catalog, Cover, Release
from msrv.translations import gettext, set_language
from msrv.web import formatting, security_headers
from msrv.web.discovery.frame_code import SIZES, frame_code
from msrv.web.discovery.page_metadata import title_with_artist
from msrv.web.discovery.xml_output import add_text, to_document
from msrv.web.errors import InvalidField, NotFound
from msrv.web.languages import own_language
from msrv.web.rendering import page_response_in_slices
from msrv.web.shop.browsing.listening import playable_tracks
from msrv.web.shop.json_views import (
    cover_path,
    release_path,
    shared_cover_path,
)
from msrv.web.shop.storefront import find_release
from msrv.web.store import ORIGIN, STORE

_MAX_ADDRESS: Final = 2000
_COVER_WIDTHS: Final = (640, 320, 160)
_DRAWN_SIDES: Final = (SHARED_WIDTH, SHARED_WIDTH)
_MIN_LENGTH: Final = 100
_CACHE_SECONDS: Final = 3600


async def show(request: web.Request) -> web.Response:
    """Return a release for a frame; `size` is a name in SIZES.

    Raises NotFound, InvalidField.
    """
    store = request.app[STORE]
    catalog = store.catalog.current
    release = find_release(catalog, request.match_info["release"])
    if release is None:
        raise NotFound
    name = request.query.get("size", "medium")
    if name not in SIZES:
        raise InvalidField(
            "size",
            gettext(
                "must be one of %(choices)s", choices=formatting.listed(SIZES)
            ),
        )
    playable = playable_tracks(request, release)
    tracks = [each for each in release.offered if each.item_id in playable]
    response = await page_response_in_slices(
        request,
        "embed.html",
        release=release,
        size=name,
        playable=playable,
        tracks=tracks[: SIZES[name].tracks],
        address=request[ORIGIN].base_url + release_path(release),
    )
    response.headers["Content-Security-Policy"] = (
        security_headers.EMBEDDED_POLICY
    )
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


async def oembed(request: web.Request) -> web.Response:
    """Return how to embed the release at `url`, as JSON or XML (`format`).

    Raises NotFound for an address that is no release's, and HTTPNotImplemented
    for another format.
    """
    form = request.query.get("format", "json")
    if form not in {"json", "xml"}:
        raise web.HTTPNotImplemented
    base_url = request[ORIGIN].base_url
    catalog = request.app[STORE].catalog.current
    release = _release_at(request.query.get("url", ""), base_url, catalog)
    size = SIZES["medium"]
    # The same for every visitor, so it is in the store's language.
    set_language(own_language(request))
    data: dict[str, Any] = {
        "version": "1.0",
        "type": "rich",
        "title": title_with_artist(release),
        "provider_name": catalog.shop.name,
        "provider_url": f"{base_url}/",
        "cache_age": _CACHE_SECONDS,
        "width": _limit(request, "maxwidth", size.width),
        "height": _limit(request, "maxheight", size.height),
    }
    data["html"] = frame_code(
        release, base_url, width=data["width"], height=data["height"]
    )
    if release.artist:
        data["author_name"] = release.artist
    data.update(_thumbnail(request, release, base_url))
    headers = {
        "Cache-Control": f"public, max-age={_CACHE_SECONDS}",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if form == "json":
        return web.json_response(data, headers=headers)
    root = Element("oembed")
    for name, value in data.items():
        add_text(root, name, str(value))
    return web.Response(
        body=to_document(root),
        content_type="text/xml",
        charset="utf-8",
        headers=headers,
    )


def _thumbnail(
    request: web.Request, release: Release, base_url: str
) -> dict[str, Any]:
    """Return the address and the size of a release's largest picture.

    It is within both limits of the query; nothing where none is.
    """
    cover = release.cover
    pictures = (
        [(shared_cover_path(release), *_DRAWN_SIDES)]
        if cover is None
        else [
            (cover_path(release, cover, each), *_scaled(cover, each))
            for each in _COVER_WIDTHS
        ]
    )
    most_width = _stated(request, "maxwidth")
    most_height = _stated(request, "maxheight")
    for path, width, height in pictures:
        if (most_width is None or width <= most_width) and (
            most_height is None or height <= most_height
        ):
            return {
                "thumbnail_url": base_url + path,
                "thumbnail_width": width,
                "thumbnail_height": height,
            }
    return {}


def _scaled(cover: Cover, side: int) -> tuple[int, int]:
    """Return the size of a cover whose longer side is at most `side`."""
    scale = min(1.0, side / max(cover.width, cover.height))
    return (
        max(1, round(cover.width * scale)),
        max(1, round(cover.height * scale)),
    )


def _release_at(address: str, base_url: str, catalog: Catalog) -> Release:
    """Return the release at an address of this store. Raises NotFound."""
    if len(address) > _MAX_ADDRESS or not address.startswith(f"{base_url}/"):
        raise NotFound
    try:
        path = urlsplit(address).path.rstrip("/")
    except ValueError:
        raise NotFound from None
    folder, _, release_id = path.rpartition("/")
    found = find_release(catalog, release_id)
    if folder not in {"/catalog", "/embed"} or found is None:
        raise NotFound
    return found


def _limit(request: web.Request, name: str, length: int) -> int:
    """Return a length in pixels, up to the limit in the query.

    No less than _MIN_LENGTH: a smaller frame shows nothing.
    """
    most = _stated(request, name)
    return length if most is None else max(_MIN_LENGTH, min(length, most))


def _stated(request: web.Request, name: str) -> int | None:
    """Return a limit in the query, None without one."""
    text = request.query.get(name, "")
    is_number = text.isascii() and text.isdigit() and len(text) < 6
    return int(text) if is_number else None

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of static files, covers, keys, and files for programs.

The latter are robots.txt and security.txt.
"""

import asyncio
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from msrv.catalog.covers import SHARED_WIDTH, WIDTHS
from msrv.catalog.model import Release
from msrv.proofs.receipts import jwks
from msrv.web.appearance import drawn_covers
from msrv.web.errors import NotFound
from msrv.web.formatting import contact_url
from msrv.web.shop.downloads import cache_control
from msrv.web.shop.json_views import version_of
from msrv.web.shop.storefront import find_release
from msrv.web.static_files import Asset, accepts_gzip, prepare
from msrv.web.store import ORIGIN, STORE

ROBOTS: Final = """\
User-agent: *
Disallow: /cart
Disallow: /checkout
Disallow: /download/
Disallow: /gifts/
Disallow: /lost
Disallow: /payments/
Disallow: /purchases
Disallow: /verify
"""


async def static(request: web.Request) -> web.StreamResponse:
    """Return one of the package's static files. Raises NotFound."""
    found = request.app[STORE].assets.get(request.match_info["name"])
    if found is None:
        raise NotFound
    return respond_with_asset(request, found)


async def cover(request: web.Request) -> web.StreamResponse:
    """Return a release's cover in one of a few widths. Raises NotFound.

    The suffix `.avif` selects the smaller format. It is part of the address,
    so that no cache has to tell browsers apart by `Accept`.
    """
    store = request.app[STORE]
    catalog = store.catalog.current
    found = find_release(catalog, request.match_info["release"])
    width = int(request.match_info["width"])
    if found is None or width not in WIDTHS:
        raise NotFound
    as_avif = request.path.endswith(".avif")
    if as_avif and width == SHARED_WIDTH:
        raise NotFound
    if found.cover is None:
        return await _painted_cover(request, found, width)
    picture = await store.covers.image(found.cover, width, as_avif=as_avif)
    return respond_with_data(
        request,
        picture.data,
        picture.media_type,
        picture.etag,
        version_of(found.cover.content),
    )


async def _painted_cover(
    request: web.Request, release: Release, width: int
) -> web.StreamResponse:
    """Return a drawn cover for link previews. Raises NotFound."""
    if width != SHARED_WIDTH:
        raise NotFound
    data = await asyncio.to_thread(
        drawn_covers.painted_cover, release.release_id, width
    )
    picture = prepare("image/jpeg", data)
    return respond_with_asset(
        request, picture, drawn_covers.cover_version(release)
    )


async def keys(request: web.Request) -> web.Response:
    """Return the keys with which anyone can verify a receipt (RFC 7517)."""
    return web.json_response(
        jwks(request.app[STORE].keyring),
        content_type="application/jwk-set+json",
        headers={
            "Cache-Control": "public, max-age=3600",
            # Receipts can be verified by pages of other origins, too.
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Access-Control-Allow-Origin": "*",
        },
    )


async def robots(request: web.Request) -> web.Response:
    """Return the paths that crawlers are asked to skip, and the sitemap."""
    base_url = request[ORIGIN].base_url
    return web.Response(text=f"{ROBOTS}\nSitemap: {base_url}/sitemap.xml\n")


async def security_txt(request: web.Request) -> web.Response:
    """Return where to report a vulnerability (RFC 9116). Raises NotFound.

    A store whose contact has no URL has no such file.
    """
    store = request.app[STORE]
    contact = contact_url(store.catalog.current.shop.contact)
    if not contact:
        raise NotFound
    fields = {
        "Contact": contact,
        "Expires": _expiry(store.clock()),
        "Preferred-Languages": "en",
    }
    base_url = request[ORIGIN].base_url
    if base_url.startswith("https://"):
        fields["Canonical"] = f"{base_url}{request.path}"
    return web.Response(
        text="".join(f"{name}: {value}\n" for name, value in fields.items()),
        headers={"Cache-Control": "public, max-age=3600"},
    )


def _expiry(now: int) -> str:
    """Return the first day of a month, five to six months after a time.

    All replicas state the same, and RFC 9116 advises less than a year.
    """
    at = datetime.fromtimestamp(now, UTC)
    years, month = divmod(at.month - 1 + 6, 12)
    return f"{at.year + years}-{month + 1:02d}-01T00:00:00Z"


def respond_with_asset(
    request: web.Request, asset: Asset, version: str | None = None
) -> web.StreamResponse:
    """Return a file from memory, packed if the client accepts that.

    `version` is the current `?v=`, by default the digest of the file.
    """
    version = version or asset.version
    if not accepts_gzip(request.headers):
        return respond_with_data(
            request, asset.data, asset.media_type, asset.etag, version
        )
    response = respond_with_data(
        request, asset.packed, asset.media_type, asset.packed_etag, version
    )
    if response.status == 200:
        response.headers["Content-Encoding"] = "gzip"
    return response


def respond_with_data(
    request: web.Request,
    data: bytes,
    media_type: str,
    etag: str,
    version: str,
) -> web.StreamResponse:
    """Return bytes from memory, or 304 where the client has them.

    An address with the current `?v=` never changes. One with another version
    is revalidated each time: it may be from a replica with another release.
    """
    if etag in request.headers.get("If-None-Match", ""):
        response = web.Response(status=304)
    else:
        response = web.Response(body=data, content_type=media_type)
        if media_type.startswith("text/"):
            response.charset = "utf-8"
    if media_type.startswith("text/") or media_type.endswith("+xml"):
        response.headers["Vary"] = "Accept-Encoding"
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = cache_control(request, version)
    return response

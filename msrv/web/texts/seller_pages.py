# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of the pages that the seller wrote, and of their pictures."""

from aiohttp import web
from markupsafe import Markup

from msrv.catalog.covers import SHARED_WIDTH, WIDTHS
from msrv.catalog.markdown import PAGE_LEVEL
from msrv.catalog.model import Cover, Page
from msrv.catalog.texts.text_folders import page_slug
from msrv.web.discovery.text_metadata import page_metadata
from msrv.web.errors import NotFound
from msrv.web.rendering import respond
from msrv.web.shop.json_views import picture_path, version_of
from msrv.web.shop.media import respond_with_data
from msrv.web.store import ORIGIN, STORE


async def show(request: web.Request) -> web.Response:
    """Return a page that the seller wrote. Raises NotFound.

    A page whose file was moved beside store.toml, as a legal text, is
    redirected to that.
    """
    _redirect_to_legal_text(request)
    store = request.app[STORE]
    catalog = store.catalog.current
    page = _find(request)
    text = await store.catalog_cache.texts.render(
        page.text, first_level=PAGE_LEVEL
    )
    path = f"/pages/{page.slug}"
    return respond(
        request,
        "page.html",
        {
            "page": page.slug,
            "title": page.title,
            "text": page.text,
            "picture": picture_path(path, page.picture)
            if page.picture
            else None,
        },
        page=page,
        text=Markup(text.html),  # noqa: S704 - rendered without raw HTML
        meta=page_metadata(
            page, catalog.shop, request[ORIGIN].base_url, text.plain
        ),
    )


async def picture(request: web.Request) -> web.StreamResponse:
    """Return the picture of a page, in one of a few widths."""
    return await picture_response(request, _find(request).picture)


async def picture_response(
    request: web.Request, found: Cover | None
) -> web.StreamResponse:
    """Return a text's picture, as wide as requested. Raises NotFound.

    The suffix `.avif` selects that format, as in the address of a cover.
    """
    width = int(request.match_info["width"])
    as_avif = request.path.endswith(".avif")
    if found is None or width not in WIDTHS:
        raise NotFound
    if as_avif and width == SHARED_WIDTH:
        raise NotFound
    image = await request.app[STORE].covers.image(
        found, width, as_avif=as_avif
    )
    return respond_with_data(
        request,
        image.data,
        image.media_type,
        image.etag,
        version_of(found.content),
    )


def _redirect_to_legal_text(request: web.Request) -> None:
    """Raise a redirect where a page has become a legal text."""
    catalog = request.app[STORE].catalog.current
    wanted = request.match_info["page"]
    if any(page.slug == wanted for page in catalog.pages):
        return
    for text in catalog.shop.legal.texts:
        if page_slug(text.file_name.rpartition(".")[0]) == wanted:
            raise web.HTTPPermanentRedirect(text.path)


def _find(request: web.Request) -> Page:
    """Return the page of a request's path. Raises NotFound."""
    wanted = request.match_info["page"]
    for page in request.app[STORE].catalog.current.pages:
        if page.slug == wanted:
            return page
    raise NotFound

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Responses as HTML or JSON, negotiated by the `Accept` header.

A handler passes a template with its context and the same facts as data; the
header decides which of the two is sent.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import aiohttp_jinja2
from aiohttp import web
from jinja2 import PackageLoader, StrictUndefined

from msrv import time_slices
from msrv.catalog.live_catalog import NotReady
from msrv.catalog.model import Page, Shop
from msrv.translations import Language, current_language, format_number
from msrv.translations.dates import format_interval
from msrv.translations.sizes import format_size
from msrv.translations.templates import EXTENSIONS, install_translations
from msrv.web import cookies, formatting
from msrv.web.appearance.compiled_templates import (
    FOLDER_NAME,
    CompiledTemplates,
)
from msrv.web.appearance.drawn_covers import drawn_cover_path
from msrv.web.appearance.page_appearance import PageAppearance
from msrv.web.errors import ErrorPage, NotAcceptable
from msrv.web.languages import LanguageChoice, language_choice
from msrv.web.public_pages.page_slots import PageSlots
from msrv.web.public_pages.visitor import page_slots, visitor_parts
from msrv.web.store import AS_JSON, STORE, TEMPLATE

HTML: Final = "text/html"
JSON: Final = "application/json"
PRIVATE: Final = "private, no-store"
_NEWEST: Final = 100
_SEVERAL: Final = 4
"""Artists among the newest releases from which on a list of them helps."""

_NEGOTIATED_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Vary": "Accept, Accept-Language, Cookie",
}

_MEDIA_RANGE: Final = re.compile(
    r"\s*([\w!#$%&'*+.^`|~-]+)/([\w!#$%&'*+.^`|~-]+)\s*((?:;[^,]*)?)"
)
_ANY: Final = re.compile(r"^\s*\*(?=\s*(?:;|$))")
_QUALITY: Final = re.compile(
    r";\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Chrome:
    """The parts of a page around its main content.

    `pages` are those that the seller wrote. `has_artists` is True where there
    are several, so that a list of them helps. `started_payment` is the path
    that says what became of the visitor's payment, empty without one.
    """

    shop: Shop
    pages: tuple[Page, ...]
    has_artists: bool
    look: PageAppearance
    style_url: str
    release_style_url: str
    checkout_style_url: str
    script_url: str
    player_url: str
    visitor: PageSlots
    started_payment: str
    payments_are_simulated: bool
    source_url: str
    language: Language
    languages: LanguageChoice
    static_url: Callable[[str], str]
    """Returns the address of a file of `static/`, by its name."""


def wants_json(request: web.BaseRequest) -> bool:
    """Return whether the client prefers JSON to HTML (RFC 9110, 12.5.1).

    HTML wins a tie. Malformed entries are skipped; a header without a valid
    entry counts as absent, and `*` as `*/*`. Raises NotAcceptable if neither
    is acceptable. A program with a token gets JSON in any case.
    """
    if request.get(AS_JSON):
        return True
    header = ",".join(request.headers.getall("Accept", ()))
    if not header.strip():
        return False
    html, json = _qualities(header[:4096])
    if html == json == 0:
        raise NotAcceptable
    return json > html


@lru_cache(maxsize=128)
def _qualities(header: str) -> tuple[float, float]:
    """Return the quality of HTML and of JSON, by the most specific range."""
    best = {HTML: (-1, 0.0), JSON: (-1, 0.0)}
    has_valid_entry = False
    for entry in header.split(","):
        match = _MEDIA_RANGE.fullmatch(_ANY.sub("*/*", entry, count=1))
        if match is None:
            continue
        has_valid_entry = True
        kind, subtype = match[1].lower(), match[2].lower()
        stated = _QUALITY.search(match[3])
        quality = float(stated[1]) if stated else 1.0
        for media_type, (known, _) in best.items():
            if f"{kind}/{subtype}" == media_type:
                rank = 2
            elif subtype == "*" and kind == media_type.partition("/")[0]:
                rank = 1
            elif kind == subtype == "*":
                rank = 0
            else:
                continue
            if rank > known:
                best[media_type] = (rank, quality)
    return (best[HTML][1], best[JSON][1]) if has_valid_entry else (1.0, 1.0)


def respond(
    request: web.Request,
    template: str,
    data: Mapping[str, Any],
    *,
    status: int = 200,
    cache_control: str = "no-cache",
    **context: Any,  # noqa: ANN401 - a template's context
) -> web.Response:
    """Return a page or JSON; both vary by visitor and by `Accept`."""
    if wants_json(request):
        response = json_response(data, status=status)
    else:
        response = page_response(request, template, status=status, **context)
    response.headers["Cache-Control"] = cache_control
    return response


async def respond_in_slices(
    request: web.Request,
    template: str,
    data: Mapping[str, Any],
    *,
    status: int = 200,
    cache_control: str = "no-cache",
    **context: Any,  # noqa: ANN401 - a template's context
) -> web.Response:
    """Return the response of `respond`, for long content.

    It is rendered in slices: other requests are served in between.
    """
    if wants_json(request):
        response = await json_response_in_slices(data, status=status)
    else:
        response = await page_response_in_slices(
            request, template, status=status, **context
        )
    response.headers["Cache-Control"] = cache_control
    # A large response is sent apart from encoding it.
    await asyncio.sleep(0)
    return response


async def json_response_in_slices(
    data: Mapping[str, Any], *, status: int = 200
) -> web.Response:
    """Return the response of `json_response`, rendered in slices."""
    return web.Response(
        text=await time_slices.dumps(dict(data)),
        content_type=JSON,
        status=status,
        headers=_NEGOTIATED_HEADERS,
    )


async def page_response_in_slices(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    **context: Any,  # noqa: ANN401 - a template's context
) -> web.Response:
    """Return the response of `page_response`, rendered in slices."""
    context |= {"chrome": _chrome(request), "path": request.path}
    text = await render_in_slices(request, template, context)
    # A large page is split, filled in and encoded in steps of their own.
    await asyncio.sleep(0)
    split = request[TEMPLATE] = page_slots(request).split(text)
    await asyncio.sleep(0)
    filled = split.fill(visitor_parts(request))
    await asyncio.sleep(0)
    return _page(filled, status)


def json_response(
    data: Mapping[str, Any], *, status: int = 200
) -> web.Response:
    """Return a JSON response; another `Accept` may get HTML."""
    return web.json_response(
        dict(data), status=status, headers=_NEGOTIATED_HEADERS
    )


def page_response(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    **context: Any,  # noqa: ANN401 - a template's context
) -> web.Response:
    """Return a rendered template, with the store's chrome."""
    page = {"chrome": _chrome(request), "path": request.path}
    found = aiohttp_jinja2.get_env(request.app).get_template(template)
    text = found.render({**page, **context})
    split = request[TEMPLATE] = page_slots(request).split(text)
    return _page(split.fill(visitor_parts(request)), status)


def _page(text: str, status: int) -> web.Response:
    language = current_language().tag
    return web.Response(
        text=text,
        content_type=HTML,
        charset="utf-8",
        status=status,
        headers={**_NEGOTIATED_HEADERS, "Content-Language": language},
    )


async def render_in_slices(
    request: web.Request, template: str, context: Mapping[str, Any]
) -> str:
    """Return a page or a part of one; others are served in between."""
    found = aiohttp_jinja2.get_env(request.app).get_template(template)
    slices = await time_slices.TimeSlices.start()
    pieces = [each async for each in slices.iterate(found.generate(context))]
    # A large page is joined apart from the last of its pieces.
    await asyncio.sleep(0)
    return "".join(pieces)


def error_response(request: web.Request, error: ErrorPage) -> web.Response:
    """Return an error as a page or as JSON, as the visitor accepts."""
    data = {"error": error.code, "message": error.message, **error.data}
    try:
        response = respond(
            request,
            "error.html",
            data,
            status=error.status,
            cache_control="no-store",
            error=error,
        )
    except NotAcceptable:
        response = web.json_response(data, status=error.status)
    response.headers["Content-Language"] = current_language().tag
    response.headers.update(error.response_headers)
    return response


def _chrome(request: web.Request) -> Chrome:
    store = request.app[STORE]
    assets = store.assets
    pages: tuple[Page, ...] = ()
    has_artists = False
    try:
        catalog = store.catalog.current
    except NotReady:
        shop = Shop()
    else:
        shop, pages = catalog.shop, catalog.pages
        artists = {each.artist for each in catalog.offered[:_NEWEST]}
        has_artists = len(artists) >= _SEVERAL
    return Chrome(
        shop=shop,
        pages=pages,
        has_artists=has_artists,
        look=PageAppearance.of(shop, assets),
        style_url=assets.url("store.css"),
        release_style_url=assets.url("release.css"),
        checkout_style_url=assets.url("checkout.css"),
        script_url=assets.url("store.js"),
        player_url=assets.url("player.js"),
        visitor=page_slots(request),
        started_payment=cookies.read_payment(request),
        payments_are_simulated=store.settings.takes_simulated_payments,
        source_url=store.settings.source_url,
        language=current_language(),
        languages=language_choice(request, current_language()),
        static_url=assets.url,
    )


def set_up_templates(app: web.Application, *, fresh: bool) -> None:
    """Set up the templates; with `fresh`, changed ones are reloaded."""
    store = app[STORE]
    folder = store.settings.data / "cache" / FOLDER_NAME
    templates = aiohttp_jinja2.setup(
        app,
        loader=PackageLoader("msrv.web", "templates"),
        default_helpers=False,
        extensions=EXTENSIONS,
        undefined=StrictUndefined,
        auto_reload=fresh,
        bytecode_cache=(
            None if fresh else CompiledTemplates(folder, store.keyring)
        ),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    install_translations(templates)
    # A template that could reach the application could reach its secrets.
    templates.globals.pop("app", None)
    templates.globals["takes_money"] = store.providers.move_money
    templates.filters.update(
        amount=formatting.amount,
        consent_text=formatting.consent_text,
        consent_wording=formatting.consent_wording,
        contact_url=formatting.contact_url,
        day=formatting.written_day,
        drawn_cover=drawn_cover_path,
        duration=formatting.duration,
        given=formatting.given_note,
        moment=formatting.moment,
        month=formatting.month,
        date_time=formatting.date_time,
        interval=format_interval,
        legal_label=formatting.legal_label,
        listed=formatting.listed,
        moment_ms=formatting.moment_ms,
        number=format_number,
        percent=formatting.percent,
        release_date=formatting.release_date,
        share=formatting.share,
        size=format_size,
        typed=formatting.typed,
        whole_minutes=formatting.whole_minutes,
        written=formatting.price,
    )

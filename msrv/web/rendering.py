"""One answer, two shapes: a page for people, JSON for programs.

A handler gives a template with its context and the same facts as data; the
visitor's `Accept` decides which of the two goes out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp_jinja2
from aiohttp import web
from jinja2 import PackageLoader, StrictUndefined
from markupsafe import Markup

from msrv import time_slices
from msrv.catalog.live import NotReady
from msrv.catalog.model import Shop
from msrv.text_table import plural
from msrv.web import cookies, formatting
from msrv.web.errors import ErrorPage, NotAcceptable
from msrv.web.static_files import theme_url
from msrv.web.store import STORE

HTML: Final = "text/html"
JSON: Final = "application/json"
PRIVATE: Final = "private, no-store"

_SHAPED: Final = {
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
    """What every page shows around its own matter."""

    shop: Shop
    theme_url: str
    style_url: str
    script_url: str
    icon_url: str
    cart_count: int
    pretends: bool


def wants_json(request: web.Request) -> bool:
    """Whether the visitor would rather have JSON than a page.

    RFC 9110 section 12.5.1, for the two shapes there are; a page wins a tie.
    An entry that can't be read is skipped; a header of none that can is as
    good as no header, and `*` is `*/*`. Raises NotAcceptable where neither is
    acceptable.
    """
    header = ",".join(request.headers.getall("Accept", ()))
    if not header.strip():
        return False
    html, json = _qualities(header)
    if html == json == 0:
        raise NotAcceptable
    return json > html


def _qualities(header: str) -> tuple[float, float]:
    """Give the quality of HTML and of JSON; the most specific range counts."""
    best = {HTML: (-1, 0.0), JSON: (-1, 0.0)}
    readable = False
    for entry in header[:4096].split(","):
        match = _MEDIA_RANGE.fullmatch(_ANY.sub("*/*", entry, count=1))
        if match is None:
            continue
        readable = True
        kind, subtype = match[1].lower(), match[2].lower()
        stated = _QUALITY.search(match[3])
        quality = float(stated[1]) if stated else 1.0
        for shape, (known, _) in best.items():
            if f"{kind}/{subtype}" == shape:
                rank = 2
            elif subtype == "*" and kind == shape.partition("/")[0]:
                rank = 1
            elif kind == subtype == "*":
                rank = 0
            else:
                continue
            if rank > known:
                best[shape] = (rank, quality)
    return (best[HTML][1], best[JSON][1]) if readable else (1.0, 1.0)


def respond(
    request: web.Request,
    template: str,
    data: Mapping[str, Any],
    *,
    status: int = 200,
    cache_control: str = "no-cache",
    **context: Any,  # noqa: ANN401 - a template takes anything
) -> web.Response:
    """Answer with a page or with JSON; both vary by who asks and how."""
    if wants_json(request):
        response = as_json(data, status=status)
    else:
        response = as_page(request, template, status=status, **context)
    response.headers["Cache-Control"] = cache_control
    return response


async def respond_in_steps(
    request: web.Request,
    template: str,
    data: Mapping[str, Any],
    *,
    status: int = 200,
    cache_control: str = "no-cache",
    **context: Any,  # noqa: ANN401 - a template takes anything
) -> web.Response:
    """Answer as `respond` does, where there may be many lines to write.

    Others are served between two of them.
    """
    if wants_json(request):
        response = await as_json_in_steps(data, status=status)
    else:
        response = await as_page_in_steps(
            request, template, status=status, **context
        )
    response.headers["Cache-Control"] = cache_control
    return response


async def as_json_in_steps(
    data: Mapping[str, Any], *, status: int = 200
) -> web.Response:
    """Answer as `as_json` does, and serve others between the lines."""
    return web.Response(
        text=await time_slices.dumps(dict(data)),
        content_type=JSON,
        status=status,
        headers=_SHAPED,
    )


async def as_page_in_steps(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    **context: Any,  # noqa: ANN401 - a template takes anything
) -> web.Response:
    """Answer as `as_page` does, and serve others between the lines."""
    found = aiohttp_jinja2.get_env(request.app).get_template(template)
    context |= {"chrome": _chrome(request), "path": request.path}
    slices = time_slices.TimeSlices()
    pieces = [piece async for piece in slices.iterate(found.generate(context))]
    return web.Response(
        text="".join(pieces),
        content_type=HTML,
        charset="utf-8",
        status=status,
        headers=_SHAPED,
    )


def as_json(data: Mapping[str, Any], *, status: int = 200) -> web.Response:
    """Answer with JSON; another visitor may get a page."""
    return web.json_response(dict(data), status=status, headers=_SHAPED)


def as_page(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    **context: Any,  # noqa: ANN401 - a template takes anything
) -> web.Response:
    """Answer with a template inside the store's chrome."""
    response = aiohttp_jinja2.render_template(
        template,
        request,
        {"chrome": _chrome(request), "path": request.path, **context},
        status=status,
    )
    response.headers.update(_SHAPED)
    return response


def fragment(request: web.Request, template: str, **context: Any) -> Markup:  # noqa: ANN401
    """Render a part of a page that looks the same to every visitor."""
    templates = aiohttp_jinja2.get_env(request.app)
    # Rendered by autoescaping templates, so it is markup.
    return Markup(templates.get_template(template).render(context))  # noqa: S704


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
    response.headers.update(error.headers)
    return response


def _chrome(request: web.Request) -> Chrome:
    store = request.app[STORE]
    assets = store.assets
    count = 0
    try:
        catalog = store.catalog.current
    except NotReady:
        shop = Shop()
    else:
        shop = catalog.shop
        count = len(cookies.read_cart(request, catalog).entries)
    return Chrome(
        shop=shop,
        theme_url=theme_url(shop),
        style_url=assets.url("store.css"),
        script_url=assets.url("store.js"),
        icon_url=assets.url("icon.svg"),
        cart_count=count,
        pretends=store.settings.takes_pretend_money,
    )


def set_up(app: web.Application, *, fresh: bool) -> None:
    """Prepare the templates; with `fresh`, a changed one shows at once."""
    templates = aiohttp_jinja2.setup(
        app,
        loader=PackageLoader("msrv.web", "templates"),
        default_helpers=False,
        undefined=StrictUndefined,
        auto_reload=fresh,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # A template that can reach the application can reach its secrets.
    templates.globals.pop("app", None)
    templates.filters.update(
        amount=formatting.amount,
        duration=formatting.duration,
        moment=formatting.moment,
        moment_ms=formatting.moment_ms,
        plural=plural,
        share=formatting.share,
        size=formatting.size,
        typed=formatting.typed,
        written=formatting.price,
    )

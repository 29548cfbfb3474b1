"""What an operator asks: how deployments fare, and to go back.

Everything here wants the token of deploy.toml, as a bearer token or, for a
browser, as the password of any user.
"""

import base64
import binascii
import html
import time
from typing import Final

from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST

from msrv.deployer.app_keys import (
    CONFIG,
    DESK,
    FIGURES,
    HEALTHY,
    JOURNAL,
    QUEUE,
)
from msrv.deployer.auth import NotHere
from msrv.deployer.client import image_of, progress
from msrv.deployer.rollout.deployment import Deployment
from msrv.deployer.signatures import same

_SHOWN: Final = 50
_STYLE: Final = (
    ":root{color-scheme:dark light}"
    "body{background:light-dark(#f6f2ea,#0c0b0a);"
    "color:light-dark(#1c1917,#ece5d8);"
    "font:15px/1.5 ui-monospace,monospace;margin:2rem auto;"
    "max-width:64rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.35rem .8rem .35rem 0;"
    "border-bottom:1px solid color-mix(in srgb,currentColor 20%,transparent);"
    "vertical-align:top}"
    "a{color:light-dark(#a8140e,#ff5a4f)}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere}"
    "@media(width<56rem){tr{display:block;padding:.5rem 0;border-bottom:"
    "1px solid color-mix(in srgb,currentColor 20%,transparent)}"
    "th{display:none}td{display:inline-block;border:0;padding:0 .8rem 0 0}}"
)
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)


async def listing(request: web.Request) -> web.Response:
    """List the deployments of late, newest first."""
    _authorise(request)
    found = sorted(
        request.app[JOURNAL].deployments.values(),
        key=lambda each: each.requested_at,
        reverse=True,
    )[:_SHOWN]
    if _wants_page(request):
        return _page("Deployments", _table(found))
    return web.json_response(
        {"deployments": [each.as_public(whole=False) for each in found]}
    )


async def single(request: web.Request) -> web.Response:
    """Show one, with its lines."""
    _authorise(request)
    found = request.app[JOURNAL].deployments.get(request.match_info["id"])
    if found is None:
        raise NotHere
    if _wants_page(request):
        lines = html.escape("\n".join(found.lines))
        return _page(
            f"{found.target}: {found.state}",
            f"{_table([found])}<pre>{lines}</pre>"
            '<p><a href="/deployments">all</a></p>',
        )
    return web.json_response(found.as_public(whole=True))


async def rollback(request: web.Request) -> web.Response:
    """Ask for the image before; answers as a hook does."""
    _authorise(request)
    name = request.match_info["target"]
    if name not in request.app[CONFIG].targets:
        raise NotHere
    made = await request.app[QUEUE].submit(name, "rollback")
    return web.json_response({"id": made.id, "state": made.state}, status=202)


async def metrics(request: web.Request) -> web.Response:
    """Give the figures."""
    _authorise(request)
    figures = request.app[FIGURES]
    figures.running.set(request.app[QUEUE].running is not None)
    return web.Response(
        body=figures.exposition(),
        headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST},
    )


async def health(request: web.Request) -> web.Response:
    """Say whether what has to go on does: 200, or 503."""
    if request.app[HEALTHY]():
        return web.json_response({"status": "ok"})
    return web.json_response({"status": "stopped"}, status=503)


def _authorise(request: web.Request) -> None:
    """Raise 401 without the token, 429 for who guesses, 404 without one."""
    token = request.app[CONFIG].token
    if token is None:
        raise NotHere
    given = request.headers.get(hdrs.AUTHORIZATION, "")
    scheme, _, value = given.partition(" ")
    if scheme == "Basic":
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            decoded = ""
        value = decoded.partition(":")[2]
    if not same(value, token.get_secret_value()):
        request.app[DESK].before_reading(None)
        try:
            request.app[DESK].decide(None, None, genuine=False)
        except NotHere:
            raise web.HTTPUnauthorized(
                headers={
                    hdrs.WWW_AUTHENTICATE: 'Basic realm="deployer"',
                }
            ) from None


def _wants_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get(hdrs.ACCEPT, "")


def _page(title: str, body: str) -> web.Response:
    """Write a page; `body` is escaped already."""
    title = html.escape(title)
    return web.Response(
        text=(
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            '<meta http-equiv="refresh" content="5">'
            f"<title>{title}</title><style>{_STYLE}</style>"
            f"<h1>{title}</h1>{body}</html>"
        ),
        content_type="text/html",
        headers={
            "Content-Security-Policy": _POLICY,
            "Cache-Control": "no-store",
        },
    )


def _table(found: list[Deployment]) -> str:
    rows = "".join(
        "<tr>"
        f'<td><a href="/deployments/{each.id}">{each.id}</a></td>'
        f"<td>{html.escape(each.target)}</td>"
        f"<td>{html.escape(str(each.state))}</td>"
        f"<td>{_moment(each.requested_at)}</td>"
        f"<td>{html.escape(image_of(each.reference))}</td>"
        f"<td>{each.done}/{each.replicas}</td>"
        f"<td>{html.escape(progress(each.as_public(whole=False)))}</td>"
        "</tr>"
        for each in found
    )
    return (
        "<table><tr><th>id<th>target<th>state<th>asked for<th>image"
        f"<th>replicas<th>what</tr>{rows}</table>"
    )


def _moment(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))

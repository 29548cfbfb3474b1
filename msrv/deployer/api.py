# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operator's API and pages: deployments, rollback, metrics, health.

All but the health check require the token of deploy.toml, as a bearer token
or, for a browser that only reads, as the password of any user. Browsers send a
password with the requests of other sites too.
"""

import base64
import binascii
import time
from collections.abc import Sequence
from typing import Final

import jinja2
from aiohttp import hdrs, web
from prometheus_client import CONTENT_TYPE_LATEST

from msrv.deployer.app_keys import (
    CONFIG,
    GUARD,
    JOURNAL,
    METRICS,
    QUEUE,
    WORKER,
)
from msrv.deployer.auth import Denied, secrets_equal
from msrv.deployer.client import progress, short_digest
from msrv.deployer.rollout.deployment import Deployment

MAX_LISTED: Final = 50
_READING: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)


def _utc_time(unix_seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(unix_seconds))


_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("msrv.deployer"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)
_TEMPLATES.filters["progress"] = progress
_TEMPLATES.filters["short_digest"] = short_digest
_TEMPLATES.filters["utc_time"] = _utc_time


async def list_deployments(request: web.Request) -> web.Response:
    """Return recent deployments, newest first, as a page or as JSON."""
    _authorise(request)
    recent = sorted(
        request.app[JOURNAL].deployments.values(),
        key=lambda each: each.requested_at,
        reverse=True,
    )[:MAX_LISTED]
    if _wants_page(request):
        return _page("Deployments", recent)
    return web.json_response(
        {
            "deployments": [
                each.to_public_dict(with_lines=False) for each in recent
            ]
        }
    )


async def show_deployment(request: web.Request) -> web.Response:
    """Return one deployment with its log, as a page or as JSON."""
    _authorise(request)
    found = request.app[JOURNAL].deployments.get(request.match_info["id"])
    if found is None:
        raise Denied
    if _wants_page(request):
        return _page(f"{found.target}: {found.state}", [found], found.lines)
    return web.json_response(found.to_public_dict(with_lines=True))


async def rollback(request: web.Request) -> web.Response:
    """Queue a rollback to the previous image; responds as a hook does."""
    _authorise(request)
    name = request.match_info["target"]
    if name not in request.app[CONFIG].targets:
        raise Denied
    deployment = await request.app[QUEUE].submit(name, "rollback")
    return web.json_response(
        {"id": deployment.id, "state": deployment.state}, status=202
    )


async def metrics(request: web.Request) -> web.Response:
    """Return the metrics in Prometheus's text format."""
    _authorise(request)
    found = request.app[METRICS]
    found.running.set(request.app[WORKER].current is not None)
    return web.Response(
        body=found.exposition(),
        headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST},
    )


async def health(request: web.Request) -> web.Response:
    """Return 200 if the worker is alive, or 503."""
    if request.app[WORKER].is_alive:
        return web.json_response({"status": "ok"})
    return web.json_response({"status": "stopped"}, status=503)


def _authorise(request: web.Request) -> None:
    """Raise 401 for a wrong token, 404 where none is configured.

    Raises RateLimited after too many wrong ones.
    """
    token = request.app[CONFIG].token
    if token is None:
        raise Denied
    if not secrets_equal(_given_token(request), token.get_secret_value()):
        request.app[GUARD].check_client(None)
        try:
            request.app[GUARD].authorise(None, None, genuine=False)
        except Denied:
            raise web.HTTPUnauthorized(
                headers={
                    hdrs.WWW_AUTHENTICATE: 'Basic realm="deployer"',
                }
            ) from None


def _given_token(request: web.Request) -> str:
    """Return the token in a request, or ""."""
    given = request.headers.get(hdrs.AUTHORIZATION, "")
    scheme, _, value = given.partition(" ")
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() != "basic" or request.method not in _READING:
        return ""
    try:
        decoded = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[2]


def _wants_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get(hdrs.ACCEPT, "")


def _page(
    title: str,
    deployments: Sequence[Deployment],
    lines: Sequence[str] | None = None,
) -> web.Response:
    text = _TEMPLATES.get_template("deployments.html").render(
        title=title,
        deployments=[
            each.to_public_dict(with_lines=False) for each in deployments
        ],
        lines=lines,
    )
    return web.Response(
        text=text,
        content_type="text/html",
        headers={
            "Content-Security-Policy": _POLICY,
            "Cache-Control": "no-store",
        },
    )

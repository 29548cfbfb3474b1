# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes for operators, under `/-/`.

`health` is liveness, `ready` readiness, `metrics` are Prometheus's, and `edge`
shows which headers of a request arrived through the proxies in front.
"""

from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from msrv.catalog.live_catalog import NotReady
from msrv.web.errors import NotFound
from msrv.web.store import STORE

_QUOTATION: Final = (
    "It's easier to ask forgiveness than it is to get permission."
)
_FORWARDED: Final = ("X-Forwarded-For", "X-Real-IP", "X-Forwarded-Proto")


async def health(request: web.Request) -> web.Response:  # noqa: ARG001
    """Return 200 while the process is alive."""
    return web.json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """Return 200 where visitors can be sent, else 503 with the reason.

    `degraded` is 200 as well: the store sells and serves downloads. The
    database is written to later, the certificate of MSRV_DOMAIN is yet to
    come, or the bucket of the library is away and the last catalog stays.
    """
    store = request.app[STORE]
    status = "ready"
    if store.metrics.draining:
        status = "draining"
    else:
        try:
            if store.catalog.reading.withholds:
                status = "stocking"
        except NotReady:
            status = "stocking"
    if status == "ready" and store.ledger.status().troubles:
        return web.json_response({"status": "degraded", "resting": "ledger"})
    if status == "ready" and store.catalog.problem:
        return web.json_response({"status": "degraded", "waiting": "bucket"})
    certificate = store.certificate
    if status == "ready" and certificate and certificate.status.is_missing:
        # 200: a balancer has to pass the authority's challenge to the store.
        return web.json_response(
            {"status": "degraded", "waiting": "certificate"}
        )
    return web.json_response(
        {"status": status}, status=200 if status == "ready" else 503
    )


async def metrics(request: web.Request) -> web.Response:
    """Return the metrics, to this machine and trusted networks only.

    Visitors who arrive through any proxy are refused. Raises NotFound for
    them.
    """
    store = request.app[STORE]
    if not store.origin_rules.is_own_network(request.remote, request.headers):
        raise NotFound
    return web.Response(
        body=store.metrics.exposition(),
        headers={"Content-Type": CONTENT_TYPE_LATEST},
    )


async def edge(request: web.Request) -> web.Response:
    """Return the forwarded headers as they arrived here."""
    lines = [_QUOTATION]
    lines += [f"{name}: {request.headers.get(name)}" for name in _FORWARDED]
    return web.Response(
        text="\n".join(lines) + "\n", headers={"Cache-Control": "no-store"}
    )

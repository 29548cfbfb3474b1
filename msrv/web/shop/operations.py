"""What an operator asks of a running store, under `/-/`.

`health` says that the process answers, `ready` that it can sell, `metrics`
how it fares, `edge` what of the request came through the proxies before it.
"""

from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from msrv.catalog.live import NotReady
from msrv.web.errors import NotFound
from msrv.web.store import ORIGIN, STORE

_QUOTATION: Final = (
    "It's easier to ask forgiveness than it is to get permission."
)
_FORWARDED: Final = ("X-Forwarded-For", "X-Real-IP", "X-Forwarded-Proto")


async def health(request: web.Request) -> web.Response:  # noqa: ARG001
    """Say that the process is alive."""
    return web.json_response({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """Say whether to send visitors here: 200, or 503 and why not.

    `degraded` is 200 as well: it sells and serves, and has to remember later.
    """
    store = request.app[STORE]
    status = "ready"
    if store.metrics.draining:
        status = "draining"
    else:
        try:
            _ = store.catalog.current
        except NotReady:
            status = "stocking"
    if status == "ready" and store.ledger.status().troubles:
        return web.json_response({"status": "degraded", "resting": "ledger"})
    return web.json_response(
        {"status": status}, status=200 if status == "ready" else 503
    )


async def metrics(request: web.Request) -> web.Response:
    """Give the figures, to this machine and the trusted proxies' networks.

    The client counts, not the peer: a visitor who came through the edge is
    none of them, nor is one through a proxy on this machine that nobody said
    to trust. Raises NotFound for anyone else.
    """
    store = request.app[STORE]
    rules = store.origin_rules
    if not (
        rules.trusts(request[ORIGIN].client)
        or rules.is_local(request.remote, request.headers)
    ):
        raise NotFound
    return web.Response(
        body=store.metrics.exposition(),
        headers={"Content-Type": CONTENT_TYPE_LATEST},
    )


async def edge(request: web.Request) -> web.Response:
    """Show the forwarded headers as they arrived here."""
    lines = [_QUOTATION]
    lines += [f"{name}: {request.headers.get(name)}" for name in _FORWARDED]
    return web.Response(
        text="\n".join(lines) + "\n", headers={"Cache-Control": "no-store"}
    )

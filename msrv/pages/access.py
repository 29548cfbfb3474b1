"""The access log: which kind of page was asked for, never its address.

A path may hold a token, and so may a query or a referrer; the route's name
says all that an operator needs.
"""

import logging
from functools import lru_cache
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from msrv.pages.keys import ORIGIN
from msrv.pages.origin import Address

_QUIET: Final = frozenset({"health", "ready", "metrics"})
"""What machines ask every few seconds; logged only where it fails."""


@lru_cache(maxsize=1024)
def _spelled(client: Address | None) -> str:
    return str(client or "-")


def route_name(request: web.BaseRequest) -> str:
    """Name the route that answers a request; `none` where there is none."""
    if not isinstance(request, web.Request):
        return "none"
    # A request that could not be read has never been routed.
    match = getattr(request, "_match_info", None)
    return "none" if match is None else match.route.name or "none"


class AccessLog(AbstractAccessLogger):
    """One line a request, when its answer has ended."""

    def log(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        time: float,
    ) -> None:
        """Write the line; `time` is in seconds."""
        route = route_name(request)
        if route in _QUIET and response.status < 500:
            return
        client = request.remote or "-"
        if isinstance(request, web.Request) and ORIGIN in request:
            client = _spelled(request[ORIGIN].client)
        self.logger.info(
            "%-4s %-9s %s %9d B %7.1f ms  %s",
            request.method[:8],
            route,
            response.status,
            response.body_length,
            time * 1000,
            client,
            extra={
                "fields": {
                    "method": request.method[:8],
                    "route": route,
                    "status": response.status,
                    "bytes": response.body_length,
                    "seconds": round(time, 6),
                    "client": client,
                }
            },
        )

    @property
    def enabled(self) -> bool:
        """Whether anyone wants these lines."""
        return self.logger.isEnabledFor(logging.INFO)

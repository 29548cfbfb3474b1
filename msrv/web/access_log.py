# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Access log: the name of the route, never the address.

A path may hold a token, and so may a query or a referrer; the route's name
is enough for an operator.
"""

import logging
from functools import lru_cache
from ipaddress import ip_network
from time import time as now
from typing import Final, Literal

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from msrv import logs
from msrv.connections.request_handler import CLIENT_CLOSED_REQUEST
from msrv.connections.response_writer import CountingWriter
from msrv.forwarded_headers import Address, parse_address
from msrv.logs import AccessLogEntry
from msrv.web.store import ORIGIN, ROUTE

Detail = Literal["full", "network", "none"]

_QUIET: Final = frozenset({"health", "ready", "metrics"})
"""Routes that machines poll; logged only if they fail."""
_METHODS: Final = frozenset(
    {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
)


_KEPT_BITS: Final = {4: 24, 6: 48}
"""Prefix length of the network that is logged, by IP version."""


@lru_cache(maxsize=1024)
def format_client(client: Address | None, detail: Detail) -> str:
    """Return an address for the log, `-` for none."""
    if client is None or detail == "none":
        return "-"
    if detail == "full":
        return str(client)
    return str(ip_network((client, _KEPT_BITS[client.version]), strict=False))


def route_name(request: web.Request) -> str:
    """Return the name of a request's route, or `none`."""
    return request.match_info.route.name or "none"


def method_name(request: web.BaseRequest) -> str:
    """Return the method, or `OTHER` for an unknown one.

    Metric labels have a fixed set of values, so that a client can't fill the
    memory with new ones.
    """
    return request.method if request.method in _METHODS else "OTHER"


class AccessLog(AbstractAccessLogger):
    """One line per request, once its response has ended in any way.

    The size is that of the body, as far as it was sent; the status is 499 if
    the client disconnected before the response started.
    """

    detail: Detail = "full"
    """Detail of client addresses in the log."""

    def __init__(self, logger: logging.Logger, log_format: str) -> None:
        super().__init__(logger, log_format)
        self._write = logs.access_log_writer()

    def log(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        time: float,
    ) -> None:
        """Write the line; `time` is the duration in seconds."""
        try:
            route, address = request[ROUTE], request[ORIGIN].client
        except KeyError:  # the request couldn't be parsed
            route, address = "none", parse_address(request.remote or "")
        client = format_client(address, self.detail)
        status, size_bytes = response.status, response.body_length
        writer = request.writer
        if isinstance(writer, CountingWriter):
            size_bytes = writer.body_bytes
            if not writer.has_started:
                status = CLIENT_CLOSED_REQUEST
        if route in _QUIET and status < 500:
            return
        self._write(
            AccessLogEntry(
                now(),
                method_name(request),
                route,
                status,
                size_bytes,
                time,
                client,
            )
        )

    @property
    def enabled(self) -> bool:
        """True if the log level includes these lines."""
        return self.logger.isEnabledFor(logging.INFO)


def access_log(detail: Detail) -> type[AccessLog]:
    """Return the access log class with this detail of addresses."""
    return type("AccessLog", (AccessLog,), {"detail": detail})

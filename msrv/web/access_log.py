"""The access log: which kind of page was asked for, never its address.

A path may hold a token, and so may a query or a referrer; the route's name
says all that an operator needs.
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
from msrv.forwarded import Address, parse_address
from msrv.logs import AccessLogEntry
from msrv.web.store import ORIGIN, ROUTE

Detail = Literal["full", "network", "none"]

_QUIET: Final = frozenset({"health", "ready", "metrics"})
"""What machines ask every few seconds; logged only where it fails."""
_METHODS: Final = frozenset(
    {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
)


_KEPT_BITS: Final = {4: 24, 6: 48}
"""Bits of an address that name a network of many, by its version."""


@lru_cache(maxsize=1024)
def spelled(client: Address | None, detail: Detail) -> str:
    """Return an address as the log has it, `-` for none."""
    if client is None or detail == "none":
        return "-"
    if detail == "full":
        return str(client)
    return str(ip_network((client, _KEPT_BITS[client.version]), strict=False))


def route_name(request: web.Request) -> str:
    """Name the route that answers a request; `none` where there is none."""
    return request.match_info.route.name or "none"


def method_name(request: web.BaseRequest) -> str:
    """Name the method, `OTHER` where it is none of those in use.

    A label's values are ours to choose, or a stranger fills the memory.
    """
    return request.method if request.method in _METHODS else "OTHER"


class AccessLog(AbstractAccessLogger):
    """One line a request, when its answer has ended in whatever way.

    Its bytes are those of the body, as far as they were sent; its status is
    499 where the client left before any of the answer.
    """

    detail: Detail = "full"
    """Part of a visitor's address that is written."""

    def __init__(self, logger: logging.Logger, log_format: str) -> None:
        super().__init__(logger, log_format)
        self._write = logs.access_log_writer()

    def log(
        self,
        request: web.BaseRequest,
        response: web.StreamResponse,
        time: float,
    ) -> None:
        """Write the line. `time` is in seconds."""
        try:
            route, address = request[ROUTE], request[ORIGIN].client
        except KeyError:  # nobody could make anything of it
            route, address = "none", parse_address(request.remote or "")
        client = spelled(address, self.detail)
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
        """Whether anyone wants these lines."""
        return self.logger.isEnabledFor(logging.INFO)


def access_log(detail: Detail) -> type[AccessLog]:
    """Return the access log that writes as much of addresses as it may."""
    return type("AccessLog", (AccessLog,), {"detail": detail})

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Listening sockets: which addresses and ports the settings mean."""

import contextlib
import errno
import logging
import socket
from typing import Final

from msrv.connections.acceptor import BACKLOG
from msrv.display_text import reason_of
from msrv.settings import Settings, WrongSetting

log = logging.getLogger(__name__)

_EVERY_ADDRESS: Final = ("::", "0.0.0.0")  # noqa: S104 - a domain's visitors come from everywhere
"""With MSRV_DOMAIN: IPv6 and IPv4, or IPv4 alone where there is no IPv6."""
_NO_SUCH_FAMILY: Final = frozenset(
    {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}
)
_FIRST_PORT: Final = "net.ipv4.ip_unprivileged_port_start"


def bind(settings: Settings) -> list[socket.socket]:
    """Open the listening sockets. Raises WrongSetting.

    Without MSRV_HOST these are every address with MSRV_DOMAIN, and otherwise
    both loopback addresses, where there are two: a browser tries either for
    `localhost`.
    """
    port = settings.listening_port
    if settings.host is not None or settings.domain:
        return [_bind_for(settings, port, "MSRV_PORT")]
    first = _bind("127.0.0.1", port, "MSRV_PORT")
    sockets = [first]
    # Without IPv6, or where its port is in use, IPv4 suffices.
    with contextlib.suppress(WrongSetting):
        sockets.append(_bind("::1", first.getsockname()[1], "MSRV_PORT"))
    return sockets


def bind_plain_http(settings: Settings) -> list[socket.socket]:
    """Open the sockets of plain HTTP, none where the settings want none.

    Raises WrongSetting. Where only the default port can't be used, that is a
    warning: certificates can be had without it.
    """
    port = settings.redirecting_port
    if port is None:
        return []
    try:
        return [_bind_for(settings, port, "MSRV_HTTP_PORT")]
    except WrongSetting as error:
        if settings.http_port is not None or settings.acme_challenge == "http":
            raise
        log.warning(
            "%s; http:// isn't redirected, and certificates are requested "
            "by TLS-ALPN-01 alone",
            error,
        )
        return []


def _bind_for(settings: Settings, port: int, name: str) -> socket.socket:
    """Open a socket on MSRV_HOST, or on every address."""
    if settings.host is not None:
        return _bind(settings.host, port, name)
    if not settings.domain:
        return _bind("127.0.0.1", port, name)
    first, last = _EVERY_ADDRESS
    try:
        return _bind(first, port, name)
    except WrongSetting as error:
        cause = error.__context__
        if isinstance(cause, OSError) and cause.errno in _NO_SUCH_FAMILY:
            return _bind(last, port, name)
        raise


def _bind(host: str, port: int, name: str) -> socket.socket:
    """Open a socket. Raises WrongSetting, which names the setting."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(
            address[:2],
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=host == "::",
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            hint = ", for example with --port" if name == "MSRV_PORT" else ""
            raise WrongSetting(
                f"{name}: port {port} is already in use on {host}; "
                f"choose another{hint}"
            ) from None
        if error.errno == errno.EACCES and port < 1024:
            raise WrongSetting(
                f"{name}: listening on port {port} needs a permission: "
                f"`sudo sysctl {_FIRST_PORT}={min(port, 80)}` grants it to "
                "all users until the next boot, or start the store with "
                "CAP_NET_BIND_SERVICE"
            ) from None
        raise WrongSetting(
            f"MSRV_HOST: can't listen on {host} port {port}: "
            f"{reason_of(error)}"
        ) from None

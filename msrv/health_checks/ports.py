# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Check of the ports that the store listens on."""

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msrv.display_text import reason_of
from msrv.health_checks.findings import (
    CheckContext,
    Finding,
    failed,
    in_thread,
    passed,
)
from msrv.health_checks.network import PublicHost
from msrv.health_checks.published_keys import Answer, identify_store
from msrv.translations import DeferredText, deferred

_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared


async def check_ports(context: CheckContext) -> Sequence[Finding]:
    """Check that the store can listen on its ports, or does so already."""
    settings = context.settings
    scheme = "https" if settings.terminates_tls else "http"
    ports = [_Port(scheme, settings.listening_port, "MSRV_PORT")]
    if settings.redirecting_port is not None:
        ports.append(
            _Port("http", settings.redirecting_port, "MSRV_HTTP_PORT")
        )
    return [await _check_port(context, each) for each in ports]


@dataclass(frozen=True, slots=True)
class _Port:
    """Port of a store, and the setting that changes it."""

    scheme: str
    number: int
    setting: str


async def _check_port(context: CheckContext, port: _Port) -> Finding:
    settings = context.settings
    host = settings.host or ("0.0.0.0" if settings.domain else "127.0.0.1")  # noqa: S104 - as the store does
    where = (
        deferred("port %(number)s of %(host)s", number=port.number, host=host)
        if port.number
        else deferred("a free port of %(host)s", host=host)
    )
    if context.serving:
        return passed(deferred("this store listens on %(where)s", where=where))
    try:
        await in_thread(_bind, host, port.number)
    except OSError as error:
        # For a port below 1024, the privilege is asked for before whether it
        # is in use: also by this store, which has it from systemd.
        needs_privilege = error.errno in {errno.EACCES, errno.EPERM}
        if not needs_privilege and error.errno != errno.EADDRINUSE:
            return failed(
                deferred(
                    "can't listen on %(where)s: %(reason)s",
                    where=where,
                    reason=reason_of(error),
                ),
                deferred("set MSRV_HOST to an address of this machine"),
            )
    else:
        return passed(deferred("%(where)s is free", where=where))
    public = settings.public_url and PublicHost.of(settings.public_url)
    answer = await identify_store(
        context.keyring,
        # The name is in the TLS handshake, which a store may refuse.
        f"{port.scheme}://{public.host if public else 'localhost'}"
        f":{port.number}",
        _ANY.get(host, host),
        # This machine, by a certificate that may not name it.
        verify=False,
        redirects_to=settings.public_url,
    )
    if needs_privilege and answer.kind is Answer.NOTHING:
        return failed(
            deferred("%(where)s needs a privilege", where=where),
            deferred(
                "use deploy/systemd/msrv.service, which grants "
                "CAP_NET_BIND_SERVICE, or a port from 1024 on (%(setting)s)",
                setting=port.setting,
            ),
        )
    return _port_in_use(where, port, answer.kind)


def _port_in_use(where: DeferredText, port: _Port, kind: Answer) -> Finding:
    if kind is Answer.THIS_STORE:
        return passed(deferred("this store listens on %(where)s", where=where))
    if kind is Answer.OTHER_STORE:
        return failed(
            deferred(
                "a store with another NONCE listens on %(where)s", where=where
            ),
            deferred(
                "stop it, choose another %(setting)s, or run this command "
                "with the settings of that store",
                setting=port.setting,
            ),
        )
    return failed(
        deferred("another program listens on %(where)s", where=where),
        deferred(
            "stop it (ss -ltnp 'sport = %(number)s' names it), or set "
            "%(setting)s",
            number=port.number,
            setting=port.setting,
        ),
    )


def _bind(host: str, port: int) -> None:
    """Open and close a listening socket. Raises OSError."""
    family, kind, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind) as probe:
        # As the store does; it still fails while another program listens.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen(1)

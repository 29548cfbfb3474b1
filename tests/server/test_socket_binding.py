# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Listening sockets: their addresses, and what can't be opened."""

import errno
import logging
import socket

import pytest

from msrv import settings
from msrv.server.socket_binding import bind, bind_plain_http
from msrv.settings import Settings, WrongSetting
from tests.store_process import free_port


def load(**environ: object) -> Settings:
    """Return settings with a domain."""
    return settings.load(
        {
            "MSRV_DOMAIN": "shop.example",
            **{name: str(value) for name, value in environ.items()},
        }
    )


def close(sockets: list[socket.socket]) -> None:
    for each in sockets:
        each.close()


def test_domain_listens_on_every_address_of_both_families() -> None:
    sockets = bind(load(MSRV_PORT=0))
    try:
        (listening,) = sockets
        port = listening.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 20).close()
        if listening.family is socket.AF_INET6:
            socket.create_connection(("::1", port), 20).close()
    finally:
        close(sockets)


def test_plain_http_has_a_port_of_its_own() -> None:
    assert bind_plain_http(load(MSRV_ACME_CHALLENGE="tls")) == []
    sockets = bind_plain_http(load(MSRV_HTTP_PORT=0, MSRV_HOST="127.0.0.1"))
    assert len(sockets) == 1
    close(sockets)


def test_chosen_port_in_use_is_an_error_that_names_its_setting() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as used:
        port = used.getsockname()[1]
        with pytest.raises(WrongSetting, match=f"MSRV_HTTP_PORT: port {port}"):
            bind_plain_http(load(MSRV_HOST="127.0.0.1", MSRV_HTTP_PORT=port))
        with pytest.raises(WrongSetting, match=f"MSRV_PORT: port {port}"):
            bind(load(MSRV_HOST="127.0.0.1", MSRV_PORT=port))


def test_default_port_80_in_use_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Certificates can be had without it, unless the settings say `http`."""
    try:
        used = socket.create_server(("127.0.0.1", 80))
    except OSError:
        pytest.skip("port 80 can't be opened, or is in use")
    with used, caplog.at_level(logging.WARNING):
        assert bind_plain_http(load(MSRV_HOST="127.0.0.1")) == []
        with pytest.raises(WrongSetting, match="port 80 is already in use"):
            bind_plain_http(
                load(MSRV_HOST="127.0.0.1", MSRV_ACME_CHALLENGE="http")
            )
    assert "TLS-ALPN-01 alone" in caplog.text


@pytest.mark.parametrize(("port", "first"), [(443, 80), (25, 25)])
def test_port_that_needs_a_permission_is_an_error_with_the_command(
    monkeypatch: pytest.MonkeyPatch, port: int, first: int
) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    command = f"sudo sysctl net.ipv4.ip_unprivileged_port_start={first}"
    with pytest.raises(WrongSetting, match=f"port {port} .*`{command}`"):
        bind(load(MSRV_PORT=port))


def test_address_of_another_machine_is_named() -> None:
    with pytest.raises(WrongSetting, match="MSRV_HOST: can't listen on"):
        bind(load(MSRV_HOST="192.0.2.1", MSRV_PORT=0))

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Shutdown: the last bytes are delivered, or the connection is reset."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.store_process import StoreProcess, launch_store

pytestmark = pytest.mark.slow

SIZE = 1_000_000
"""So much that a client's kernel takes a part, and ours keeps the rest."""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Library of one file."""
    file = tmp_path / "library" / "Release" / "file.bin"
    file.parent.mkdir(parents=True)
    file.write_bytes(os.urandom(SIZE))
    return tmp_path / "library"


@pytest.fixture(params=["auto", "off"])
def tls(request: pytest.FixtureRequest) -> str:
    """With built-in TLS, and behind a proxy."""
    return str(request.param)


@pytest.fixture
def client_socket() -> Iterator[socket.socket]:
    """Socket with a small receive buffer."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        plain.settimeout(20)
        yield plain


def start_download(
    store: StoreProcess, client_socket: socket.socket
) -> tuple[socket.socket, int]:
    """Request the file; return the connection and its first bytes."""
    item = store.request_json("/catalog")["releases"][0]["items"][0]["item_id"]
    url = store.request_json("/purchases", [("item", item)])["downloads"][item]
    parts = urlsplit(url)
    client_socket.connect(("127.0.0.1", parts.port))
    tls = store.tls
    if tls is not None:
        client_socket = tls.wrap_socket(
            client_socket, server_hostname="localhost"
        )
    client_socket.sendall(
        f"GET {parts.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        head += client_socket.recv(1000)
    return client_socket, len(head.partition(b"\r\n\r\n")[2])


def launch(library: Path, tls: str, drain_seconds: int) -> StoreProcess:
    return launch_store(
        library.parent,
        MSRV_LIBRARY=str(library),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_TLS=tls,
        MSRV_DRAIN_SECONDS=str(drain_seconds),
    )


def read_to_end(connection: socket.socket) -> None:
    """Read until the connection ends in whatever way."""
    while connection.recv(1 << 16):
        pass


def try_to_connect(port: int) -> None:
    """Connect repeatedly; a reset means that the socket is being closed."""
    while True:
        with suppress(ConnectionResetError):
            socket.create_connection(("127.0.0.1", port), 5).close()


def test_shutdown_waits_for_bytes_in_flight(
    library: Path, tls: str, client_socket: socket.socket
) -> None:
    with launch(library, tls, 20) as store:
        connection, got = start_download(store, client_socket)
        store.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            store.process.wait(1.5)
        with connection:
            while got < SIZE:
                data = connection.recv(1 << 16)
                assert data
                got += len(data)
            assert store.stop() == 0


def test_aborted_connections_are_reset(
    library: Path, client_socket: socket.socket
) -> None:
    """A proxy in front learns at once that the rest won't come."""
    with launch(library, "off", 1) as store:
        connection, got = start_download(store, client_socket)
        assert store.stop() == 0
    with connection, pytest.raises(ConnectionResetError):
        read_to_end(connection)
    assert got < SIZE


def test_proxy_is_refused_before_the_process_exits(library: Path) -> None:
    with launch_store(
        library.parent,
        MSRV_LIBRARY=str(library),
        MSRV_TLS="off",
        MSRV_TRUSTED_PROXIES="192.0.2.0/24",
    ) as store:
        port = store.port
        store.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionRefusedError):
            try_to_connect(port)
        assert store.process.poll() is None
        assert store.stop() == 0

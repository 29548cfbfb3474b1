"""The end of a process, for who has not received all of it yet."""

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

SIZE = 1_000_000
"""So much that a client's kernel takes a part, and ours keeps the rest."""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library of one file."""
    file = tmp_path / "library" / "Release" / "file.bin"
    file.parent.mkdir(parents=True)
    file.write_bytes(os.urandom(SIZE))
    return tmp_path / "library"


@pytest.fixture(params=["auto", "off"])
def tls(request: pytest.FixtureRequest) -> str:
    """With TLS of the store's own, and behind somebody else's."""
    return str(request.param)


@pytest.fixture
def buyer() -> Iterator[socket.socket]:
    """A client whose kernel takes little unasked."""
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        plain.settimeout(20)
        yield plain


def begin(
    store: StoreProcess, buyer: socket.socket
) -> tuple[socket.socket, int]:
    """Ask for the file and read its head: the connection, and what came."""
    item = store.request_json("/catalog")["releases"][0]["items"][0]["item_id"]
    url = store.request_json("/purchases", [("item", item)])["downloads"][item]
    parts = urlsplit(url)
    buyer.connect(("127.0.0.1", parts.port))
    tls = store.tls
    if tls is not None:
        buyer = tls.wrap_socket(buyer, server_hostname="localhost")
    buyer.sendall(
        f"GET {parts.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        head += buyer.recv(1000)
    return buyer, len(head.partition(b"\r\n\r\n")[2])


def begin_a_store(library: Path, tls: str, drain_seconds: int) -> StoreProcess:
    return launch_store(
        library.parent,
        MSRV_LIBRARY=str(library),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_TLS=tls,
        MSRV_DRAIN_SECONDS=str(drain_seconds),
    )


def read_on(connection: socket.socket) -> None:
    """Read until the end, whatever it is."""
    while connection.recv(1 << 16):
        pass


def knock(port: int) -> None:
    """Connect again and again; a reset is a door that is being closed."""
    while True:
        with suppress(ConnectionResetError):
            socket.create_connection(("127.0.0.1", port), 5).close()


def test_it_waits_for_what_is_on_its_way(
    library: Path, tls: str, buyer: socket.socket
) -> None:
    """A container's network ends with it, and a download lacks its end."""
    with begin_a_store(library, tls, 20) as store:
        connection, got = begin(store, buyer)
        store.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            store.process.wait(1.5)
        with connection:
            while got < SIZE:
                data = connection.recv(1 << 16)
                assert data
                got += len(data)
            assert store.stop() == 0


def test_who_is_cut_off_hears_of_it(
    library: Path, buyer: socket.socket
) -> None:
    """The proxy in front waits for the rest until it loses patience."""
    with begin_a_store(library, "off", 1) as store:
        connection, got = begin(store, buyer)
        assert store.stop() == 0
    with connection, pytest.raises(ConnectionResetError):
        read_on(connection)
    assert got < SIZE


def test_a_proxy_is_refused_before_there_is_silence(library: Path) -> None:
    """A visitor waits for a replica that has gone."""
    with launch_store(
        library.parent,
        MSRV_LIBRARY=str(library),
        MSRV_TLS="off",
        MSRV_TRUSTED_PROXIES="192.0.2.0/24",
    ) as store:
        port = store.port
        store.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionRefusedError):
            knock(port)
        assert store.process.poll() is None
        assert store.stop() == 0

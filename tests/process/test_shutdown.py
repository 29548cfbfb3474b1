# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Shutdown: draining, its time limit, and stalled clients."""

import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.process.store_requests import (
    Connect,
    buy_link,
    open_downloads,
    request_status,
)
from tests.store_process import StoreProcess, launch_store
from tests.store_process import connect as connect_socket

LIMIT_SECONDS = 40
"""Longer than a busy machine needs, and shorter than MSRV_DRAIN_SECONDS."""


def test_sigterm_waits_for_open_downloads(
    running: StoreProcess, connect: Connect
) -> None:
    link, size = buy_link(running)
    waiting = connect(running)
    assert request_status(waiting, "/-/ready") == 200
    downloading = connect(running)
    downloading.request("GET", link)
    response = downloading.getresponse()
    got = len(response.read(100_000))

    running.process.send_signal(signal.SIGTERM)
    until = time.monotonic() + LIMIT_SECONDS
    while True:
        try:
            connect(running).connect()
        except ConnectionRefusedError:
            break
        except OSError:
            pass  # reset while the socket is being closed
        assert time.monotonic() < until, "the store still accepts connections"
        time.sleep(0.02)
    assert request_status(waiting, "/-/ready") == 503
    assert running.process.poll() is None
    while chunk := response.read(1 << 20):
        got += len(chunk)
    assert got == size
    assert running.process.wait(LIMIT_SECONDS) == 0


@pytest.mark.parametrize("option", ["--tls", "--no-tls"])
def test_connection_that_was_just_accepted_is_answered(
    folder: Path, option: str
) -> None:
    """Its request was under way when the store was told to stop."""
    with launch_store(
        folder,
        option,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
    ) as store:
        tls = store.tls if option == "--tls" else None
        with connect_socket(store.port, tls) as connection:
            store.process.send_signal(signal.SIGTERM)
            until = time.monotonic() + LIMIT_SECONDS
            while "stopping: " not in store.log.read_text("utf-8"):
                assert time.monotonic() < until, "the store is not stopping"
                time.sleep(0.02)
            time.sleep(0.3)  # the request is under way
            connection.sendall(
                b"GET /-/health HTTP/1.1\r\n"
                b"Host: localhost:%d\r\n\r\n" % store.port
            )
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert store.process.wait(LIMIT_SECONDS) == 0


def test_drain_is_limited(folder: Path, connect: Connect) -> None:
    with launch_store(
        folder,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_DRAIN_SECONDS="1",
    ) as store:
        link, _ = buy_link(store)
        downloading = connect(store)
        downloading.request("GET", link)
        downloading.getresponse().read(1000)
        started = time.monotonic()
        assert store.stop() == 0
    assert time.monotonic() - started >= 1


def test_second_signal_stops_at_once(
    running: StoreProcess, connect: Connect
) -> None:
    link, _ = buy_link(running)
    downloading = connect(running)
    downloading.request("GET", link)
    downloading.getresponse().read(1000)
    running.process.send_signal(signal.SIGINT)
    until = time.monotonic() + LIMIT_SECONDS
    while "stopping: " not in running.log.read_text("utf-8"):
        assert time.monotonic() < until, "the store is not stopping"
        time.sleep(0.02)
    assert running.process.poll() is None
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(LIMIT_SECONDS) == 0


@pytest.mark.parametrize("option", ["--tls", "--no-tls"])
def test_stalled_client_is_aborted_and_slow_client_is_not(
    folder: Path, option: str
) -> None:
    with (
        launch_store(
            folder,
            option,
            MSRV_LIBRARY=str(folder / "library"),
            MSRV_DEMO_PAYMENTS="1",
            MSRV_STALL_SECONDS="4",
        ) as store,
        ExitStack() as stack,
    ):
        link, size = buy_link(store)
        slow, stalled = (
            stack.enter_context(small_reader(store, link)) for _ in range(2)
        )
        reader = stack.enter_context(ThreadPoolExecutor(1))
        enough = threading.Event()
        stack.callback(enough.set)
        reads_on = reader.submit(read_slowly, slow, enough)
        until = time.monotonic() + LIMIT_SECONDS
        while open_downloads(store) > 1:
            assert time.monotonic() < until, (
                "the stalled client is not aborted"
            )
            time.sleep(0.2)
        assert read_all(stalled) < size
        enough.set()
        assert reads_on.result()
        assert store.stop() == 0
    assert "Traceback" not in store.log.read_text("utf-8")


def read_slowly(connection: socket.socket, enough: threading.Event) -> bool:
    """Read a little now and then; return whether there always was more."""
    while not enough.wait(0.1):
        if not connection.recv(16_384):
            return False
    return bool(connection.recv(16_384))


def small_reader(store: StoreProcess, link: str) -> socket.socket:
    """Request a link on a connection with a small receive buffer."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    plain.settimeout(LIMIT_SECONDS)
    plain.connect(("127.0.0.1", store.port))
    found = plain
    if store.tls:
        found = store.tls.wrap_socket(plain, server_hostname="localhost")
    found.sendall(f"GET {link} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert found.recv(100)
    return found


def read_all(connection: socket.socket) -> int:
    """Return the number of bytes until the connection ends."""
    count = 0
    with suppress(ConnectionError):
        while chunk := connection.recv(1 << 20):
            count += len(chunk)
    return count

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Crowd of connections that never finish, and one honest visitor."""

import http.client
import json
import selectors
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final
from urllib.parse import urlencode

from tests.store_process import StoreProcess

PATIENCE_SECONDS: Final = 12
"""Time limit of the visitor's requests: longer than a machine is busy, and
shorter than that of a silent connection."""
_OPENED_SECONDS: Final = 60
_JSON: Final = {"Accept": "application/json"}

Opening = Callable[[socket.socket], socket.socket]
"""Sends the first bytes on a connection; returns the connection to hold."""


def connect_from(
    store: StoreProcess,
    host: str = "127.0.0.1",
    *,
    secure: bool | None = None,
    buffer_bytes: int = 0,
    seconds: float = PATIENCE_SECONDS,
) -> socket.socket:
    """Connect from an address of loopback, with TLS where the store has it."""
    plain = socket.socket()
    plain.settimeout(seconds)
    if buffer_bytes:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    try:
        plain.bind((host, 0))
        plain.connect(("127.0.0.1", store.port))
        if store.tls is None or secure is False:
            return plain
        return store.tls.wrap_socket(plain, server_hostname="localhost")
    except BaseException:
        plain.close()
        raise


class Crowd:
    """Connections from some addresses, reopened when they are closed."""

    def __init__(
        self,
        store: StoreProcess,
        hosts: list[str],
        *,
        each: int,
        opening: Opening,
        secure: bool,
        drip: bytes = b"",
    ) -> None:
        self._store = store
        self._wanted = [host for host in hosts for _ in range(each)]
        self._opening = opening
        self._secure = secure
        self._drip = drip
        self._stopped = threading.Event()
        self.full = threading.Event()
        self._connections: dict[socket.socket, str] = {}

    def run(self) -> None:
        """Open all connections, and reopen those that are closed."""
        waiting, opened = list(self._wanted), 0
        with selectors.DefaultSelector() as selector:
            while not self._stopped.is_set():
                for host in waiting[:50]:
                    self._open(host, selector)
                opened += len(waiting[:50])
                waiting = waiting[50:]
                if opened >= len(self._wanted):
                    self.full.set()
                ready = selector.select(0.01 if waiting else 0.2)
                for key, _ in ready:
                    waiting += self._read_or_drop(key.fileobj, selector)
                if self._drip and not ready:
                    for each in self._connections:
                        with suppress(OSError):
                            each.send(self._drip)
        for each in self._connections:
            each.close()

    def stop(self) -> None:
        self._stopped.set()

    def _open(self, host: str, selector: selectors.BaseSelector) -> None:
        try:
            connection = connect_from(
                self._store, host, secure=self._secure, seconds=5
            )
            connection = self._opening(connection)
        except OSError:
            return
        connection.settimeout(0)
        self._connections[connection] = host
        selector.register(connection, selectors.EVENT_READ)

    def _read_or_drop(
        self,
        connection: Any,  # noqa: ANN401 - as selectors gives it
        selector: selectors.BaseSelector,
    ) -> list[str]:
        try:
            if connection.recv(65536):
                return []
        except (BlockingIOError, ssl.SSLWantReadError):
            return []
        except OSError:
            pass
        selector.unregister(connection)
        connection.close()
        return [self._connections.pop(connection)]


@contextmanager
def running_crowd(crowd: Crowd) -> Iterator[None]:
    """Run a crowd while the block lasts."""
    thread = threading.Thread(target=crowd.run)
    thread.start()
    try:
        assert crowd.full.wait(_OPENED_SECONDS)
        yield
    finally:
        crowd.stop()
        thread.join()


class Visitor:
    """Honest visitor with an address of its own."""

    def __init__(self, store: StoreProcess, host: str) -> None:
        self._store = store
        self._host = host

    def request_json(
        self, path: str, form: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send a request on a new connection; return status and JSON."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = connect_from(self._store, self._host)
        try:
            connection.request(
                "GET" if form is None else "POST",
                path,
                body=None if form is None else urlencode(form),
                headers=_JSON
                | (
                    {}
                    if form is None
                    else {"Content-Type": "application/x-www-form-urlencoded"}
                ),
            )
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        finally:
            connection.close()

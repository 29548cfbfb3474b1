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

Begin = Callable[[socket.socket], socket.socket]
"""Says on a connection what there is to say; what is to be held after."""


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
        begin: Begin,
        secure: bool,
        drip: bytes = b"",
    ) -> None:
        self._store = store
        self._wanted = [host for host in hosts for _ in range(each)]
        self._begin = begin
        self._secure = secure
        self._drip = drip
        self._ends = threading.Event()
        self.full = threading.Event()
        self._held: dict[socket.socket, str] = {}

    def run(self) -> None:
        """Open all connections, and reopen those that are closed."""
        waiting, came = list(self._wanted), 0
        with selectors.DefaultSelector() as looking:
            while not self._ends.is_set():
                for host in waiting[:50]:
                    self._open(host, looking)
                came += len(waiting[:50])
                waiting = waiting[50:]
                if came >= len(self._wanted):
                    self.full.set()
                gone = looking.select(0.01 if waiting else 0.2)
                for key, _ in gone:
                    waiting += self._read_or_drop(key.fileobj, looking)
                if self._drip and not gone:
                    for each in self._held:
                        with suppress(OSError):
                            each.send(self._drip)
        for each in self._held:
            each.close()

    def stop(self) -> None:
        self._ends.set()

    def _open(self, host: str, looking: selectors.BaseSelector) -> None:
        try:
            held = connect_from(
                self._store, host, secure=self._secure, seconds=5
            )
            held = self._begin(held)
        except OSError:
            return
        held.settimeout(0)
        self._held[held] = host
        looking.register(held, selectors.EVENT_READ)

    def _read_or_drop(
        self,
        held: Any,  # noqa: ANN401 - as selectors gives it
        looking: selectors.BaseSelector,
    ) -> list[str]:
        try:
            if held.recv(65536):
                return []
        except (BlockingIOError, ssl.SSLWantReadError):
            return []
        except OSError:
            pass
        looking.unregister(held)
        held.close()
        return [self._held.pop(held)]


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
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

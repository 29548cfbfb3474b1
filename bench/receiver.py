# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Clients that receive as fast as possible, and discard the data.

Runs in a process of its own, `python -m bench.receiver JSON`, so that its cost
is not the server's. Over TLS it does the handshake, and discards the records
without decrypting them, so that the server is the limit; whole responses are
decrypted, to be counted. Prints JSON.
"""

import json
import selectors
import socket
import ssl
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final

from bench.processes import anonymous_bytes, cpu_seconds

_BUFFER: Final = bytearray(1 << 20)
_SEGMENT_BYTES: Final = 1400
_RECEIVE_BUFFER_BYTES: Final = 64 * 1024
_GROUPS: Final = 10
"""Slow clients receive in this many groups, each ten times a second."""
_EXPECTED: Final = (b"HTTP/1.1 200", b"HTTP/1.1 201", b"HTTP/1.1 307")
_RECORD_BYTES: Final = 16384
_RECORD_OVERHEAD: Final = 22
"""Overhead of a TLS 1.3 record: header, type and tag."""


@dataclass(frozen=True, slots=True)
class Task:
    """Task of a number of clients: server, path and duration.

    After `file_bytes` a client reconnects, without waiting for the server's
    close; 0 is never. `bytes_per_second` is each client's speed; 0 is as fast
    as possible. `whole` counts responses of a small file over keep-alive
    connections instead of bytes. `headers` are added to each request, each
    with its line end, and a `form` makes it a POST. `others` are further
    processes whose CPU time counts. `mobile` clients have the segments and the
    receive buffer of a phone: the loopback's own segments of 64 KB let a
    kernel buffer megabytes.
    """

    pid: int
    port: int
    path: str
    tls: bool
    clients: int
    warm_seconds: float
    seconds: float
    file_bytes: int = 0
    bytes_per_second: int = 0
    whole: bool = False
    headers: str = ""
    form: str = ""
    host: str = "127.0.0.1"
    others: tuple[int, ...] = ()
    mobile: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """Result of a task: what was received, and the cost of the server."""

    received_bytes: int
    answers: int
    seconds: float
    cpu_seconds: float
    anonymous_bytes: int


class Client:
    """Client with one connection at a time."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.next_read = 0.0
        self.answers = 0
        self._answer_bytes = 0
        self.send_request()

    def send_request(self) -> None:
        """Connect, handshake if TLS, and send the request."""
        task = self._task
        # Records aren't decrypted, so the end of a response is the close.
        kept = "keep-alive" if task.whole else "close"
        method, headers = "GET", task.headers
        if task.form:
            method = "POST"
            headers += (
                "Content-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(task.form)}\r\n"
            )
        self._request = (
            f"{method} {task.path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Connection: {kept}\r\n{headers}\r\n{task.form}"
        ).encode()
        self._seen = bytearray()
        self._received = 0
        self.socket = _connect(task)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if task.tls and task.whole:
            self.socket = _tls_context().wrap_socket(self.socket)
            self.socket.sendall(self._request)
        elif task.tls:
            self._handshake()
        else:
            self.socket.sendall(self._request)
        self.socket.setblocking(False)  # noqa: FBT003 - the library's

    def _handshake(self) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = _tls_context().wrap_bio(incoming, outgoing)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.socket.sendall(outgoing.read())
                incoming.write(self.socket.recv(65536))
        tls.write(self._request)
        self.socket.sendall(outgoing.read())

    def receive(self, most: int = len(_BUFFER)) -> int:
        """Receive available bytes; return the count."""
        try:
            count = self.socket.recv_into(_BUFFER, most)
        except (BlockingIOError, ssl.SSLWantReadError):
            return 0
        self._received += count
        if self._task.whole:
            self._count(memoryview(_BUFFER)[:count])
        return count

    @property
    def has_all(self) -> bool:
        """Whether the file was received, with the overhead of TLS."""
        size = self._task.file_bytes
        if self._task.tls:
            size += size // _RECORD_BYTES * _RECORD_OVERHEAD
        return self._task.file_bytes > 0 and self._received >= size

    def _count(self, data: memoryview) -> None:
        """Count a response once it is whole, and send the next request.

        All responses are taken to be as long as the first: parsing each would
        measure this parser.
        """
        self._seen += data
        if not self._seen.startswith(_EXPECTED):
            raise SystemExit(self._seen.decode())
        if not self._answer_bytes:
            head, found, _ = self._seen.partition(b"\r\n\r\n")
            if not found:
                return
            length = head.lower().partition(b"content-length:")[2].split()[0]
            self._answer_bytes = len(head) + len(found) + int(length)
        if len(self._seen) > self._answer_bytes:
            raise SystemExit("a response is longer than the first")
        if len(self._seen) == self._answer_bytes:
            self.answers += 1
            self._seen.clear()
            self.socket.sendall(self._request)


def _connect(task: Task) -> socket.socket:
    """Return a connection to the server, with the limits of the task."""
    connection = socket.socket()
    if task.mobile:
        # Before connecting, since both are announced to the server then.
        connection.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES
        )
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES
        )
    connection.settimeout(20)
    connection.connect((task.host, task.port))
    return connection


def _tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def run(task: Task) -> Received:
    """Receive for the warm-up time, then for the measured time."""
    clients = [Client(task) for _ in range(task.clients)]
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
    receive = _receive_slowly if task.bytes_per_second else _receive_fast
    receive(task, selector, task.warm_seconds)
    answers = sum(client.answers for client in clients)
    pids = (task.pid, *task.others)
    cpu, began = sum(map(cpu_seconds, pids)), time.perf_counter()
    received = receive(task, selector, task.seconds)
    seconds = time.perf_counter() - began
    cpu = sum(map(cpu_seconds, pids)) - cpu
    return Received(
        received,
        sum(client.answers for client in clients) - answers,
        seconds,
        cpu,
        anonymous_bytes(task.pid),
    )


def _receive_fast(
    task: Task, selector: selectors.BaseSelector, seconds: float
) -> int:
    """Receive as fast as possible; reconnect at the end of the file."""
    received = 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for key, _ in selector.select(0.05):
            client: Client = key.data
            count = 0
            with suppress(ConnectionError):
                count = client.receive()
            if client.has_all or (not count and not _is_open(client.socket)):
                selector.unregister(client.socket)
                client.socket.close()
                client.send_request()
                selector.register(client.socket, selectors.EVENT_READ, client)
            received += count
    assert task.clients  # noqa: S101 - otherwise nothing is measured
    return received


def _is_open(connection: socket.socket) -> bool:
    if isinstance(connection, ssl.SSLSocket):
        return True  # it can't be peeked at
    with suppress(BlockingIOError, ConnectionError):
        return bool(connection.recv(1, socket.MSG_PEEK))
    return True


def _receive_slowly(
    task: Task, selector: selectors.BaseSelector, seconds: float
) -> int:
    """Receive at each client's speed, ten times a second, in turns."""
    received = 0
    tenth = task.bytes_per_second // 10
    clients: list[Client] = [key.data for key in selector.get_map().values()]
    groups = [clients[at::_GROUPS] for at in range(_GROUPS)]
    began = time.perf_counter()
    for turn in range(int(seconds * 10) * _GROUPS):
        for client in groups[turn % _GROUPS]:
            received += client.receive(tenth)
        until = began + (turn + 1) / (10 * _GROUPS)
        time.sleep(max(0.0, until - time.perf_counter()))
    return received


if __name__ == "__main__":
    print(json.dumps(asdict(run(Task(**json.loads(sys.argv[1]))))))

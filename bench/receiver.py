"""Buyers that take all they can get, and don't look at it.

Runs in a process of its own, `python -m bench.receiver JSON`, so that what it
costs is nobody else's. Over TLS it does the handshake and throws what comes
after it away as it is, so that the server is the limit. Prints JSON.
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
_RECORD_BYTES: Final = 16384
_RECORD_OVERHEAD: Final = 22
"""Of TLS 1.3's largest record: header, type and tag."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to ask whom for, by how many, for how long.

    `file_bytes` is when a buyer has it all and begins again, without waiting
    for a server's good-bye; 0 is never. `bytes_per_second` is each buyer's; 0
    is as fast as can be. `whole` counts answers of a small file over
    connections that are kept, not bytes. `others` are processes that have a
    part in it, whose time counts too.
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
    host: str = "127.0.0.1"
    others: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it: received, and what it cost the server."""

    received_bytes: int
    answers: int
    seconds: float
    cpu_seconds: float
    anonymous_bytes: int


class Buyer:
    """One connection at a time."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.next_read = 0.0
        self.answers = 0
        self._answer_bytes = 0
        self.ask()

    def ask(self) -> None:
        """Connect and send the request; over TLS, the handshake before."""
        task = self._task
        # A kept connection's end of an answer can't be told from outside TLS.
        kept = "keep-alive" if task.whole else "close"
        self._request = (
            f"GET {task.path} HTTP/1.1\r\nHost: localhost\r\n"
            f"Connection: {kept}\r\n\r\n"
        ).encode()
        self._seen = bytearray()
        self._received = 0
        self.socket = socket.create_connection((task.host, task.port), 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if task.tls:
            self._shake_hands()
        else:
            self.socket.sendall(self._request)
        self.socket.setblocking(False)  # noqa: FBT003 - the library's

    def _shake_hands(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
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
        """Take what is there; ask anew at an answer's end."""
        try:
            count = self.socket.recv_into(_BUFFER, most)
        except BlockingIOError:
            return 0
        self._received += count
        if self._task.whole:
            self._count(memoryview(_BUFFER)[:count])
        return count

    @property
    def has_all(self) -> bool:
        """Whether the file is there, with what TLS adds at the least."""
        size = self._task.file_bytes
        if self._task.tls:
            size += size // _RECORD_BYTES * _RECORD_OVERHEAD
        return self._task.file_bytes > 0 and self._received >= size

    def _count(self, data: memoryview) -> None:
        """Count an answer once it is whole, and ask again.

        All of a server's answers to one request are as long as the first: to
        read each would measure this reader.
        """
        self._seen += data
        if not self._seen.startswith(b"HTTP/1.1 200"):
            raise SystemExit(self._seen.decode())
        if not self._answer_bytes:
            head, found, _ = self._seen.partition(b"\r\n\r\n")
            if not found:
                return
            length = head.lower().partition(b"content-length:")[2].split()[0]
            self._answer_bytes = len(head) + len(found) + int(length)
        if len(self._seen) > self._answer_bytes:
            raise SystemExit("an answer is longer than the first")
        if len(self._seen) == self._answer_bytes:
            self.answers += 1
            self._seen.clear()
            self.socket.sendall(self._request)


def run(task: Task) -> Taken:
    """Receive: first unmeasured, for a while, then measured."""
    buyers = [Buyer(task) for _ in range(task.clients)]
    selector = selectors.DefaultSelector()
    for buyer in buyers:
        selector.register(buyer.socket, selectors.EVENT_READ, buyer)
    receive = _slowly if task.bytes_per_second else _fast
    receive(task, selector, task.warm_seconds)
    answers = sum(buyer.answers for buyer in buyers)
    pids = (task.pid, *task.others)
    cpu, began = sum(map(cpu_seconds, pids)), time.perf_counter()
    received = receive(task, selector, task.seconds)
    seconds = time.perf_counter() - began
    cpu = sum(map(cpu_seconds, pids)) - cpu
    return Taken(
        received,
        sum(buyer.answers for buyer in buyers) - answers,
        seconds,
        cpu,
        anonymous_bytes(task.pid),
    )


def _fast(task: Task, selector: selectors.BaseSelector, seconds: float) -> int:
    """Take whatever comes; who has it all begins again."""
    received = 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for key, _ in selector.select(0.05):
            buyer: Buyer = key.data
            count = 0
            with suppress(ConnectionError):
                count = buyer.receive()
            if buyer.has_all or (not count and not _more(buyer.socket)):
                selector.unregister(buyer.socket)
                buyer.socket.close()
                buyer.ask()
                selector.register(buyer.socket, selectors.EVENT_READ, buyer)
            received += count
    assert task.clients  # noqa: S101 - or nothing was measured
    return received


def _more(connection: socket.socket) -> bool:
    with suppress(BlockingIOError, ConnectionError):
        return bool(connection.recv(1, socket.MSG_PEEK))
    return True


def _slowly(
    task: Task, selector: selectors.BaseSelector, seconds: float
) -> int:
    """Take a tenth of a second's worth from each, ten times a second."""
    received = 0
    tenth = task.bytes_per_second // 10
    until = time.perf_counter() + seconds
    while (now := time.perf_counter()) < until:
        for key in selector.get_map().values():
            received += key.data.receive(tenth)
        time.sleep(max(0.0, now + 0.1 - time.perf_counter()))
    return received


if __name__ == "__main__":
    print(json.dumps(asdict(run(Task(**json.loads(sys.argv[1]))))))

"""What strangers send: refused in peace, while a buyer's download runs on.

Bytes go to the socket of a real process. What is refused is answered with a
4xx or closed, and nothing after it on the connection counts as a request.
"""

import hashlib
import re
import selectors
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from msrv.connections import HEADERS_SECONDS
from msrv.tls.engine import HANDSHAKE_SECONDS
from tests.downloads.made import noise
from tests.running import RunningStore, enough_sockets, start

LARGE: Final = noise(48_000_000)
SMALL: Final = noise(100_000)
A_LITTLE: Final = 256 * 1024
HALF_OPEN: Final = 500
PATIENCE_SECONDS: Final = 10

HOST: Final = b"Host: localhost\r\n"
GET: Final = b"GET / HTTP/1.1\r\n" + HOST
LAST: Final = (
    b"GET /nowhere HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
)
FORM: Final = b"Content-Type: application/x-www-form-urlencoded\r\n"
POST: Final = b"POST /cart HTTP/1.1\r\n" + HOST + FORM
CHUNKED: Final = POST + b"Transfer-Encoding: chunked\r\n\r\n"
CLOSE: Final = b"Connection: close\r\n\r\n"
RANGES: Final = b",".join(b"%d-%d" % (at, at) for at in range(0, 20_000, 2))


class Beside:
    """A buyer's download that is under way, and read little by little."""

    def __init__(self, store: RunningStore, path: str) -> None:
        plain = socket.socket()
        # Small, so that what is read was sent just now.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        plain.settimeout(PATIENCE_SECONDS)
        plain.connect(("127.0.0.1", port_of(store)))
        self.socket = plain
        if store.tls:
            self.socket = store.tls.wrap_socket(
                plain, server_hostname="localhost"
            )
        self.socket.sendall(b"GET " + path.encode() + b" HTTP/1.1\r\n" + HOST)
        self.socket.sendall(CLOSE)
        self._file = self.socket.makefile("rb")
        assert self._file.readline() == b"HTTP/1.1 200 OK\r\n"
        while self._file.readline() != b"\r\n":
            pass
        self._digest = hashlib.sha256()
        self.go_on()

    def go_on(self) -> None:
        """Read a little more of it."""
        piece = self._file.read(A_LITTLE)
        assert len(piece) == A_LITTLE
        self._digest.update(piece)

    def end(self) -> None:
        """Read it to its end, and compare."""
        while piece := self._file.read(A_LITTLE):
            self._digest.update(piece)
        assert self._digest.digest() == hashlib.sha256(LARGE).digest()
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@dataclass(slots=True)
class Attacked:
    """A store that is attacked, and a download beside."""

    store: RunningStore
    small: bytes
    beside: Beside
    read_log: int = 0

    def is_calm(self) -> None:
        """See that the download goes on, and that nothing broke."""
        self.beside.go_on()
        log = self.store.log.read_text("utf-8")
        new, self.read_log = log[self.read_log :], len(log)
        assert "traceback" not in new.lower()
        assert '"level": "error"' not in new

    def connect(self) -> socket.socket:
        """Connect, as far as TCP."""
        return socket.create_connection(
            ("127.0.0.1", port_of(self.store)), PATIENCE_SECONDS
        )


def port_of(store: RunningStore) -> int:
    """The port that a store listens on."""
    port = urlsplit(store.url).port
    assert port
    return port


@pytest.fixture(scope="module", autouse=True)
def sockets() -> Iterator[None]:
    """Room for hundreds of sockets here and in the stores."""
    with enough_sockets():
        yield


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A store over plain HTTP."""
    yield from attacked(tmp_path_factory.mktemp("plain"), "--no-tls")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A store over HTTPS."""
    yield from attacked(tmp_path_factory.mktemp("secure"))


def attacked(folder: Path, *arguments: str) -> Iterator[Attacked]:
    """Start a store and a download; both end as they should."""
    release = folder / "library" / "Noise"
    release.mkdir(parents=True)
    (release / "large.bin").write_bytes(LARGE)
    (release / "small.bin").write_bytes(SMALL)
    store = start(
        folder,
        *arguments,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
    )
    items = store.ask("/catalog")["releases"][0]["items"]
    ids = {item["size_bytes"]: item["item_id"] for item in items}
    bought = store.ask("/purchases", [("item", each) for each in ids.values()])
    paths = {
        size: urlsplit(bought["downloads"][each]).path
        for size, each in ids.items()
    }
    beside = Beside(store, paths[len(LARGE)])
    try:
        yield Attacked(store, paths[len(SMALL)].encode(), beside)
        beside.end()
    finally:
        beside.close()
        assert store.end() == 0
    assert "traceback" not in store.log.read_text("utf-8").lower()


def tell(connection: socket.socket, sent: bytes) -> bytes:
    """Send it all, and read all until the store closes; fail if it won't."""
    got = b""
    # A reset is a close: the store need not read what it has refused.
    with suppress(ConnectionError):
        connection.sendall(sent)
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            got += piece
    return got


def statuses(answers: bytes) -> list[int]:
    """The statuses of the answers on a connection."""
    found = re.findall(rb"HTTP/\d\.\d (\d{3}) ", answers)
    return [int(each) for each in found]


REFUSED: Final = {
    # Which of two ends a body has: an edge may think otherwise.
    "length and chunked": POST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "two lengths": POST
    + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nad=1",
    "a length twice": POST
    + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nad=1",
    "a list of lengths": POST + b"Content-Length: 4, 4\r\n\r\nad=1",
    "length +4": POST + b"Content-Length: +4\r\n\r\nad=1",
    "length -4": POST + b"Content-Length: -4\r\n\r\nad=1",
    "length 0x4": POST + b"Content-Length: 0x4\r\n\r\nad=1",
    "length 0_4": POST + b"Content-Length: 0_4\r\n\r\nad=1",
    "length in Arabic": POST + "Content-Length: ٤\r\n\r\nad=1".encode(),
    "length without end": POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "quoted chunked": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "chunked after a tab": POST
    + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST
    + b"Transfer-Encoding: chunked\r\n" * 2
    + b"\r\n0\r\n\r\n",
    "chunked not last": POST
    + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked, then not": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
    + b"0\r\n\r\n",
    "chunked in 1.0": POST.replace(b"/1.1", b"/1.0")
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked before a colon's space": POST
    + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded chunked": POST
    + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "chunk of -1": CHUNKED + b"-1\r\nad=1\r\n0\r\n\r\n",
    "chunk of 0x4": CHUNKED + b"0x4\r\nad=1\r\n0\r\n\r\n",
    "chunk without end": CHUNKED + b"f" * 20 + b"\r\nad=1",
    "chunk with bare LF": CHUNKED + b"4\nad=1\n0\n\n",
    "chunk with more": CHUNKED + b"4\r\nad=1XX0\r\n\r\n",
    # Lines.
    "folded": GET + b"X: a\r\n b\r\n\r\n",
    "folded at once": b"GET / HTTP/1.1\r\n " + HOST + b"\r\n",
    "space before a colon": b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "bare LF in headers": GET[:-2] + b"\nX: y\r\n\r\n",
    "bare CR in headers": GET[:-2] + b"\rX: y\r\n\r\n",
    "NUL in the target": b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in a name": GET + b"X\0: y\r\n\r\n",
    "NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "NUL in a cookie": GET + b"Cookie: cart=\0\r\n\r\n",
    "nothing but NUL": b"\0" * 5000 + b"\r\n\r\n",
    # Sizes.
    "a header of 1 MB": GET + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "a name of 1 MB": GET + b"X" * 1_000_000 + b": y\r\n\r\n",
    "a method of 9 kB": b"A" * 9000 + b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "10,000 headers": GET + b"X: y\r\n" * 10_000 + b"\r\n",
    "10,000 ranges": GET + b"Range: bytes=" + RANGES + b"\r\n\r\n",
    "5,000 cookies": GET + b"Cookie: " + b"a=1; " * 5000 + b"\r\n\r\n",
    "2,000 cookie headers": GET + b"Cookie: a=1\r\n" * 2000 + b"\r\n",
    # Versions and targets.
    "HTTP/1.2": b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
    "HTTP/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/11": b"GET / HTTP/11\r\n" + HOST + b"\r\n",
    "FOO/1.1": b"GET / FOO/1.1\r\n" + HOST + b"\r\n",
    "a method of none": b"G@T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "no slash": b"GET index HTTP/1.1\r\n" + HOST + b"\r\n",
    "no target": b"GET  HTTP/1.1\r\n" + HOST + b"\r\n",
    "an authority": b"GET localhost:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a broken address": b"GET http://[::1/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": GET + b"Host: shop.example\r\n\r\n",
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_what_is_malformed_is_refused(plain: Attacked, sent: bytes) -> None:
    """A stranger smuggles a request past the edge, or breaks the store."""
    with plain.connect() as connection:
        found = statuses(tell(connection, sent + LAST))
    # One answer at most: nothing behind it was taken for a request.
    assert found in ([], [400])
    plain.is_calm()


ANSWERED: Final = {
    # RFC 9112, section 6.3: chunked comes last, so the end is known.
    "Chunked": (
        POST + b"Transfer-Encoding: Chunked \r\n\r\n0\r\n\r\n" + LAST,
        [303, 404],
    ),
    "gzip, chunked": (
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + LAST,
        [303, 404],
    ),
    "a length that ends": (
        POST + b"Content-Length: 4\r\n\r\nad=1" + LAST,
        [303, 404],
    ),
    "a body on GET": (
        GET + b"Content-Length: 4\r\n\r\nad=1" + LAST,
        [200, 404],
    ),
    "not really compressed": (
        POST + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nad=1",
        [400],
    ),
    "too long a form": (
        POST + b"Content-Length: 700000\r\n\r\n" + b"a" * 700_000 + LAST,
        [413, 404],
    ),
    "no such charset": (
        POST.replace(b"urlencoded", b"urlencoded; charset=rot13")
        + b"Content-Length: 4\r\n\r\nad=1"
        + LAST,
        [400, 404],
    ),
    "100-continue": (
        POST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\nad=1" + LAST,
        [100, 303, 404],
    ),
    "another Expect": (
        POST + b"Expect: a-pony\r\nContent-Length: 4\r\n\r\nad=1" + LAST,
        [417, 404],
    ),
    "Expect in 1.0": (
        POST.replace(b"/1.1", b"/1.0")
        + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\nad=1",
        [303],
    ),
    "HTTP/1.0": (b"GET / HTTP/1.0\r\n" + HOST + b"\r\n", [200]),
    "HTTP/1.0 and no host": (b"GET / HTTP/1.0\r\n\r\n", [421]),
    "an absolute target": (
        b"GET http://localhost/ HTTP/1.1\r\n" + HOST + CLOSE,
        [200],
    ),
    "another's absolute target": (
        b"GET http://shop.example/ HTTP/1.1\r\n" + HOST + CLOSE,
        [421],
    ),
    "another's with a path that is ours": (
        b"GET http://shop.example?http://localhost/ HTTP/1.1\r\n"
        + HOST
        + CLOSE,
        [421],
    ),
    "CONNECT": (
        b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST + CLOSE,
        [421],
    ),
    "CONNECT to nowhere": (
        b"CONNECT http://[ HTTP/1.1\r\n" + HOST + CLOSE,
        [400],
    ),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\n" + HOST + CLOSE, [404]),
    "two slashes": (
        b"GET //shop.example/ HTTP/1.1\r\n" + HOST + CLOSE,
        [404],
    ),
    "NUL by percent": (
        b"GET /catalog/%00%ff?q=%00 HTTP/1.1\r\n" + HOST + CLOSE,
        [404],
    ),
    "a host of nothing": (b"GET / HTTP/1.1\r\nHost:\r\n" + CLOSE, [421]),
    "a host of noise": (b"GET / HTTP/1.1\r\nHost: \xff[@:\r\n" + CLOSE, [421]),
    "a cart of noise": (GET + b"Cookie: cart=\xff%00\r\n" + CLOSE, [200]),
    "900 cookies": (
        GET + b"Cookie: " + b"a=1; " * 900 + b"\r\n" + CLOSE,
        [200],
    ),
    "an upgrade": (
        GET + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n",
        [200],
    ),
}


@pytest.mark.parametrize(("sent", "expected"), ANSWERED.values(), ids=ANSWERED)
def test_what_is_odd_is_answered_for_what_it_is(
    plain: Attacked, sent: bytes, expected: list[int]
) -> None:
    """A stranger's odd request is a 500, or is taken for another one."""
    with plain.connect() as connection:
        assert statuses(tell(connection, sent)) == expected
    plain.is_calm()


def test_http_0_9_gets_no_more_than_a_refusal(plain: Attacked) -> None:
    """A request without headers reaches a page, past every check of them."""
    with plain.connect() as connection:
        found = tell(connection, b"GET /\r\n\r\n")
    assert found.split(b" ", 2)[1] == b"421"
    plain.is_calm()


@pytest.mark.parametrize(
    "wanted",
    [RANGES[:8000].rpartition(b",")[0], b"0-" + b",0-" * 2000, b"\xff-\xfe"],
    ids=["many", "overlapping", "noise"],
)
def test_many_ranges_cost_one_answer(plain: Attacked, wanted: bytes) -> None:
    """One small request has the store send more than the whole file."""
    sent = b"GET " + plain.small + b" HTTP/1.1\r\n" + HOST
    sent += b"Range: bytes=" + wanted + b"\r\n" + CLOSE
    with plain.connect() as connection:
        found = tell(connection, sent)
    assert statuses(found) == [200]
    assert found.endswith(b"\r\n\r\n" + SMALL)
    plain.is_calm()


def test_requests_wait_behind_a_download(plain: Attacked) -> None:
    """A client that asks ahead gets answers in another's bytes."""
    ask = b"GET " + plain.small + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    with plain.connect() as connection:
        found = tell(connection, ask * 20 + LAST)
    assert found.count(b"\r\n\r\n" + SMALL) == 20
    found = found.replace(SMALL, b"")
    assert statuses(found) == [200] * 20 + [404]
    plain.is_calm()


def test_who_has_said_all_may_still_get_an_answer(plain: Attacked) -> None:
    """A half-closed connection gets a body that looks whole and isn't."""
    ask = b"GET " + plain.small + b" HTTP/1.1\r\n" + HOST + CLOSE
    with plain.connect() as connection:
        connection.sendall(ask)
        connection.shutdown(socket.SHUT_WR)
        found = tell(connection, b"")
    head, _, body = found.partition(b"\r\n\r\n")
    assert statuses(head) in ([], [200])
    assert SMALL.startswith(body)
    assert not head or b"Content-Length: 100000\r\n" in head + b"\r\n"
    plain.is_calm()


@pytest.mark.parametrize(
    "without_end",
    [b"X: y\r\n", b"a", b"Cookie: a=1\r\n"],
    ids=["headers", "one header", "cookies"],
)
def test_headers_without_end_are_cut_off(
    plain: Attacked, without_end: bytes
) -> None:
    """One connection that never stops talking fills the memory."""
    sent = 0
    with plain.connect() as connection:
        connection.sendall(GET + b"X: y")
        try:
            while sent < 20_000_000:
                sent += connection.send(without_end * 1000)
        except ConnectionError:
            pass
        else:
            pytest.fail("it still listens")
    plain.is_calm()


@pytest.mark.parametrize(
    "sent",
    [
        GET + b"\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"\x16\x03\x01\xff\xff" + b"\0" * 70_000,
        b"\0" * 20_000,
    ],
    ids=["plain HTTP", "no hello", "too long a record", "nothing"],
)
def test_what_is_not_tls_is_closed(secure: Attacked, sent: bytes) -> None:
    """A scanner at the TLS port fills the log with traces."""
    with secure.connect() as connection:
        assert not statuses(tell(connection, sent))
    secure.is_calm()


def test_tls_that_breaks_off_in_a_request(secure: Attacked) -> None:
    """A buyer whose phone died leaves a trace in the log."""
    assert secure.store.tls
    for sent in (b"", b"GET / HT", GET, GET + b"\r\n"):
        with secure.store.tls.wrap_socket(
            secure.connect(), server_hostname="localhost"
        ) as connection:
            connection.sendall(sent)
            # Noise where a record should be; then gone.
            raw = socket.socket(fileno=connection.detach())
        raw.settimeout(PATIENCE_SECONDS)
        with raw, suppress(ConnectionError):
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"\0" * 32)
            while raw.recv(65536):
                pass
    secure.is_calm()


def test_hundreds_who_never_finish_keep_nobody_out(
    plain: Attacked, secure: Attacked
) -> None:
    """Somebody with one laptop closes the store for everyone."""
    hello = client_hello()
    with ExitStack() as stack:
        slow = selectors.DefaultSelector()
        stack.callback(slow.close)
        for number in range(HALF_OPEN):
            for victim, begun in (
                (plain, (b"", b"GET / HT", GET, GET + b"X: ")[number % 4]),
                (secure, hello[: (0, 3, 50, 200)[number % 4]]),
            ):
                connection = stack.enter_context(victim.connect())
                connection.sendall(begun)
                drips = begun.endswith(b"X: ")
                slow.register(connection, selectors.EVENT_READ, drips)
        for victim in (plain, secure):
            began = time.monotonic()
            assert victim.store.ask("/catalog")["releases"]
            assert time.monotonic() - began < 2
            victim.is_calm()
        until = time.monotonic() + max(HEADERS_SECONDS, HANDSHAKE_SECONDS) + 5
        while slow.get_map():
            assert time.monotonic() < until, "they are still waited for"
            closed = slow.select(1)
            for key, _ in closed:
                assert isinstance(key.fileobj, socket.socket)
                with suppress(ConnectionError):
                    assert not statuses(key.fileobj.recv(4096))
                slow.unregister(key.fileobj)
            # A byte now and then must not buy more time.
            for key in slow.get_map().values():
                if key.data:
                    assert isinstance(key.fileobj, socket.socket)
                    with suppress(ConnectionError):
                        key.fileobj.send(b"a")
            if not closed:
                plain.beside.go_on()
                secure.beside.go_on()
    plain.is_calm()
    secure.is_calm()


def client_hello() -> bytes:
    """The first bytes of a TLS handshake."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="localhost"
    )
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()

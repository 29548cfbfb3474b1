"""Connections that strangers hold, break off or never finish.

Nobody else waits for them, and a buyer's download runs on.
"""

import functools
import selectors
import socket
import ssl
import time
from contextlib import ExitStack, suppress
from typing import Final

import pytest

from msrv.connections.request_handler import HEADERS_SECONDS
from msrv.tls.protocol import HANDSHAKE_SECONDS
from tests.hostile.attacked import (
    CLOSE,
    GET,
    HOST,
    LAST,
    PATIENCE_SECONDS,
    SMALL,
    Attacked,
    statuses,
    tell,
)

HALF_OPEN: Final = 500


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
            assert victim.store.request_json("/catalog")["releases"]
            # Not only once the others have been closed.
            assert time.monotonic() - began < HEADERS_SECONDS
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


@functools.cache
def client_hello() -> bytes:
    """The first bytes of a TLS handshake."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="localhost"
    )
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Connections that clients hold, break off or never finish.

No other client has to wait, and a buyer's download goes on.
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
from tests.hostile.attack import (
    CLOSE,
    GET,
    HOST,
    LAST,
    PATIENCE_SECONDS,
    SMALL,
    StoreUnderAttack,
    send_and_read,
    statuses,
)

HALF_OPEN: Final = 500


def test_pipelined_requests_wait_for_a_download(
    plain: StoreUnderAttack,
) -> None:
    request = b"GET " + plain.small + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    with plain.connect() as connection:
        found = send_and_read(connection, request * 20 + LAST)
    assert found.count(b"\r\n\r\n" + SMALL) == 20
    found = found.replace(SMALL, b"")
    assert statuses(found) == [200] * 20 + [404]
    plain.check()


def test_half_closed_connection_gets_a_whole_response_or_none(
    plain: StoreUnderAttack,
) -> None:
    request = b"GET " + plain.small + b" HTTP/1.1\r\n" + HOST + CLOSE
    with plain.connect() as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        found = send_and_read(connection, b"")
    head, _, body = found.partition(b"\r\n\r\n")
    assert statuses(head) in ([], [200])
    assert SMALL.startswith(body)
    assert not head or b"Content-Length: 100000\r\n" in head + b"\r\n"
    plain.check()


@pytest.mark.parametrize(
    "without_end",
    [b"X: y\r\n", b"a", b"Cookie: a=1\r\n"],
    ids=["headers", "one header", "cookies"],
)
def test_endless_headers_are_rejected(
    plain: StoreUnderAttack, without_end: bytes
) -> None:
    sent = 0
    with plain.connect() as connection:
        connection.sendall(GET + b"X: y")
        try:
            while sent < 20_000_000:
                sent += connection.send(without_end * 1000)
        except ConnectionError:
            pass
        else:
            pytest.fail("the store still reads")
    plain.check()


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
def test_bytes_that_are_not_tls_close_the_connection(
    secure: StoreUnderAttack, sent: bytes
) -> None:
    with secure.connect() as connection:
        assert not statuses(send_and_read(connection, sent))
    secure.check()


def test_tls_aborted_during_a_request_leaves_no_trace_in_the_log(
    secure: StoreUnderAttack,
) -> None:
    assert secure.store.tls
    for sent in (b"", b"GET / HT", GET, GET + b"\r\n"):
        with secure.store.tls.wrap_socket(
            secure.connect(), server_hostname="localhost"
        ) as connection:
            connection.sendall(sent)
            # Noise in place of a record, followed by the close.
            raw = socket.socket(fileno=connection.detach())
        raw.settimeout(PATIENCE_SECONDS)
        with raw, suppress(ConnectionError):
            raw.sendall(b"\x17\x03\x03\x00\x20" + b"\0" * 32)
            while raw.recv(65536):
                pass
    secure.check()


def test_hundreds_of_unfinished_requests_block_no_other_client(
    plain: StoreUnderAttack, secure: StoreUnderAttack
) -> None:
    hello = client_hello()
    with ExitStack() as stack:
        slow = selectors.DefaultSelector()
        stack.callback(slow.close)
        for number in range(HALF_OPEN):
            for attacked, partial in (
                (plain, (b"", b"GET / HT", GET, GET + b"X: ")[number % 4]),
                (secure, hello[: (0, 3, 50, 200)[number % 4]]),
            ):
                connection = stack.enter_context(attacked.connect())
                connection.sendall(partial)
                drips = partial.endswith(b"X: ")
                slow.register(connection, selectors.EVENT_READ, drips)
        for attacked in (plain, secure):
            started = time.monotonic()
            assert attacked.store.request_json("/catalog")["releases"]
            # It isn't delayed until the others are closed.
            assert time.monotonic() - started < HEADERS_SECONDS
            attacked.check()
        until = time.monotonic() + max(HEADERS_SECONDS, HANDSHAKE_SECONDS) + 5
        while slow.get_map():
            assert time.monotonic() < until, "unfinished requests stay open"
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
                plain.download.read_some()
                secure.download.read_some()
    plain.check()
    secure.check()


@functools.cache
def client_hello() -> bytes:
    """Return the first bytes of a TLS handshake."""
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="localhost"
    )
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()

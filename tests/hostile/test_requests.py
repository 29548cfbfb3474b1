# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Malformed and odd requests, while a buyer's download goes on.

Bytes go to the socket of a real process. A rejected request gets a 4xx or is
closed, and nothing after it on the connection counts as a request.
"""

from typing import Final

import pytest

from tests.hostile.attack import (
    CHUNKED,
    CLOSE,
    GET,
    HOST,
    LAST,
    POST,
    SMALL,
    StoreUnderAttack,
    send_and_read,
    statuses,
)

RANGES: Final = b",".join(b"%d-%d" % (at, at) for at in range(0, 20_000, 2))

REJECTED: Final = {
    # Ambiguous ends of a body, which an edge may interpret differently.
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


@pytest.mark.parametrize("sent", REJECTED.values(), ids=REJECTED)
def test_malformed_requests_are_rejected(
    plain: StoreUnderAttack, sent: bytes
) -> None:
    with plain.connect() as connection:
        found = statuses(send_and_read(connection, sent + LAST))
    # One response at most: nothing after it was parsed as a request.
    assert found in ([], [400])
    plain.check()


ACCEPTED: Final = {
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
    **{
        f"compressed by {coding}": (
            POST
            + f"Content-Encoding: {coding}\r\n".encode()
            + b"Content-Length: 4\r\n\r\nad=1"
            + LAST,
            [415, 404],
        )
        for coding in ("gzip", "deflate", "br", "zstd", "identity, gzip", "x")
    },
    "not compressed, and said so": (
        POST
        + b"Content-Encoding: identity\r\nContent-Length: 4\r\n\r\nad=1"
        + LAST,
        [303, 404],
    ),
    "a compressed message": (
        POST.replace(b"/cart", b"/payments/demo/webhook")
        + b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\nad=1"
        + LAST,
        [404, 404],
    ),
    "too long a form": (
        POST + b"Content-Length: 700000\r\n\r\n" + b"a" * 700_000 + LAST,
        [413, 404],
    ),
    "no such charset": (
        POST.replace(b"urlencoded", b"urlencoded; charset=rot13")
        + b"Content-Length: 4\r\n\r\nad=1"
        + LAST,
        [415, 404],
    ),
    "a charset that costs": (
        POST.replace(b"urlencoded", b"urlencoded; charset=punycode")
        + b"Content-Length: 60000\r\n\r\n"
        + b"a" * 60_000
        + LAST,
        [415, 404],
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


@pytest.mark.parametrize(("sent", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_odd_requests_get_the_right_status(
    plain: StoreUnderAttack, sent: bytes, expected: list[int]
) -> None:
    with plain.connect() as connection:
        assert statuses(send_and_read(connection, sent)) == expected
    plain.check()


def test_http_0_9_is_rejected(plain: StoreUnderAttack) -> None:
    with plain.connect() as connection:
        found = send_and_read(connection, b"GET /\r\n\r\n")
    assert found.split(b" ", 2)[1] == b"421"
    plain.check()


@pytest.mark.parametrize(
    "wanted",
    [RANGES[:8000].rpartition(b",")[0], b"0-" + b",0-" * 2000, b"\xff-\xfe"],
    ids=["many", "overlapping", "noise"],
)
def test_many_ranges_cost_one_response(
    plain: StoreUnderAttack, wanted: bytes
) -> None:
    sent = b"GET " + plain.small + b" HTTP/1.1\r\n" + HOST
    sent += b"Range: bytes=" + wanted + b"\r\n" + CLOSE
    with plain.connect() as connection:
        found = send_and_read(connection, sent)
    assert statuses(found) == [200]
    assert found.endswith(b"\r\n\r\n" + SMALL)
    plain.check()

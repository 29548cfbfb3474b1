# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Speak HTTP/2 wrongly to a server, and see that it ends the conversation.

    python3 deploy/http2_check.py https://localhost:443 certs/ca.crt

Each case breaks one rule of RFC 9113 on a connection of its own. The server
has to answer with GOAWAY or RST_STREAM, or to close, within TIMEOUT_SECONDS;
after all of them a good request has to be answered. Prints a line a case and
exits with 1 if one went wrong. Standard library alone, so that
deploy/validate.sh can run it anywhere.
"""

import http.client
import socket
import ssl
import sys
import time
import urllib.parse
from collections.abc import Callable
from contextlib import closing, suppress

TIMEOUT_SECONDS = 10
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = range(5)
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(5, 10)
END_STREAM, END_HEADERS = 0x1, 0x4
# HPACK, by the static table: GET, https, /, and `localhost` for :authority.
GOOD_BLOCK = b"\x82\x87\x84\x41\x09localhost"
MANY = 30_000


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write one frame (section 4.1)."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags))
    return head + stream.to_bytes(4, "big") + payload


OPENING = PREFACE + frame(SETTINGS, 0, 0)
GET = END_STREAM | END_HEADERS


def _get(stream: int, block: bytes = GOOD_BLOCK) -> bytes:
    return frame(HEADERS, GET, stream, block)


def _reset_at_once() -> bytes:
    """Ask and take back, again and again (CVE-2023-44487)."""
    return b"".join(
        _get(stream) + frame(RST_STREAM, 0, stream, (8).to_bytes(4, "big"))
        for stream in range(1, 2 * MANY, 2)
    )


def _endless_headers() -> bytes:
    """Begin a block of headers, and never end it (CVE-2024-27316)."""
    more = frame(CONTINUATION, 0, 1, b"\x00\x01x\x7f\x00" + b"y" * 127)
    return frame(HEADERS, END_STREAM, 1, GOOD_BLOCK) + more * MANY


CASES: dict[str, Callable[[], bytes]] = {
    "another preface": lambda: b"GET / HTTP/2.0\r\n\r\nXX\r\n\r\n",
    "SETTINGS on a stream": lambda: OPENING + frame(SETTINGS, 0, 1),
    "SETTINGS of five bytes": lambda: (
        OPENING + frame(SETTINGS, 0, 0, bytes(5))
    ),
    "SETTINGS with a window over 2^31": lambda: (
        OPENING + frame(SETTINGS, 0, 0, b"\x00\x04\xff\xff\xff\xff")
    ),
    "DATA on stream 0": lambda: OPENING + frame(DATA, 0, 0, b"x"),
    "HEADERS on stream 0": lambda: OPENING + _get(0),
    "HEADERS on an even stream": lambda: OPENING + _get(2),
    "HEADERS on an older stream": lambda: OPENING + _get(5) + _get(3),
    "an index that HPACK has not": lambda: OPENING + _get(1, b"\xff\xff\x7f"),
    "a Huffman code that ends nowhere": lambda: (
        OPENING + _get(1, b"\x82\x87\x84\x41\x84\xff\xff\xff\xff")
    ),
    "padding longer than the frame": lambda: (
        OPENING + frame(HEADERS, GET | 0x8, 1, b"\xff" + GOOD_BLOCK)
    ),
    "CONTINUATION of nothing": lambda: (
        OPENING + frame(CONTINUATION, END_HEADERS, 1, GOOD_BLOCK)
    ),
    "another frame within a block of headers": lambda: (
        OPENING
        + frame(HEADERS, END_STREAM, 1, GOOD_BLOCK)
        + frame(PING, 0, 0, bytes(8))
    ),
    "a frame over the size that was agreed on": lambda: (
        OPENING + frame(HEADERS, GET, 1, bytes(16_385))
    ),
    "WINDOW_UPDATE by nothing": lambda: (
        OPENING + frame(WINDOW_UPDATE, 0, 0, bytes(4))
    ),
    "a window over 2^31": lambda: (
        OPENING + frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff")
    ),
    "PING of seven bytes": lambda: OPENING + frame(PING, 0, 0, bytes(7)),
    "PUSH_PROMISE from a client": lambda: (
        OPENING
        + _get(1)
        + frame(PUSH_PROMISE, END_HEADERS, 1, b"\x00\x00\x00\x02" + GOOD_BLOCK)
    ),
    "RST_STREAM of four streams' bytes": lambda: (
        OPENING + frame(RST_STREAM, 0, 1, bytes(16))
    ),
    "a stream that depends on itself": lambda: (
        OPENING + frame(PRIORITY, 0, 1, b"\x00\x00\x00\x01\x10")
    ),
    "headers without end": lambda: OPENING + _endless_headers(),
    "requests that are reset at once": lambda: OPENING + _reset_at_once(),
}


def connect(url: urllib.parse.SplitResult, ca: str) -> ssl.SSLSocket:
    """Open a connection that speaks HTTP/2."""
    context = ssl.create_default_context(cafile=ca)
    context.set_alpn_protocols(["h2"])
    host = url.hostname or "localhost"
    plain = socket.create_connection((host, url.port or 443), TIMEOUT_SECONDS)
    sock = context.wrap_socket(plain, server_hostname=host)
    if sock.selected_alpn_protocol() != "h2":
        sock.close()
        raise ConnectionError("it does not speak HTTP/2")
    return sock


def refusal(sock: ssl.SSLSocket, sent: bytes) -> str | None:
    """Send, and say how the server refused it; None if it didn't."""
    until = time.monotonic() + TIMEOUT_SECONDS
    got = b""
    sock.settimeout(0.2)
    try:
        while time.monotonic() < until:
            if sent:
                with suppress(TimeoutError):
                    sent = sent[sock.send(sent[:16_384]) :]
                    continue
            try:
                more = sock.recv(65_536)
            except TimeoutError:
                continue
            if not more:
                return "closed"
            got += more
            while len(got) >= 9:
                length = int.from_bytes(got[:3], "big")
                if len(got) < 9 + length:
                    break
                if got[3] in {GOAWAY, RST_STREAM}:
                    return "GOAWAY" if got[3] == GOAWAY else "RST_STREAM"
                got = got[9 + length :]
    except OSError:
        return "reset"
    return None


def answers(url: urllib.parse.SplitResult, ca: str) -> bool:
    """Whether a good request is answered, over HTTP/1.1."""
    context = ssl.create_default_context(cafile=ca)
    connection = http.client.HTTPSConnection(
        url.hostname or "localhost",
        url.port or 443,
        timeout=TIMEOUT_SECONDS,
        context=context,
    )
    with closing(connection):
        connection.request("GET", "/-/health")
        return connection.getresponse().status == 200


def main(address: str, ca: str) -> int:
    """Try every case; 1 if one of them was accepted."""
    url = urllib.parse.urlsplit(address)
    failed = 0
    for name, make in CASES.items():
        with closing(connect(url, ca)) as sock:
            how = refusal(sock, make())
        failed += how is None
        print(f"{how or 'ACCEPTED'}: {name}")  # noqa: T201
    if not answers(url, ca):
        failed += 1
        print("NO ANSWER to a good request after these")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Invalid TLS: the connection is closed, and no memory is kept."""

import re
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.hostile.attack import HOST, StoreUnderAttack, send_and_read
from tests.hostile.crowd import Visitor, connect_from
from tests.hostile.test_connections import client_hello
from tests.store_process import StoreProcess

OPENSSL: Final = shutil.which("openssl")
ROUNDS: Final = 300
ALLOWED_BYTES: Final = 16_000_000
HANDSHAKE, ALERT, CHANGE, DATA, HEARTBEAT = 22, 21, 20, 23, 24


def record(kind: int, body: bytes, version: int = 0x0303) -> bytes:
    """Return a TLS record (RFC 8446, section 5.1)."""
    return struct.pack("!BHH", kind, version, len(body)) + body


HELLO: Final = client_hello()
_SHORT_CHANGE: Final = record(CHANGE, b"\1")
WRONG: Final = {
    "nothing": b"",
    "noise": bytes(range(256)) * 40,
    "half a hello": HELLO[: len(HELLO) // 2],
    "a hello a second time": HELLO + HELLO,
    "noise after a hello": HELLO + b"\xff" * 300,
    "data before the handshake": record(DATA, b"GET / HTTP/1.1\r\n\r\n"),
    "data after a hello": HELLO + record(DATA, b"x" * 100),
    "a length of 65535": struct.pack("!BHH", HANDSHAKE, 0x0303, 65535)
    + b"\0" * 65535,
    "a length of 0": record(HANDSHAKE, b"") * 50,
    "a handshake of 16 MB": record(HANDSHAKE, b"\1\xff\xff\xff" + b"a" * 9000),
    "SSL 2": b"\x80\x2e\x01\x00\x02" + b"\0" * 41,
    "SSL 3": record(HANDSHAKE, HELLO[5:], 0x0300).replace(
        b"\x03\x03", b"\x03\x00", 1
    ),
    "version 9.9": HELLO[:9] + b"\x09\x09" + HELLO[11:],
    "another kind of record": record(99, b"what?"),
    "heartbeat": record(HEARTBEAT, b"\1\x40\x00" + b"a"),
    "heartbeat after a hello": HELLO + record(HEARTBEAT, b"\1\x40\x00a"),
    "alerts": record(ALERT, b"\1\x5a") * 2000,
    "alerts after a hello": HELLO + record(ALERT, b"\1\x5a") * 2000,
    "a fatal alert": record(ALERT, b"\2\x28"),
    "cipher changes": _SHORT_CHANGE * 2000,
    "cipher changes after a hello": HELLO + _SHORT_CHANGE * 2000,
    "plain HTTP": b"GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a finished without keys": HELLO + record(HANDSHAKE, b"\x14\0\0\x0c" * 4),
    "one byte at a time": HELLO[:3],
}


def resident_bytes(store: StoreProcess) -> int:
    """Return the resident memory of the store's process."""
    status = Path(f"/proc/{store.process.pid}/status").read_text("utf-8")
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def check_served(attacked: StoreUnderAttack) -> None:
    """Check that another visitor is served, and that nothing failed."""
    status, _ = Visitor(attacked.store, "127.0.0.77").request_json("/catalog")
    assert status == 200
    attacked.check()


@pytest.mark.parametrize("sent", WRONG.values(), ids=WRONG.keys())
def test_invalid_tls_closes_the_connection(
    secure: StoreUnderAttack, sent: bytes
) -> None:
    """No HTTP response, no traceback, and the next visitor is served."""
    with secure.connect() as connection:
        with suppress(OSError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        assert b"HTTP/1.1 2" not in send_and_read(connection, b"")
    check_served(secure)


def reset_early(connection: socket.socket) -> None:
    """Reset the connection during a handshake."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


@pytest.mark.parametrize("sent", ["a hello a second time", "alerts", "noise"])
def test_invalid_tls_leaks_no_memory(
    secure: StoreUnderAttack, sent: str
) -> None:
    def one(close: Callable[[socket.socket], None] | None) -> None:
        with secure.connect() as connection, suppress(OSError):
            connection.sendall(WRONG[sent])
            if close is not None:
                close(connection)
            else:
                connection.recv(65536)

    for _ in range(ROUNDS):
        one(None)
    before = resident_bytes(secure.store)
    for _ in range(ROUNDS):
        one(None)
        one(reset_early)
    assert resident_bytes(secure.store) - before < ALLOWED_BYTES
    check_served(secure)


def test_invalid_record_after_the_handshake_closes_the_connection(
    secure: StoreUnderAttack,
) -> None:
    for wrong in (
        record(ALERT, b"\1\x5a") * 100,
        record(CHANGE, b"\1") * 100,
        record(HEARTBEAT, b"\1\x40\x00a"),
        record(DATA, b"\0" * 64),
        b"GET / HTTP/1.1\r\n\r\n",
        b"",
    ):
        connection = connect_from(secure.store, "127.0.0.66")
        with socket.socket(fileno=connection.detach()) as raw:
            raw.settimeout(20)
            with suppress(OSError):
                raw.sendall(wrong)
                raw.shutdown(socket.SHUT_WR)
            assert b"HTTP/1.1" not in send_and_read(raw, b"")
    check_served(secure)


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_request_in_records_of_one_byte_is_served(
    secure: StoreUnderAttack, version: str
) -> None:
    trust = secure.store.tls
    assert trust
    trust.minimum_version = trust.maximum_version = ssl.TLSVersion[version]
    with trust.wrap_socket(
        secure.connect(), server_hostname="localhost"
    ) as connection:
        for at in range(len(b"GET /-/health HTTP/1.1\r\n" + HOST + b"\r\n")):
            connection.sendall(
                (b"GET /-/health HTTP/1.1\r\n" + HOST + b"\r\n")[at : at + 1]
            )
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    check_served(secure)


@pytest.mark.skipif(OPENSSL is None, reason="needs the openssl command")
@pytest.mark.parametrize(
    ("options", "lines"),
    [
        # `R` asks OpenSSL's client to renegotiate, `K` for new keys.
        (["-tls1_2"], b"R\nGET / HTTP/1.0\n\n"),
        (["-tls1_3"], b"K\n" * 50 + b"Q\n"),
        (["-tls1_2", "-legacy_renegotiation"], b"R\n" * 5),
        (["-tls1_2", "-cipher", "AES128-SHA"], b""),
        (["-tls1_2", "-cipher", "ECDHE+AESGCM:@SECLEVEL=0"], b"Q\n"),
        (["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"], b""),
        (["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"], b""),
        (["-alpn", "h2,smtp"], b""),
        (["-servername", "other.example"], b""),
        (["-tls1_3", "-groups", "P-521"], b"Q\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_insecure_tls_options_are_refused(
    secure: StoreUnderAttack, options: list[str], lines: bytes
) -> None:
    """Renegotiation, old versions, weak ciphers and unknown names."""
    result = subprocess.run(
        [
            str(OPENSSL),
            "s_client",
            "-connect",
            f"127.0.0.1:{secure.store.port}",
            *options,
        ],
        input=lines,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"HTTP/1.1 2" not in result.stdout
    check_served(secure)

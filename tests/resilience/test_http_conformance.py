# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""HTTP and TLS conformance, on asyncio's loop and uvloop.

The TLS transport and the sender of plain files are the store's own, so they
are tested for what a server library ensures by itself, in a real process.
"""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.downloads.contents import noise
from tests.optional_programs import require
from tests.process.store_requests import open_downloads
from tests.store_process import StoreProcess, connect, launch_store

FILE = noise(6_000_000)
HOST = b"Host: localhost\r\n"


@dataclass(slots=True)
class Endpoint:
    """Store process, and a download link."""

    store: StoreProcess
    link: bytes

    def connect(self) -> socket.socket:
        """Return a connection, after the handshake where there is TLS."""
        return connect(self.store.port, self.store.tls)

    def get(self, more: bytes = b"", version: bytes = b"1.1") -> bytes:
        """Return a request for the file."""
        line = b"GET " + self.link + b" HTTP/" + version + b"\r\n"
        return line + HOST + more + b"\r\n"


SECURE = ["https asyncio", "https uvloop"]
over_tls = pytest.mark.parametrize(
    "endpoint", SECURE, indirect=True, scope="module"
)


@pytest.fixture(
    scope="module", params=[*SECURE, "http asyncio", "http uvloop"]
)
def endpoint(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Endpoint]:
    """Store with this transport and event loop."""
    scheme, loop = request.param.split()
    folder: Path = tmp_path_factory.mktemp("endpoint")
    (folder / "library" / "Long").mkdir(parents=True)
    (folder / "library" / "Long" / "long.bin").write_bytes(FILE)
    if loop == "uvloop":
        (folder / "sitecustomize.py").write_text(
            "import uvloop\nuvloop.install()\n", "utf-8"
        )
    store = launch_store(
        folder,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_TLS="auto" if scheme == "https" else "off",
        PYTHONPATH=str(folder),
    )
    maps = Path(f"/proc/{store.process.pid}/maps").read_text("utf-8")
    assert ("uvloop" in maps) == (loop == "uvloop")
    item = store.request_json("/catalog")["releases"][0]["items"][0]["item_id"]
    bought = store.request_json("/purchases", [("item", item)])
    link = "/" + bought["downloads"][item].split("/", 3)[3]
    yield Endpoint(store, link.encode())
    assert store.stop() == 0
    assert "Traceback" not in store.log.read_text("utf-8")


def read_response(connection: socket.socket) -> tuple[bytes, bytes]:
    """Return the head and the body of a response with a Content-Length."""
    # Unbuffered, so that nothing of the next read_response is taken.
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, bytes(head)
        head += byte
    length = head.lower().partition(b"content-length:")[2].split()
    body = bytearray()
    while length and len(body) < int(length[0]):
        piece = connection.recv(int(length[0]) - len(body))
        assert piece, "cut off"
        body += piece
    return bytes(head), bytes(body)


def read_to_end(connection: socket.socket) -> bytes:
    """Return everything up to the end of the connection."""
    found = bytearray()
    while piece := connection.recv(1 << 16):
        found += piece
    return bytes(found)


def test_connection_is_kept_alive_after_a_body(endpoint: Endpoint) -> None:
    with closing(endpoint.connect()) as connection:
        for wanted, body in [
            (b"", FILE),
            (b"Range: bytes=1000000-4999999\r\n", FILE[1_000_000:5_000_000]),
            (b"Range: bytes=-7\r\n", FILE[-7:]),
            (b"", FILE),
        ]:
            connection.sendall(endpoint.get(wanted))
            head, found = read_response(connection)
            assert head.startswith(b"HTTP/1.1 20")
            assert found == body


def test_pipelined_requests_are_answered_in_order(endpoint: Endpoint) -> None:
    ranges = [(n * 700_000, n * 700_000 + 699_999) for n in range(6)]
    with closing(endpoint.connect()) as connection:
        connection.sendall(
            b"".join(
                endpoint.get(b"Range: bytes=%d-%d\r\n" % wanted)
                for wanted in ranges
            )
        )
        for first, last in ranges:
            assert read_response(connection)[1] == FILE[first : last + 1]


@pytest.mark.parametrize("keep_alive", [False, True])
def test_http_1_0_response_ends_with_its_length(
    endpoint: Endpoint, *, keep_alive: bool
) -> None:
    with closing(endpoint.connect()) as connection:
        more = b"Connection: keep-alive\r\n" if keep_alive else b""
        connection.sendall(endpoint.get(more, b"1.0"))
        head, body = read_response(connection)
        assert b"transfer-encoding" not in head.lower()
        assert body == FILE
        if keep_alive:
            connection.sendall(endpoint.get(b"", b"1.0"))
            assert read_response(connection)[1] == FILE
        assert read_to_end(connection) == b""


def test_expect_100_continue_is_answered(endpoint: Endpoint) -> None:
    form = b"item=nothing"
    with closing(endpoint.connect()) as connection:
        connection.sendall(
            b"POST /cart HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n\r\n" % len(form)
        )
        assert read_response(connection)[0].startswith(b"HTTP/1.1 100 ")
        connection.sendall(form)
        head, _ = read_response(connection)
        assert head.startswith((b"HTTP/1.1 3", b"HTTP/1.1 4"))


def test_reset_connections_release_their_downloads_and_files(
    endpoint: Endpoint,
) -> None:
    for _ in range(5):
        connection = endpoint.connect()
        connection.sendall(endpoint.get())
        connection.recv(1000)
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )
        connection.close()
    until = time.monotonic() + 10
    while open_downloads(endpoint.store):
        assert time.monotonic() < until
        time.sleep(0.05)
    for each in Path(f"/proc/{endpoint.store.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            assert each.readlink().name != "long.bin"


def openssl(endpoint: Endpoint, lines: list[bytes], *options: str) -> bytes:
    """Send lines with OpenSSL's client, and return its output.

    It interprets a line of a single letter as a command, if the line arrives
    by itself, and stops at the end of its input.
    """
    found = shutil.which("openssl")
    require(
        "openssl",
        available=found is not None,
        reason="openssl is not installed",
    )
    port = endpoint.store.port
    with subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as client:
        assert client.stdin
        assert client.stdout
        output, out = bytearray(), client.stdout.fileno()

        def read_until(mark: bytes) -> None:
            start = len(output)
            while mark not in output[start:]:
                piece = os.read(out, 1 << 16)
                if not piece:
                    return
                output.extend(piece)

        read_until(b"Verify return code")
        for line in lines:
            client.stdin.write(line)
            client.stdin.flush()
            if len(line) == len(b"k\n"):
                read_until(b"ING\n" if line == b"R\n" else b"KEYUPDATE\n")
        read_until(b"never output: until it ends")
        client.stdin.close()
    return bytes(output)


@over_tls
@pytest.mark.parametrize("command", [b"k\n", b"K\n"])
def test_tls_1_3_key_update_is_supported(
    endpoint: Endpoint, command: bytes
) -> None:
    request = endpoint.get(b"Range: bytes=0-99999\r\nConnection: close\r\n")
    found = openssl(endpoint, [command, command, request], "-tls1_3")
    assert found.count(b"KEYUPDATE\n") == 2
    assert FILE[:100_000] in found


@over_tls
def test_tls_1_2_renegotiation_is_refused(endpoint: Endpoint) -> None:
    found = openssl(endpoint, [b"R\n"], "-tls1_2")
    assert b"RENEGOTIATING" in found
    assert b"no renegotiation" in found


@over_tls
def test_close_notify_is_answered(
    endpoint: Endpoint,
) -> None:
    with closing(endpoint.connect()) as connection:
        assert isinstance(connection, ssl.SSLSocket)
        connection.sendall(endpoint.get())
        head, body = read_response(connection)
        assert b" 200 " in head
        assert body == FILE
        # close_notify, and the store's own in return.
        plain = connection.unwrap()
        assert plain.recv(1) == b""

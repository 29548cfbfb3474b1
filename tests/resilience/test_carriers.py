"""HTTP stays HTTP, whatever carries it: TLS or not, asyncio's loop or uvloop.

The transport under TLS and the sending of plain files are the store's own, so
what a server library does by itself is asked of them here, on a real process.
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

from tests.conftest import require
from tests.downloads.contents import noise
from tests.process.store_requests import open_downloads
from tests.store_process import StoreProcess, connect, launch_store

FILE = noise(6_000_000)
HOST = b"Host: localhost\r\n"


@dataclass(slots=True)
class Carrier:
    """A store, and the link to a file of it."""

    store: StoreProcess
    link: bytes

    def connect(self) -> socket.socket:
        """Connect, and shake hands where there is TLS."""
        return connect(self.store.port, self.store.tls)

    def get(self, more: bytes = b"", version: bytes = b"1.1") -> bytes:
        """Write a request for the file."""
        line = b"GET " + self.link + b" HTTP/" + version + b"\r\n"
        return line + HOST + more + b"\r\n"


SECURE = ["https asyncio", "https uvloop"]
over_tls = pytest.mark.parametrize(
    "carrier", SECURE, indirect=True, scope="module"
)


@pytest.fixture(
    scope="module", params=[*SECURE, "http asyncio", "http uvloop"]
)
def carrier(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Carrier]:
    """A store that is carried so."""
    scheme, loop = request.param.split()
    folder: Path = tmp_path_factory.mktemp("carrier")
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
    yield Carrier(store, link.encode())
    assert store.stop() == 0
    assert "Traceback" not in store.log.read_text("utf-8")


def answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """Read one answer with a Content-Length: its head and its body."""
    # Unbuffered, so that nothing of the next answer is taken.
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


def rest(connection: socket.socket) -> bytes:
    """Read to the connection's end."""
    found = bytearray()
    while piece := connection.recv(1 << 16):
        found += piece
    return bytes(found)


def test_a_connection_goes_on_after_a_body(carrier: Carrier) -> None:
    """Each file of an album costs a handshake, or the next is garbled."""
    with closing(carrier.connect()) as connection:
        for wanted, body in [
            (b"", FILE),
            (b"Range: bytes=1000000-4999999\r\n", FILE[1_000_000:5_000_000]),
            (b"Range: bytes=-7\r\n", FILE[-7:]),
            (b"", FILE),
        ]:
            connection.sendall(carrier.get(wanted))
            head, found = answer(connection)
            assert head.startswith(b"HTTP/1.1 20")
            assert found == body


def test_requests_may_be_sent_ahead(carrier: Carrier) -> None:
    """A client that pipelines gets answers mixed, or none."""
    ranges = [(n * 700_000, n * 700_000 + 699_999) for n in range(6)]
    with closing(carrier.connect()) as connection:
        connection.sendall(
            b"".join(
                carrier.get(b"Range: bytes=%d-%d\r\n" % wanted)
                for wanted in ranges
            )
        )
        for first, last in ranges:
            assert answer(connection)[1] == FILE[first : last + 1]


@pytest.mark.parametrize("kept", [False, True])
def test_http_1_0(carrier: Carrier, kept: bool) -> None:  # noqa: FBT001 - a case
    """An old player's download never ends."""
    with closing(carrier.connect()) as connection:
        more = b"Connection: keep-alive\r\n" if kept else b""
        connection.sendall(carrier.get(more, b"1.0"))
        head, body = answer(connection)
        assert b"transfer-encoding" not in head.lower()
        assert body == FILE
        if kept:
            connection.sendall(carrier.get(b"", b"1.0"))
            assert answer(connection)[1] == FILE
        assert rest(connection) == b""


def test_who_asks_first_is_told_to_go_on(carrier: Carrier) -> None:
    """A program that waits for 100 Continue waits for ever."""
    form = b"item=nothing"
    with closing(carrier.connect()) as connection:
        connection.sendall(
            b"POST /cart HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n\r\n" % len(form)
        )
        assert answer(connection)[0].startswith(b"HTTP/1.1 100 ")
        connection.sendall(form)
        head, _ = answer(connection)
        assert head.startswith((b"HTTP/1.1 3", b"HTTP/1.1 4"))


def test_who_vanishes_leaves_nothing(carrier: Carrier) -> None:
    """Buyers who close the lid hold places until nobody can download."""
    for _ in range(5):
        connection = carrier.connect()
        connection.sendall(carrier.get())
        connection.recv(1000)
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )
        connection.close()
    until = time.monotonic() + 10
    while open_downloads(carrier.store):
        assert time.monotonic() < until
        time.sleep(0.05)
    for each in Path(f"/proc/{carrier.store.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            assert each.readlink().name != "long.bin"


def openssl(carrier: Carrier, typed: list[bytes], *options: str) -> bytes:
    """Have OpenSSL's own client be typed at, line by line; what it gets.

    It takes a line that is a single letter as a command, if the line comes
    alone; and it leaves when its input ends.
    """
    found = shutil.which("openssl")
    require("openssl", there=found is not None, lack="no openssl here")
    port = carrier.store.port
    with subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as client:
        assert client.stdin
        assert client.stdout
        said, out = bytearray(), client.stdout.fileno()

        def read_until(mark: bytes) -> None:
            begin = len(said)
            while mark not in said[begin:]:
                piece = os.read(out, 1 << 16)
                if not piece:
                    return
                said.extend(piece)

        read_until(b"Verify return code")
        for line in typed:
            client.stdin.write(line)
            client.stdin.flush()
            if len(line) == len(b"k\n"):
                read_until(b"ING\n" if line == b"R\n" else b"KEYUPDATE\n")
        read_until(b"never said: until it ends")
        client.stdin.close()
    return bytes(said)


@over_tls
@pytest.mark.parametrize("command", [b"k\n", b"K\n"])
def test_keys_may_be_changed_on_the_way(
    carrier: Carrier, command: bytes
) -> None:
    """A long connection of TLS 1.3 breaks at its peer's key update."""
    ask = carrier.get(b"Range: bytes=0-99999\r\nConnection: close\r\n")
    found = openssl(carrier, [command, command, ask], "-tls1_3")
    assert found.count(b"KEYUPDATE\n") == 2
    assert FILE[:100_000] in found


@over_tls
def test_nothing_is_negotiated_twice(carrier: Carrier) -> None:
    """One connection of TLS 1.2 has the store shake hands without end."""
    found = openssl(carrier, [b"R\n"], "-tls1_2")
    assert b"RENEGOTIATING" in found
    assert b"no renegotiation" in found


@over_tls
def test_a_goodbye_is_answered(
    carrier: Carrier,
) -> None:
    """A client can't tell the end of an answer from one that was cut."""
    with closing(carrier.connect()) as connection:
        assert isinstance(connection, ssl.SSLSocket)
        connection.sendall(carrier.get())
        head, body = answer(connection)
        assert b" 200 " in head
        assert body == FILE
        # close_notify, and the store's own in return.
        plain = connection.unwrap()
        assert plain.recv(1) == b""

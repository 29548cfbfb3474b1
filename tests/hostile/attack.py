# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Store under attack, with a buyer's download that has to go on."""

import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.downloads.contents import noise
from tests.store_process import StoreProcess, launch_store

LARGE: Final = noise(48_000_000)
SMALL: Final = noise(100_000)
A_LITTLE: Final = 256 * 1024
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


class SlowDownload:
    """Download that is read little by little."""

    def __init__(self, store: StoreProcess, path: str) -> None:
        plain = socket.socket()
        # Small, so that what is read was sent just now.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        plain.settimeout(PATIENCE_SECONDS)
        plain.connect(("127.0.0.1", store.port))
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
        self.read_some()

    def read_some(self) -> None:
        """Read a little more of the download."""
        piece = self._file.read(A_LITTLE)
        assert len(piece) == A_LITTLE
        self._digest.update(piece)

    def finish(self) -> None:
        """Read the download to its end, and compare it."""
        while piece := self._file.read(A_LITTLE):
            self._digest.update(piece)
        assert self._digest.digest() == hashlib.sha256(LARGE).digest()
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@dataclass(slots=True)
class StoreUnderAttack:
    """Store under attack, and a download from it."""

    store: StoreProcess
    small: bytes
    download: SlowDownload
    read_log: int = 0

    def check(self) -> None:
        """Check that the download goes on, and that nothing failed."""
        self.download.read_some()
        log = self.store.log.read_text("utf-8")
        new, self.read_log = log[self.read_log :], len(log)
        assert "traceback" not in new.lower()
        assert '"level": "error"' not in new

    def connect(self) -> socket.socket:
        """Connect, without TLS."""
        return socket.create_connection(
            ("127.0.0.1", self.store.port), PATIENCE_SECONDS
        )


def store_under_attack(
    folder: Path, *arguments: str
) -> Iterator[StoreUnderAttack]:
    """Start a store and a download; both have to finish."""
    release = folder / "library" / "Noise"
    release.mkdir(parents=True)
    (release / "large.bin").write_bytes(LARGE)
    (release / "small.bin").write_bytes(SMALL)
    store = launch_store(
        folder,
        *arguments,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
    )
    items = store.request_json("/catalog")["releases"][0]["items"]
    ids = {item["size_bytes"]: item["item_id"] for item in items}
    bought = store.request_json(
        "/purchases", [("item", each) for each in ids.values()]
    )
    paths = {
        size: urlsplit(bought["downloads"][each]).path
        for size, each in ids.items()
    }
    download = SlowDownload(store, paths[len(LARGE)])
    try:
        yield StoreUnderAttack(store, paths[len(SMALL)].encode(), download)
        download.finish()
    finally:
        download.close()
        assert store.stop() == 0
    assert "traceback" not in store.log.read_text("utf-8").lower()


def send_and_read(connection: socket.socket, sent: bytes) -> bytes:
    """Send bytes, and read until the store closes; fail if it doesn't."""
    got = b""
    # A reset is a close: the store need not read what it has refused.
    with suppress(ConnectionError):
        connection.sendall(sent)
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            got += piece
    return got


def statuses(responses: bytes) -> list[int]:
    """Return the statuses of the responses on a connection."""
    found = re.findall(rb"HTTP/\d\.\d (\d{3}) ", responses)
    return [int(each) for each in found]

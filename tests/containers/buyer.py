# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""HTTP client of a buyer that browses, buys and downloads through the edge."""

import http.client
import json
import socket
import ssl
import time
import urllib.parse
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from tests.store_process import connect

TIMEOUT_SECONDS: Final = 120

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Response:
    """Response, read to its end; header names are in lower case."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """Body, parsed as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Buyer at one port of this machine; `tls` is None for plain HTTP."""

    port: int
    tls: ssl.SSLContext | None = None
    host: str = "localhost"

    @property
    def url(self) -> str:
        """Base URL, as a browser shows it."""
        return f"http{'s' if self.tls else ''}://{self.host}:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection to this machine, whatever the host name."""
        if self.tls is None:
            return http.client.HTTPConnection(
                self.host, self.port, timeout=TIMEOUT_SECONDS
            )
        return http.client.HTTPSConnection(
            self.host, self.port, timeout=TIMEOUT_SECONDS, context=self.tls
        )

    def request(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Response:
        """Send one request on a connection of its own."""
        with closing(self.connect()) as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            found = Response(
                response.status,
                {name.lower(): text for name, text in response.getheaders()},
                response.read(),
            )
            # No header occurs twice.
            assert len(found.headers) == len(response.getheaders())
            return found

    def post(self, path: str, body: bytes) -> Response:
        """Post a form and accept JSON."""
        return self.request(
            path,
            {
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            method="POST",
            body=body,
        )

    def request_json(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Request a path as JSON; it must exist."""
        response = self.request(path, {"Accept": "application/json"})
        assert response.status == 200, response
        return response.json

    def buy(self, *items: str) -> dict[str, str]:
        """Buy items; return the path of each one's download by its id."""
        form = urllib.parse.urlencode([("item", each) for each in items])
        response = self.post("/purchases", form.encode())
        assert response.status == 201, response.body
        return {
            item: urllib.parse.urlsplit(url).path
            for item, url in response.json["downloads"].items()
        }

    def catalog_ids(self) -> list[str]:
        """Return the id of every item and release in the catalog."""
        found = []
        for release in self.request_json("/catalog")["releases"]:
            found += [release["item_id"]] if release["item_id"] else []
            found += [item["item_id"] for item in release["items"]]
        return found

    def is_ready(self) -> bool:
        """Return whether the store can sell."""
        try:
            return self.request("/-/ready").status == 200
        except (OSError, http.client.HTTPException):
            return False


class Transfer:
    """Download in progress that is read in pieces."""

    def __init__(
        self, buyer: Buyer, path: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self._connection = buyer.connect()
        self._connection.request("GET", path, headers=dict(headers or {}))
        self.response = self._connection.getresponse()

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes; less at the end, b"" once it is cut off."""
        try:
            return self.response.read(size)
        except http.client.IncompleteRead as error:
            return error.partial
        except (ConnectionError, ssl.SSLError):
            return b""

    def read_throttled(self, bytes_per_second: int, size: int) -> int:
        """Read `size` bytes, no faster than that; return the number read."""
        buffer = bytearray(1 << 18)
        taken = 0
        started = time.monotonic()
        while taken < size:
            view = memoryview(buffer)[: size - taken]
            count = self.response.readinto(view)
            if not count:
                break
            taken += count
            ahead = taken / bytes_per_second - (time.monotonic() - started)
            if ahead > 0:
                time.sleep(ahead)  # throttling, not waiting for an event
        return taken

    def close(self) -> None:
        """Disconnect at once."""
        sock = self._connection.sock
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
        self.response.close()
        self._connection.close()


def send_raw(
    port: int, request: bytes, tls: ssl.SSLContext | None = None
) -> str:
    """Send bytes unchanged; return the head of the response."""
    with closing(connect(port, tls)) as sock:
        sock.sendall(request)
        head = b""
        while b"\r\n\r\n" not in head and (part := sock.recv(4096)):
            head += part
    return head.decode("latin-1")

"""Somebody who buys and downloads through the edge, as a program does."""

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
class Answer:
    """An answer, read whole. Header names are in small letters."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Asks one port of this machine; `tls` is None for plain HTTP."""

    port: int
    tls: ssl.SSLContext | None = None
    host: str = "localhost"

    @property
    def url(self) -> str:
        """What a browser's address line begins with here."""
        return f"http{'s' if self.tls else ''}://{self.host}:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection, to this machine whatever the name is."""
        if self.tls is None:
            return http.client.HTTPConnection(
                self.host, self.port, timeout=TIMEOUT_SECONDS
            )
        return http.client.HTTPSConnection(
            self.host, self.port, timeout=TIMEOUT_SECONDS, context=self.tls
        )

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Answer:
        """Ask once, over a connection of its own."""
        with closing(self.connect()) as connection:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            found = Answer(
                answer.status,
                {name.lower(): text for name, text in answer.getheaders()},
                answer.read(),
            )
            # Nothing said twice.
            assert len(found.headers) == len(answer.getheaders())
            return found

    def post(self, path: str, body: bytes) -> Answer:
        """Send a form as a program does."""
        return self.ask(
            path,
            {
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            method="POST",
            body=body,
        )

    def json(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Ask for JSON."""
        answer = self.ask(path, {"Accept": "application/json"})
        assert answer.status == 200, answer
        return answer.json

    def buy(self, *items: str) -> dict[str, str]:
        """Buy items: the path of each one's download."""
        form = urllib.parse.urlencode([("item", each) for each in items])
        answer = self.post("/purchases", form.encode())
        assert answer.status == 201, answer.body
        return {
            item: urllib.parse.urlsplit(url).path
            for item, url in answer.json["downloads"].items()
        }

    def shelf(self) -> list[str]:
        """Give the id of every item and release."""
        found = []
        for release in self.json("/catalog")["releases"]:
            found += [release["item_id"]] if release["item_id"] else []
            found += [item["item_id"] for item in release["items"]]
        return found

    def is_ready(self) -> bool:
        """Whether the store can sell."""
        try:
            return self.ask("/-/ready").status == 200
        except (OSError, http.client.HTTPException):
            return False


class Transfer:
    """A download under way, that is read bit by bit."""

    def __init__(
        self, buyer: Buyer, path: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self._connection = buyer.connect()
        self._connection.request("GET", path, headers=dict(headers or {}))
        self.answer = self._connection.getresponse()

    def read(self, size: int) -> bytes:
        """Read so much, or less where it ends; b"" where it is cut off."""
        try:
            return self.answer.read(size)
        except http.client.IncompleteRead as error:
            return error.partial
        except (ConnectionError, ssl.SSLError):
            return b""

    def read_at(self, bytes_per_second: int, size: int) -> int:
        """Read so much, no faster than that: how much it was."""
        room = bytearray(1 << 18)
        taken = 0
        began = time.monotonic()
        while taken < size:
            view = memoryview(room)[: size - taken]
            count = self.answer.readinto(view)
            if not count:
                break
            taken += count
            ahead = taken / bytes_per_second - (time.monotonic() - began)
            if ahead > 0:
                time.sleep(ahead)  # a slow reader is one that waits
        return taken

    def close(self) -> None:
        """Hang up."""
        sock = self._connection.sock
        if sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
        self.answer.close()
        self._connection.close()


def raw(port: int, request: bytes, tls: ssl.SSLContext | None = None) -> str:
    """Send bytes as they are: the head of the answer."""
    with closing(connect(port, tls)) as sock:
        sock.sendall(request)
        head = b""
        while b"\r\n\r\n" not in head and (part := sock.recv(4096)):
            head += part
    return head.decode("latin-1")

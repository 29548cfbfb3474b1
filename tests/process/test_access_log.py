# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Access log: one line for each response, with the bytes of its body.

Each client has an address of its own, by which its line is found.
"""

import json
import random
import re
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.downloads.contents import noise
from tests.hostile.crowd import connect_from
from tests.process.store_requests import buy_link
from tests.store_process import StoreProcess, launch_store

SIZE: Final = 3_000_000
CLIENTS: Final = 240
HOST: Final = b"Host: localhost\r\n"
CLOSE: Final = b"Connection: close\r\n\r\n"
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Client:
    """Requests of one client, and what it received."""

    host: str
    sent: bytes
    reads: int | None
    resets: bool = False
    status: int = 0
    body: int = 0
    whole: bool = False

    def visit(self, store: StoreProcess) -> None:
        """Send a request, read some of the response, and disconnect."""
        with (
            suppress(OSError),
            connect_from(
                store, self.host, buffer_bytes=16_384, seconds=60
            ) as line,
        ):
            line.sendall(self.sent)
            got = b""
            try:
                while self.reads is None or len(got) < self.reads:
                    piece = line.recv(65536)
                    if not piece:
                        self.whole = True
                        break
                    got += piece
            except ConnectionError:
                self.whole = self.reads is None
            if self.resets:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            head, _, body = got.partition(b"\r\n\r\n")
            if found := re.match(rb"HTTP/1\.[01] (\d{3}) ", head):
                self.status, self.body = int(found[1]), len(body)


@pytest.fixture(params=["--no-tls", "--tls"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[StoreProcess]:
    """Store with one file larger than the buffers, and a small one."""
    release = tmp_path / "library" / "Noise"
    release.mkdir(parents=True)
    (release / "large.bin").write_bytes(noise(SIZE))
    with launch_store(
        tmp_path,
        request.param,
        MSRV_LIBRARY=str(tmp_path / "library"),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_DRAIN_SECONDS="10",
    ) as running:
        yield running
    assert "traceback" not in running.log.read_text("utf-8").lower()


def lines_of(store: StoreProcess) -> dict[str, list[dict[str, Any]]]:
    """Stop the store; return each client's lines."""
    assert store.stop() == 0
    found: dict[str, list[dict[str, Any]]] = {}
    for line in store.log.read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["room"] == "msrv.access":
            found.setdefault(entry["client"], []).append(entry)
    return found


def visit_all(store: StoreProcess, clients: list[Client]) -> None:
    """Run all clients, some at a time."""
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda each: each.visit(store), clients))


def test_client_that_disconnects_early_has_one_line(
    store: StoreProcess,
) -> None:
    chance = random.Random(20_261_129)  # noqa: S311 - reproducible
    path = buy_link(store)[0].encode()
    requests = [
        b"GET " + path + b" HTTP/1.1\r\n" + HOST + CLOSE,
        b"GET "
        + path
        + b" HTTP/1.1\r\n"
        + HOST
        + b"Range: bytes=5-1999999,2500000-\r\n"
        + CLOSE,
        b"GET / HTTP/1.1\r\n" + HOST + CLOSE,
        b"GET /nowhere HTTP/1.1\r\n" + HOST + CLOSE,
    ]
    clients = [
        Client(
            f"127.1.{1 + number // 200}.{1 + number % 200}",
            chance.choice(requests),
            chance.choice([0, 1, 500, 100_000, 1_000_000]),
            resets=chance.random() < 0.5,
        )
        for number in range(CLIENTS)
    ]
    visit_all(store, clients)
    lines = lines_of(store)
    served = [each for each in clients if each.status]
    assert len(served) > CLIENTS / 2
    for each in served:
        entries = lines.get(each.host, [])
        assert len(entries) == 1, each
        assert entries[0]["status"] == each.status
        assert each.body <= entries[0]["bytes"] <= SIZE + 2000
    for each in clients:
        assert len(lines.get(each.host, [])) <= 1


def test_bytes_are_those_of_the_body_sent(store: StoreProcess) -> None:
    """Headers and framing are not counted, nor what was not sent."""
    path = buy_link(store)[0].encode()
    plain = b"GET " + path + b" HTTP/1.1\r\n" + HOST
    head = b"HEAD " + path + b" HTTP/1.1\r\n" + HOST
    etag = b""
    with connect_from(store) as line:
        line.sendall(head + CLOSE)
        received = line.recv(65536)
        found = re.search(rb"(?i)etag: (\S+)", received)
        assert found
        etag = found[1]
    requests = {
        "whole": (plain + CLOSE, 200),
        "one range": (plain + b"Range: bytes=10-19\r\n" + CLOSE, 206),
        "ranges": (plain + b"Range: bytes=0-0,10-19\r\n" + CLOSE, 206),
        "no range": (plain + b"Range: bytes=9999999-\r\n" + CLOSE, 416),
        "not modified": (
            plain + b"If-None-Match: " + etag + b"\r\n" + CLOSE,
            304,
        ),
        "head": (head + CLOSE, 200),
        "page": (b"GET / HTTP/1.1\r\n" + HOST + CLOSE, 200),
        "head of a page": (b"HEAD / HTTP/1.1\r\n" + HOST + CLOSE, 200),
        "forged": (
            b"GET " + path + b"x HTTP/1.1\r\n" + HOST + CLOSE,
            404,
        ),
        "no HTTP": (b"nonsense\r\n\r\n", 400),
        "a bad header": (b"GET / HTTP/1.1\r\nA B: c\r\n\r\n", 400),
        "two lengths": (
            b"POST /cart HTTP/1.1\r\n"
            + HOST
            + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na",
            400,
        ),
        "another type": (
            b"POST /cart HTTP/1.1\r\n"
            + HOST
            + b"Content-Type: text/plain\r\nContent-Length: 1\r\n"
            + CLOSE
            + b"a",
            415,
        ),
    }
    clients = {
        name: Client(f"127.2.0.{1 + number}", sent, None)
        for number, (name, (sent, _)) in enumerate(requests.items())
    }
    visit_all(store, list(clients.values()))
    lines = lines_of(store)
    for name, each in clients.items():
        assert each.whole, name
        assert each.status == requests[name][1], name
        entries = lines.get(each.host, [])
        assert [entry["status"] for entry in entries] == [each.status], name
        assert entries[0]["bytes"] == each.body, name
    assert clients["head"].body == clients["not modified"].body == 0
    assert clients["whole"].body == SIZE


def test_cached_responses_are_logged_the_same(
    tmp_path: Path,
) -> None:
    release = tmp_path / "library" / "Noise"
    release.mkdir(parents=True)
    (release / "small.bin").write_bytes(noise(1000))
    with launch_store(
        tmp_path,
        "--no-tls",
        MSRV_LIBRARY=str(tmp_path / "library"),
        MSRV_DEMO_PAYMENTS="1",
    ) as store:
        path = buy_link(store)[0].encode()
        request = b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n"
        with connect_from(store, "127.3.0.1") as line:
            line.sendall(request * 20 + request[:-2] + CLOSE)
            got = b""
            while piece := line.recv(65536):
                got += piece
        assert got.count(b"HTTP/1.1 200 ") == 21
        entries = lines_of(store)["127.3.0.1"]
    assert [entry["bytes"] for entry in entries] == [1000] * 21
    assert {entry["route"] for entry in entries} == {"download"}


def test_unfinished_request_has_a_line_once_it_is_answered(
    tmp_path: Path,
) -> None:
    form = (
        b"POST /cart HTTP/1.1\r\n"
        + HOST
        + b"Content-Type: application/x-www-form-urlencoded\r\n"
    )
    page = b"GET /nowhere HTTP/1.1\r\n" + HOST
    requests = {
        "form": form + b"Content-Length: 1000\r\n\r\nadd=",
        "form without a byte": form + b"Content-Length: 1000\r\n\r\n",
        "chunked form": (
            form + b"Transfer-Encoding: chunked\r\n\r\n4\r\nadd=\r\n"
        ),
        "form after a page": (
            page + b"\r\n" + form + b"Content-Length: 1000\r\n\r\nadd="
        ),
        "headers": page + b"X: ",
        "nothing": b"",
    }
    clients = {
        name: Client(f"127.4.0.{1 + number}", sent, None)
        for number, (name, sent) in enumerate(requests.items())
    }
    with launch_store(tmp_path, "--no-tls", MSRV_DEMO_PAYMENTS="1") as store:
        visit_all(store, list(clients.values()))
        lines = lines_of(store)
    statuses = {
        name: [entry["status"] for entry in lines.get(each.host, [])]
        for name, each in clients.items()
    }
    assert statuses == {
        "form": [408],
        "form without a byte": [408],
        "chunked form": [408],
        "form after a page": [404, 408],
        "headers": [],
        "nothing": [],
    }
    for name, each in clients.items():
        assert each.whole, name
        assert each.status == (statuses[name] or [0])[0], name
        if statuses[name] == [408]:
            assert lines[each.host][0]["bytes"] == each.body, name

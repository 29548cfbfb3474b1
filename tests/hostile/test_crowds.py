# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Crowds of connections, and an honest visitor that is served.

The stores have few descriptors, so that a crowd is small. Each connection of a
crowd is reopened as soon as it is closed.
"""

import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.hostile.attack import FORM, HOST
from tests.hostile.crowd import (
    Crowd,
    Opening,
    Visitor,
    connect_from,
    running_crowd,
)
from tests.hostile.test_connections import client_hello
from tests.payments.stripe import stripe_objects
from tests.payments.stripe.fake_stripe import KEY, SECRET, FakeStripe
from tests.store_process import ROOT, StoreProcess, free_port, launch_store

FILES: Final = 256
CROWD: Final = 320
"""More than the descriptors that the store has."""

STRANGER: Final = ["127.0.0.66"]
STRANGERS: Final = [f"127.0.1.{number}" for number in range(1, 81)]
HONEST: Final = "127.0.0.77"
PROVIDER: Final = "127.0.0.78"


@pytest.fixture(scope="module", params=["--no-tls", "--tls"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoreProcess]:
    """Store with few descriptors."""
    folder = tmp_path_factory.mktemp("crowd")
    release: Path = folder / "library" / "Free"
    release.mkdir(parents=True)
    (release / "free.bin").write_bytes(b"free" * 1000)
    (release / "release.toml").write_text(
        'title = "Free"\n[items."free.bin"]\nid = "free"\nprice = "0"\n',
        encoding="utf-8",
    )
    with launch_store(
        folder,
        request.param,
        files=FILES,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_STRIPE_KEY=KEY,
        MSRV_STRIPE_WEBHOOK_SECRET=SECRET,
        # Nothing listens there, so received webhooks stay in the data folder.
        MSRV_STRIPE_API=f"http://127.0.0.1:{free_port()}",
    ) as running:
        yield running
        assert running.stop() == 0
    log = running.log.read_text("utf-8")
    assert "traceback" not in log.lower()
    assert "Too many open files" not in log


def silent(connection: socket.socket) -> socket.socket:
    """Send nothing."""
    return connection


def partial_request(connection: socket.socket) -> socket.socket:
    """Send half a request."""
    connection.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"X: ")
    return connection


def partial_handshake(connection: socket.socket) -> socket.socket:
    """Send half a handshake."""
    connection.sendall(client_hello()[:100])
    return connection


def idle(connection: socket.socket) -> socket.socket:
    """Send one request, and stay connected."""
    connection.sendall(b"GET /-/health HTTP/1.1\r\n" + HOST + b"\r\n")
    if not connection.recv(4096):
        raise ConnectionError
    return connection


def partial_form(connection: socket.socket) -> socket.socket:
    """Send half a form."""
    connection.sendall(
        b"POST /cart HTTP/1.1\r\n"
        + HOST
        + FORM
        + b"Content-Length: 10000\r\n\r\nadd="
    )
    return connection


def crowd_of(store: StoreProcess, opening: Opening, hosts: list[str]) -> Crowd:
    """Return a crowd with these addresses."""
    return Crowd(
        store,
        hosts,
        each=CROWD // len(hosts),
        opening=opening,
        secure=opening in {idle, partial_request, partial_form},
        drip=b"a" if opening in {partial_request, partial_form} else b"",
    )


@pytest.mark.parametrize("hosts", [STRANGER, STRANGERS], ids=["one", "many"])
@pytest.mark.parametrize(
    "opening", [silent, partial_handshake, partial_request, idle, partial_form]
)
def test_visitor_is_served_beside_a_crowd(
    store: StoreProcess, opening: Opening, hosts: list[str]
) -> None:
    """The visitor browses, buys and downloads; files can always be opened."""
    visitor = Visitor(store, HONEST)
    with running_crowd(crowd_of(store, opening, hosts)):
        for _ in range(3):
            status, _ = visitor.request_json("/catalog")
            assert status == 200
            status, bought = visitor.request_json(
                "/purchases", {"item": "free"}
            )
            assert status in {200, 201}
            url = bought["downloads"]["free"]
            assert visitor.request_json("/cart")[0] == 200
            path = "/" + url.split("/", 3)[3]
            assert download(store, path) == b"free" * 1000
        assert open_descriptors(store) < FILES - 32
        result = subprocess.run(
            [sys.executable, "-m", "msrv", "healthcheck", "--ready"],
            cwd=ROOT,
            env={
                **store.environ,
                "MSRV_PORT": str(store.port),
                "MSRV_TLS": "auto" if store.tls else "off",
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("hosts", [STRANGER, STRANGERS], ids=["one", "many"])
@pytest.mark.parametrize("opening", [silent, idle, partial_form])
def test_webhook_is_received_beside_a_crowd(
    store: StoreProcess, opening: Opening, hosts: list[str]
) -> None:
    messages = Path(store.environ["MSRV_DATA"], "messages")
    before = stored_webhooks(messages)
    with running_crowd(crowd_of(store, opening, hosts)):
        for number in range(3):
            assert send_webhook(store, len(before) + number) == 200
            assert len(stored_webhooks(messages) - before) == number + 1


def stored_webhooks(messages: Path) -> set[str]:
    """Return the webhooks in the inbox."""
    return {each.name for each in messages.glob("*")}


def send_webhook(store: StoreProcess, number: int) -> int:
    """Report a payment as Stripe does; return the status."""
    event = stripe_objects.event(
        number,
        "checkout.session.completed",
        {"id": f"cs_test_{number}", "object": "checkout.session"},
        int(time.time()),
        live=False,
    )
    body = json.dumps(event)
    connection = http.client.HTTPConnection("localhost")
    connection.sock = connect_from(store, PROVIDER)
    try:
        connection.request(
            "POST",
            "/payments/stripe/webhook",
            body=body,
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "Stripe-Signature": FakeStripe.sign(body),
            },
        )
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def download(store: StoreProcess, path: str) -> bytes:
    """Download as the visitor."""
    with connect_from(store, HONEST) as connection:
        connection.sendall(
            b"GET "
            + path.encode()
            + b" HTTP/1.1\r\n"
            + HOST
            + b"Connection: close\r\n\r\n"
        )
        got = b""
        while piece := connection.recv(65536):
            got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/1\.1 200 ", head)
    return body


def open_descriptors(store: StoreProcess) -> int:
    """Return the number of descriptors of the store."""
    return len(list(Path(f"/proc/{store.process.pid}/fd").iterdir()))

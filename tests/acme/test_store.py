# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Whole life of a certificate, in running stores with pebble."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cryptography import x509

from msrv.files import lock_folder
from tests.acme.faulty_proxy import FaultyProxy, problem
from tests.acme.requesting import Requester
from tests.store_process import ROOT, START_SECONDS, free_port

NAME = "shop.example"
Serve = Callable[..., "Store"]


class Store:
    """Store in a process of its own, at the ports where pebble validates."""

    def __init__(self, data: Path, proxy: FaultyProxy, **environ: str) -> None:
        self.data = data
        self.port = proxy.pebble.tls_port
        self.http_port = proxy.pebble.http_port
        self.environ = {
            "PATH": os.environ["PATH"],
            "MSRV_DATA": str(data),
            "MSRV_DOMAIN": NAME,
            "MSRV_HOST": "127.0.0.1",
            "MSRV_PORT": str(self.port),
            "MSRV_HTTP_PORT": str(self.http_port),
            "MSRV_ACME_DIRECTORY": proxy.directory,
            "MSRV_ACME_CA": str(proxy.ca),
            "NONCE": "a nonce for certificates: 9Jk2-Lmx7-Rr4T-wP0e-Zz81",
            **environ,
        }
        for name in [key for key, text in self.environ.items() if not text]:
            del self.environ[name]
        self.port = int(self.environ["MSRV_PORT"])
        data.parent.mkdir(parents=True, exist_ok=True)
        self.log_path = data.parent / f"{data.name}-{self.port}.log"

    @contextmanager
    def running(self) -> Iterator["Store"]:
        """Run the store until the block is left."""
        with self.log_path.open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "msrv", "serve"],
                cwd=ROOT,
                env=self.environ,
                stdout=log,
                stderr=log,
            )
        try:
            self.wait(self.issuer)
            yield self
            process.terminate()
            assert process.wait(START_SECONDS) == 0, self.log
        finally:
            process.kill()
            process.wait()

    @property
    def log(self) -> str:
        """What the store has logged so far."""
        return self.log_path.read_text("utf-8")

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command with the store's settings."""
        return subprocess.run(
            [sys.executable, "-m", "msrv", *arguments],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=4 * START_SECONDS,
            check=False,
        )

    def wait(self, holds: Callable[[], object]) -> None:
        """Wait until something holds; the machine may be busy."""
        until = time.monotonic() + 2 * START_SECONDS
        while True:
            try:
                if holds():
                    return
            except OSError:
                pass
            assert time.monotonic() < until, self.log
            time.sleep(0.1)

    def connect(
        self, trust: ssl.SSLContext | None = None, name: str = NAME
    ) -> ssl.SSLSocket:
        """Connect by TLS, trusting anyone unless `trust` is given."""
        context = trust or ssl._create_unverified_context()  # noqa: S323 - to look at what is served
        plain = socket.create_connection(("127.0.0.1", self.port), 30)
        try:
            return context.wrap_socket(plain, server_hostname=name)
        except BaseException:
            plain.close()
            raise

    def certificate(self) -> x509.Certificate:
        """Return the certificate that new connections get."""
        with self.connect() as tls:
            found = tls.getpeercert(binary_form=True)
        assert found is not None
        return x509.load_der_x509_certificate(found)

    def certificate_on_disk(self) -> x509.Certificate:
        """Return the certificate in the data folder."""
        path = self.data / "acme" / "certificate.pem"
        return x509.load_pem_x509_certificates(path.read_bytes())[0]

    def issuer(self) -> str:
        """Return who issued the certificate."""
        return self.certificate().issuer.rfc4514_string()

    def is_certified(self) -> bool:
        """Return whether the certificate is pebble's."""
        return "Pebble" in self.issuer()

    def get(self, path: str, host: str = NAME) -> tuple[int, str, str]:
        """Return status, `Location` and text, by HTTPS."""
        with self.connect() as tls:
            return request(tls, path, host)

    def get_plain(self, path: str, host: str = NAME) -> tuple[int, str, str]:
        """Return status, `Location` and text, by plain HTTP."""
        with socket.create_connection(("127.0.0.1", self.http_port), 30) as s:
            return request(s, path, host)


def request(
    connection: socket.socket, path: str, host: str
) -> tuple[int, str, str]:
    """Send a request as it is written; return status, `Location`, text."""
    connection.settimeout(START_SECONDS)
    connection.sendall(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n"
        "\r\n".encode()
    )
    response = http.client.HTTPResponse(connection, method="GET")
    response.begin()
    text = response.read().decode()
    return response.status, response.headers.get("Location", ""), text


@pytest.fixture
def serve(proxy: FaultyProxy, tmp_path: Path) -> Iterator[Serve]:
    """Start a store, with settings; it is stopped after the test."""
    with ExitStack() as stack:

        def start(data: str = "data", **environ: str) -> Store:
            made = Store(tmp_path / data, proxy, **environ)
            return stack.enter_context(made.running())

        yield start


def test_first_certificate_is_served_without_a_restart(
    serve: Serve, proxy: FaultyProxy
) -> None:
    """An old connection continues, a new one is trusted; then a renewal."""
    store = serve(MSRV_DOMAIN=f"{NAME}, www.{NAME}")
    assert "waiting for a certificate" in store.log
    store.wait(store.is_certified)
    trust = proxy.pebble.trust()
    with store.connect(trust) as old:
        assert request(old, "/", NAME)[0] == 200
        first = store.certificate().serial_number
        renewal = store.run("certificate", "--renew")
        assert renewal.returncode == 0, renewal.stderr
        store.wait(lambda: store.certificate().serial_number != first)
        assert request(old, "/", NAME)[0] == 200
    with store.connect(trust) as tls, store.connect(trust, f"www.{NAME}"):
        status, _, page = request(tls, "/", NAME)
        assert (status, "<html" in page) == (200, True)
    # The address of the others redirects to the first.
    assert store.get("/catalog?a=%41", f"www.{NAME}")[:2] == (
        308,
        f"https://{NAME}/catalog?a=%41",
    )
    shown = json.loads(store.run("certificate", "--json").stdout)
    assert shown["names"] == [NAME, f"www.{NAME}"]
    assert (shown["failures"], shown["problem"]) == (0, None)
    assert shown["expires_at"] < "2099"


def test_openssls_client_verifies_the_chain(
    serve: Serve, proxy: FaultyProxy, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    store = serve()
    store.wait(store.is_certified)
    roots = tmp_path / "roots.pem"
    url = f"https://localhost:{proxy.pebble.management_port}/roots/0"
    roots.write_text(fetch(url, proxy.pebble.ca), encoding="utf-8")
    found = subprocess.run(
        [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{store.port}",
            "-servername",
            NAME,
            "-verify_hostname",
            NAME,
            "-CAfile",
            str(roots),
            "-verify_return_error",
            "-brief",
        ],
        input="",
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=True,
    )
    assert "Verification: OK" in found.stderr


def fetch(url: str, ca: Path) -> str:
    """Return the text of an address."""
    context = ssl.create_default_context(cafile=ca)
    host, _, path = url.removeprefix("https://").partition("/")
    connection = http.client.HTTPSConnection(host, context=context, timeout=30)
    try:
        connection.request("GET", f"/{path}")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_tls_alone_is_enough(serve: Serve) -> None:
    store = serve(MSRV_ACME_CHALLENGE="tls", MSRV_HTTP_PORT="")
    store.wait(store.is_certified)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", store.http_port), 5).close()


def test_tls_is_used_where_http_is_not_reached(
    serve: Serve, proxy: FaultyProxy
) -> None:
    """Plain HTTP is served at another port than the authority's."""
    store = serve(MSRV_HTTP_PORT=str(free_port()))
    store.wait(store.is_certified)
    assert "http-01 failed" in store.log
    assert proxy.count("/order-plz") == 2


def test_plain_http_redirects_to_the_domain_alone(serve: Serve) -> None:
    store = serve()
    for path, status, location in (
        ("/", 308, f"https://{NAME}/"),
        ("/catalog?a=%41", 308, f"https://{NAME}/catalog?a=%41"),
        ("//evil.example", 308, f"https://{NAME}//evil.example"),
        ("http://evil.example/a", 308, f"https://{NAME}/a"),
        ("/.well-known/acme-challenge/missing", 404, ""),
        ("/.well-known/acme-challenge/..%2f..%2fnonce", 404, ""),
    ):
        assert store.get_plain(path)[:2] == (status, location)
    assert store.get_plain("/", "evil.example")[:2] == (421, "")


def test_replica_that_does_not_ask_answers_and_loads(
    serve: Serve, proxy: FaultyProxy, tmp_path: Path
) -> None:
    """Another process asks; the store can't, and answers by both means."""
    requester = Requester(tmp_path / "data", proxy.ca, proxy.directory)
    descriptor = lock_folder(requester.state.path)
    assert descriptor is not None
    try:
        store = serve()
        # Its worker has looked, and found the folder locked.
        store.wait(lambda: "catalog:" in store.log)
    finally:
        os.close(descriptor)
    for challenges in (("http-01",), ("tls-alpn-01",)):
        manager = requester.manager(NAME, challenges=challenges)
        assert manager.update(force=True).problem is None
        serial = requester.certificate.serial
        store.wait(lambda: store.certificate().serial_number == serial)  # noqa: B023 - awaited at once


def test_of_two_replicas_one_asks(serve: Serve, proxy: FaultyProxy) -> None:
    one = serve()
    other = serve(MSRV_PORT=str(free_port()), MSRV_HTTP_PORT="0")
    one.wait(one.is_certified)
    other.wait(other.is_certified)
    assert proxy.count("/order-plz") == 1
    assert one.certificate() == other.certificate()


def test_store_is_up_while_the_authority_refuses(
    serve: Serve, proxy: FaultyProxy
) -> None:
    proxy.fault = lambda _, path: (
        problem(403, "rejectedIdentifier", "not this one")
        if "order" in path
        else None
    )
    store = serve()
    store.wait(lambda: "doesn't certify this name" in store.log)
    store.wait(lambda: store.get("/")[0] == 200)
    status, _, text = store.get("/-/ready", "127.0.0.1")
    assert status == 200
    assert json.loads(text) == {"status": "degraded", "waiting": "certificate"}
    shown = store.run("certificate")
    assert shown.returncode == 1
    assert "doesn't certify this name" in shown.stdout
    _, _, metrics = store.get("/-/metrics", "127.0.0.1")
    assert "msrv_certificate_failures 1.0" in metrics
    assert "msrv_certificate_expiry_seconds" not in metrics
    # The cause is removed.
    proxy.fault = lambda *_: None
    assert store.run("certificate", "--renew").returncode == 0
    store.wait(store.is_certified)


def test_restarted_store_serves_its_certificate_at_once(
    proxy: FaultyProxy, tmp_path: Path
) -> None:
    """A loop of restarts asks for nothing."""
    store = Store(tmp_path / "data", proxy)
    with store.running():
        store.wait(store.is_certified)
        assert store.run("healthcheck").returncode == 0
    serial = store.certificate_on_disk().serial_number
    orders = proxy.count("/order-plz")
    for _ in range(2):
        with store.running():
            assert store.certificate().serial_number == serial
            assert "waiting for a certificate" not in store.log
    assert proxy.count("/order-plz") == orders


def test_damaged_certificate_starts_the_store_and_is_replaced(
    proxy: FaultyProxy, tmp_path: Path
) -> None:
    store = Store(tmp_path / "data", proxy)
    folder = tmp_path / "data" / "acme"
    folder.mkdir(parents=True)
    (folder / "certificate.pem").write_bytes(b"half a certif")
    with store.running():
        store.wait(store.is_certified)
        assert f"can't use {folder / 'certificate.pem'}" in store.log


def test_port_in_use_is_named(proxy: FaultyProxy, tmp_path: Path) -> None:
    store = Store(tmp_path / "data", proxy)
    with socket.create_server(("127.0.0.1", store.http_port)):
        found = store.run("serve")
    assert found.returncode != 0
    assert f"MSRV_HTTP_PORT: port {store.http_port} is al" in found.stderr

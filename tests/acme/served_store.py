# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Store in a process of its own, with a certificate from pebble."""

import http.client
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509

from tests.acme.faulty_proxy import FaultyProxy
from tests.acme.requesting import NAME
from tests.store_process import ROOT, START_SECONDS

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

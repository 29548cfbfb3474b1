# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Listening: TLS versions, ports, addresses, and bytes that are not HTTP."""

import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.store_requests import Connect
from tests.store_process import ROOT, StoreProcess, launch_store


@pytest.mark.parametrize(
    ("version", "works"),
    [
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_2_and_1_3_are_supported(
    running: StoreProcess, version: ssl.TLSVersion, *, works: bool
) -> None:
    context = running.tls
    assert context
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    port = running.port
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        try:
            with context.wrap_socket(
                plain, server_hostname="localhost"
            ) as secure:
                assert works
                assert secure.version() == version.name.replace("v1_", "v1.")
        except ssl.SSLError:
            assert not works


def test_both_loopback_addresses_are_served(running: StoreProcess) -> None:
    port = running.port
    for address in ("127.0.0.1", "::1"):
        with socket.create_connection((address, port), timeout=60):
            pass


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n",
        b"\x16\x03\x01 nonsense\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
        + b"a" * 9000
        + b"\r\n\r\n",
    ],
    ids=["length", "header", "noise", "long line", "long header"],
)
def test_bytes_that_are_not_http_are_rejected(
    folder: Path, sent: bytes
) -> None:
    """There is no traceback in the log."""
    with launch_store(
        folder, "--no-tls", MSRV_LIBRARY=str(folder / "library")
    ) as store:
        port = store.port
        with socket.create_connection(
            ("127.0.0.1", port), timeout=60
        ) as plain:
            plain.sendall(sent)
            response = b""
            while chunk := plain.recv(65536):
                response += chunk
        assert response.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
        assert b"X-Content-Type-Options: nosniff" in response
        assert store.stop() == 0
    log = store.log.read_text("utf-8")
    assert "Traceback" not in log
    assert "traceback" not in log


def test_port_in_use_is_an_error_of_one_line(running: StoreProcess) -> None:
    port = str(running.port)
    ended = subprocess.run(
        [sys.executable, "-m", "msrv", "serve", "--port", port],
        cwd=ROOT,
        env=running.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    error = [
        line for line in ended.stderr.splitlines() if not line.startswith("{")
    ]
    assert error == [
        (
            f"Error: MSRV_PORT: port {port} is already in use on 127.0.0.1; "
            "choose another, for example with --port"
        )
    ]


@pytest.mark.parametrize(
    ("subdomains", "end"),
    [("0", "max-age=63072000"), ("1", "; includeSubDomains")],
)
def test_operators_certificate_enables_hsts(
    folder: Path,
    running: StoreProcess,
    connect: Connect,
    subdomains: str,
    end: str,
) -> None:
    certs = Path(running.environ["MSRV_CERTS"])
    (folder / "own").mkdir(exist_ok=True)
    with launch_store(
        folder / "own",
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_CERTS=str(certs),
        MSRV_TLS_CERT=str(certs / "localhost.crt"),
        MSRV_TLS_KEY=str(certs / "localhost.key"),
        MSRV_HSTS_SUBDOMAINS=subdomains,
    ) as store:
        connection = connect(store)
        connection.request("GET", "/")
        response = connection.getresponse()
        header = response.headers["Strict-Transport-Security"]
        assert header.startswith("max-age=63072000")
        assert header.endswith(end)
        assert store.stop() == 0

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Health probe: its output, exit status and imports."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from msrv.server.healthcheck import probe
from tests.store_process import ROOT, StoreProcess, launch_store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["auto", "off"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoreProcess]:
    """Return a store with built-in TLS, and one without."""
    store = launch_store(
        tmp_path_factory.mktemp("store"), MSRV_TLS=request.param
    )
    yield store
    assert store.stop() == 0


def run_probe(
    *options: str, **environ: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "msrv", "healthcheck", *options],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize(
    ("options", "status"), [([], "ok"), (["--ready"], "ready")]
)
def test_healthy_store_exits_0(
    store: StoreProcess, options: list[str], status: str
) -> None:
    port = str(store.port)
    tls = store.environ["MSRV_TLS"]
    result = run_probe(*options, MSRV_PORT=port, MSRV_TLS=tls)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"the store on 127.0.0.1 port {port}: {status}\n"


def test_wildcard_address_is_probed_on_loopback(store: StoreProcess) -> None:
    environ = {
        "MSRV_HOST": "0.0.0.0",  # noqa: S104 - as an image has it
        "MSRV_PORT": str(store.port),
        "MSRV_TLS": store.environ["MSRV_TLS"],
    }
    assert probe(environ, "/-/health")[0]


def test_refused_connection_exits_1() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        result = run_probe(MSRV_PORT=port, MSRV_TLS="off")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"the store on 127.0.0.1 port {port}: Connection refused\n"
    )


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (b'HTTP/1.1 503 \r\nContent-Length: 15\r\n\r\n{"status":"no"}', "no"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "Expecting"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "list indices"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
    ],
    ids=["stocking", "not JSON", "other JSON", "not HTTP"],
)  # fmt: skip
def test_unhealthy_response_is_one_line_on_stderr(
    response: bytes, text: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        with subprocess.Popen(
            [sys.executable, "-m", "msrv", "healthcheck", "--ready"],
            cwd=ROOT,
            env={"MSRV_PORT": port, "MSRV_TLS": "off"},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(response)
            _, stderr = process.communicate(timeout=20)
    assert process.returncode == 1
    assert len(stderr.splitlines()) == 1
    assert f"port {port}: " in stderr
    assert text in stderr


def test_invalid_port_is_reported() -> None:
    assert probe({"MSRV_PORT": "x"}, "/") == (
        False,
        "MSRV_PORT: 'x' is not a port number",
    )


def test_probe_imports_nothing_heavy() -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "msrv", "healthcheck"],
        cwd=ROOT,
        env={"MSRV_PORT": "x"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "msrv.server.healthcheck" in result.stderr
    for heavy in ("aiohttp", "click", "pydantic", "msrv.settings"):
        assert f"{heavy}\n" not in result.stderr


def test_help_describes_the_ready_option() -> None:
    assert "--ready" in run_probe("--help").stdout

"""The command that a container engine asks: what it says, and how soon."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from msrv.healthcheck import ask
from tests.store_process import ROOT, StoreProcess, launch_store


@pytest.fixture(scope="module", params=["auto", "off"])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoreProcess]:
    """A store with HTTPS of its own, and one without."""
    store = launch_store(
        tmp_path_factory.mktemp("store"), MSRV_TLS=request.param
    )
    yield store
    assert store.stop() == 0


def check(*options: str, **environ: str) -> "subprocess.CompletedProcess[str]":
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
def test_a_store_that_is_well(
    store: StoreProcess, options: list[str], status: str
) -> None:
    """The engine ends a store that works, or the edge waits for ever."""
    port = str(store.port)
    tls = store.environ["MSRV_TLS"]
    result = check(*options, MSRV_PORT=port, MSRV_TLS=tls)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"the store on 127.0.0.1 port {port}: {status}\n"


def test_every_address_is_asked_on_the_loopback(store: StoreProcess) -> None:
    """A store that listens everywhere is never found to be well."""
    environ = {
        "MSRV_HOST": "0.0.0.0",  # noqa: S104 - as an image has it
        "MSRV_PORT": str(store.port),
        "MSRV_TLS": store.environ["MSRV_TLS"],
    }
    assert ask(environ, "/-/health")[0]


def test_nobody_is_there() -> None:
    """A store that has gone looks well."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        result = check(MSRV_PORT=port, MSRV_TLS="off")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"the store on 127.0.0.1 port {port}: Connection refused\n"
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b'HTTP/1.1 503 \r\nContent-Length: 15\r\n\r\n{"status":"no"}', "no"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "Expecting"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "list indices"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0"),
    ],
    ids=["stocking", "not JSON", "other JSON", "not HTTP"],
)  # fmt: skip
def test_what_is_not_well_is_one_line(answer: bytes, said: str) -> None:
    """The engine's own record of the failure is a traceback."""
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
                connection.sendall(answer)
            _, stderr = process.communicate(timeout=20)
    assert process.returncode == 1
    assert len(stderr.splitlines()) == 1
    assert f"port {port}: " in stderr
    assert said in stderr


def test_a_port_that_is_none() -> None:
    """A wrong setting shows as anything but that."""
    assert ask({"MSRV_PORT": "x"}, "/") == (
        False,
        "MSRV_PORT: 'x' is no port",
    )


def test_it_starts_without_the_store() -> None:
    """Every few seconds, the engine pays half a second of importing."""
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "msrv", "healthcheck"],
        cwd=ROOT,
        env={"MSRV_PORT": "x"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "msrv.healthcheck" in result.stderr
    for heavy in ("aiohttp", "click", "pydantic", "msrv.settings"):
        assert f"{heavy}\n" not in result.stderr


def test_help_is_there() -> None:
    """An operator can't find out what it does."""
    assert "--ready" in check("--help").stdout

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Store in a process of its own: `python -m msrv serve`."""

import http.client
import itertools
import json
import os
import resource
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "msrv")
"""Program of the checkout."""
_KERNELS_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
START_SECONDS = 60
"""Time limit of a start and of each request, also on a busy machine."""


@dataclass(slots=True)
class StoreProcess:
    """Running store, stopped at the end of a `with` block."""

    environ: dict[str, str]
    log: Path
    process: "subprocess.Popen[str]" = field(repr=False)
    url: str = ""

    def run(self, *arguments: str) -> str:
        """Run another command in this environment; return its output."""
        return subprocess.run(
            [sys.executable, "-m", "msrv", *arguments],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=START_SECONDS,
        ).stdout

    @property
    def port(self) -> int:
        """Port that the store listens on."""
        return int(self.url.rpartition(":")[2])

    @property
    def tls(self) -> ssl.SSLContext | None:
        """Context that trusts this store's CA alone; None for plain HTTP."""
        if not self.url.startswith("https"):
            return None
        ca = Path(self.environ["MSRV_CERTS"], "ca.crt")
        return ssl.create_default_context(cafile=ca)

    def connect(self) -> http.client.HTTPSConnection:
        """Return an HTTPS connection, opened by its first request."""
        return http.client.HTTPSConnection(
            "localhost", self.port, context=self.tls, timeout=START_SECONDS
        )

    def request_json(
        self, path: str, form: list[tuple[str, str]] | None = None
    ) -> Any:  # noqa: ANN401 - JSON
        """Request JSON: GET, or POST if there is a form."""
        request = urllib.request.Request(
            self.url + path,
            data=None
            if form is None
            else urllib.parse.urlencode(form).encode(),
            headers={"Accept": "application/json"},
        )
        with urllib.request.urlopen(
            request, timeout=START_SECONDS, context=self.tls
        ) as response:
            return json.load(response)

    def is_ready(self) -> bool:
        """Return whether the store can sell."""
        try:
            # It sells without its database, too.
            return self.request_json("/-/ready")["status"] in {
                "ready",
                "degraded",
            }
        except OSError:
            return False

    def __enter__(self) -> Self:
        """Stop the store when the block is left."""
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Send SIGTERM unless the process has exited; return its status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(START_SECONDS)
        finally:
            _kill(self.process)


def _kill(process: "subprocess.Popen[str]") -> None:
    """Kill the process and close its pipe."""
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def launch_store(
    folder: Path, *arguments: str, files: int | None = None, **environ: str
) -> StoreProcess:
    """Start a store on a free port of loopback, and wait until it can sell.

    Its data, certificates and log are in `folder`. `files` limits its open
    descriptors (soft and hard).
    """
    return launch_program(
        PROGRAM, ROOT, folder, *arguments, files=files, **environ
    )


def launch_program(
    program: Sequence[str | Path],
    cwd: Path,
    folder: Path,
    *arguments: str,
    files: int | None = None,
    **environ: str,
) -> StoreProcess:
    """Start a store as `launch_store` does, by another program."""
    environ = {
        "PATH": os.environ["PATH"],
        "MSRV_DATA": str(folder / "data"),
        "MSRV_CERTS": str(folder / "certs"),
        # Files that were written just now are offered at once.
        "MSRV_SETTLE_SECONDS": "0",
        "NONCE": "a nonce for journeys: 9Jk2-Lmx7-Rr4T-wP0e-Zz81",
        **environ,
    }
    log = folder / "log"
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [
                *_limited(files),
                *program,
                "serve",
                "--port=0",
                *arguments,
            ],
            cwd=cwd,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
    store = StoreProcess(environ, log, process)
    try:
        _wait_until_ready(store)
    except BaseException:
        _kill(process)
        raise
    return store


def _limited(files: int | None) -> list[str]:
    """Return the prefix of a command that limits its descriptors."""
    if files is None:
        return []
    return ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"]


def _wait_until_ready(store: StoreProcess) -> None:
    assert store.process.stdout
    for line in store.process.stdout:
        if line.strip().startswith("store"):
            store.url = line.split()[1]
            break
    assert store.url, store.log.read_text("utf-8")
    until = time.monotonic() + START_SECONDS
    while not store.is_ready():
        assert time.monotonic() < until, store.log.read_text("utf-8")
        time.sleep(0.02)


def free_port() -> int:
    """Return a free port that no other test of this run gets.

    It is outside of the range that the kernel takes ports from, so that it
    stays free while a server is started again.
    """
    while True:
        port = next(_PORTS)
        with suppress(OSError), socket.socket() as found:
            found.bind(("127.0.0.1", port))
            return port


def _own_ports() -> Iterator[int]:
    """Yield the ports of this worker of the run, from a random one on."""
    until = 32_768
    with suppress(FileNotFoundError):  # not on Linux
        until = int(_KERNELS_PORTS.read_text("ascii").split()[0])
    ports = range(10_000, until)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    own = ports[worker::workers]
    start = secrets.randbelow(len(own))
    return itertools.cycle((*own[start:], *own[:start]))


_PORTS = _own_ports()


def connect(port: int, tls: ssl.SSLContext | None = None) -> socket.socket:
    """Connect to a port of this machine, with a TLS handshake if `tls`."""
    plain = socket.create_connection(("127.0.0.1", port), 20)
    if tls is None:
        return plain
    return tls.wrap_socket(plain, server_hostname="localhost")


@contextmanager
def raised_fd_limit() -> Iterator[None]:
    """Allow thousands of descriptors, here and in child processes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(4096, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cost of downloads, compared with other servers.

Clients in a process of their own discard all they receive, so that the server
is the limit. CPU seconds per GB and throughput are of the same seconds; nginx
(one worker) is the baseline of both, stock aiohttp where nginx has nothing
comparable.
"""

import os
import re
import ssl
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import (
    AbstractContextManager,
    ExitStack,
    nullcontext,
    suppress,
)
from dataclasses import replace
from http.client import HTTPSConnection
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.backends.openssl import backend

from bench import peers
from bench.buying import SUITES, costs, receive, task
from bench.files import (
    ALBUM,
    LARGE,
    TINY,
    ZIP,
    make_album,
    make_single,
    warm,
)
from bench.measuring import Figure, compare, compare_values, run_rounds
from bench.peers import Peer, Stage
from bench.receiver import Received

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "3"))
LATENCY_SECONDS: Final = 2.5
RESTARTED: Final = ("stock", "uvicorn")
TINY_FILE_PEERS: Final = ("nginx", "msrv", "msrv_uvloop", "stock")
"""Peers that are measured with a tiny file, too."""


def measure(folder: Path) -> list[Figure]:
    """Start all installed peers, and measure them in turns."""
    stage = Stage.of(folder)
    make_single(stage.files)
    make_album(stage.files)
    names = peers.available()
    print(f"  OpenSSL: {_openssl_versions()}")
    few = [name for name in names if name in TINY_FILE_PEERS]
    figures: list[Figure] = []
    with PeerRotation(stage, names, tls=True) as company:
        for suite in SUITES:
            for clients in (1, 16):
                figures += speed(company, clients, suite)
        figures += archive(company)
        figures += latency(company)
    with PeerRotation(stage, few, tls=False) as company:
        figures += tiny(company)
    return figures


def _openssl_versions() -> str:
    """Return which OpenSSL encrypts for whom: newer ones are faster."""
    store = backend.openssl_version_text()
    nginx = subprocess.run(
        [peers.nginx() or "true", "-V"],
        capture_output=True,
        text=True,
        check=False,
    )
    built = re.search(r"built with (OpenSSL \S+)", nginx.stderr)
    return (
        f"MSRV {store}; nginx {built[1] if built else 'none'}; "
        f"stock aiohttp and uvicorn {ssl.OPENSSL_VERSION}"
    )


class PeerRotation:
    """Peers that take turns. Those in RESTARTED are started for each turn.

    After a client has disconnected they go on reading the file, and stock
    aiohttp encrypting it, on the processor that the next peer needs.
    """

    def __init__(self, stage: Stage, names: list[str], *, tls: bool) -> None:
        self.names = names
        self._stage = stage
        self._tls = tls
        self._stack = ExitStack()
        self._kept: dict[str, Peer] = {}

    def __enter__(self) -> Self:
        for name in self.names:
            if name not in RESTARTED:
                self._kept[name] = self._stack.enter_context(
                    self._stage.start(name, tls=self._tls)
                )
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def files(self) -> Path:
        """Folder that all peers serve."""
        return self._stage.files

    @property
    def stock_first(self) -> list[str]:
        """Names of the peers, stock aiohttp first, as the baseline."""
        return sorted(self.names, key=lambda name: name != "stock")

    def turn(self, name: str) -> AbstractContextManager[Peer]:
        """Return a peer for one turn."""
        if name in self._kept:
            return nullcontext(self._kept[name])
        return self._stage.start(name, tls=self._tls)


def downloading(
    company: PeerRotation,
    name: str,
    *,
    file: str = LARGE,
    clients: int = 1,
    suite: str = "AES-128",
) -> Callable[[], Received]:
    """Return a function that downloads from a peer once."""

    def run() -> Received:
        with company.turn(name) as peer:
            warm(company.files / (ALBUM if file == ZIP else file))
            return receive(task(peer, file, clients), suite)

    return run


def speed(
    company: PeerRotation, clients: int, suite: str, rounds: int = ROUNDS
) -> list[Figure]:
    """Measure CPU seconds per GB, and GB per second."""
    return costs(
        run_rounds(
            {
                f"{name}, {clients} at once, {suite}": downloading(
                    company, name, clients=clients, suite=suite
                )
                for name in company.names
            },
            rounds=rounds,
        )
    )


def archive(company: PeerRotation) -> list[Figure]:
    """Measure a ZIP against one file of the same size."""
    candidates = {
        "msrv, one file": downloading(company, "msrv"),
        "msrv, as a ZIP": downloading(company, "msrv", file=ZIP),
    }
    if peers.has("zipstream"):
        candidates["zipstream-ng in aiohttp"] = downloading(
            company, "stock", file=ZIP
        )
    return costs(run_rounds(candidates, rounds=ROUNDS))


def latency(company: PeerRotation) -> list[Figure]:
    """Measure `GET /` during 16 downloads from the same peer."""

    def waiting(name: str) -> Callable[[], float]:
        def run() -> float:
            with company.turn(name) as peer:
                return beside_downloads(peer, 16, LATENCY_SECONDS)[0]

        return run

    return compare(
        run_rounds(
            {
                f"{name}, GET / beside 16": waiting(name)
                for name in company.stock_first
            },
            rounds=ROUNDS,
        ),
        unit="ms, p99",
    )


def beside_downloads(
    peer: Peer, clients: int, seconds: float
) -> tuple[float, Received]:
    """Request pages during downloads.

    Return the 99th percentile in milliseconds, and what was downloaded.
    """
    taken, received = pages_beside_downloads(peer, clients, seconds)
    return percentile_99(taken), received


def percentile_99(values: Sequence[float]) -> float:
    """Return the 99th percentile of two values or more."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def pages_beside_downloads(
    peer: Peer, clients: int, seconds: float
) -> tuple[list[float], Received]:
    """Request pages during downloads.

    Return the milliseconds of each, and what was downloaded. The thread that
    requests the pages has a higher priority than the downloading process,
    where that is allowed: the server is measured, not how two processes share
    the rest of the machine.
    """
    wanted = replace(task(peer, LARGE, clients), seconds=seconds)
    pool = ThreadPoolExecutor(1)
    received = pool.submit(receive, wanted)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -15)
    page = HTTPSConnection(
        "localhost",
        peer.port,
        timeout=60,
        context=ssl._create_unverified_context(),  # noqa: S323, SLF001 - our own server
    )
    page.connect()
    time.sleep(0.8)  # until the downloads have started
    taken: list[float] = []
    until = time.perf_counter() + seconds - 0.8
    # At least two: a single worker may block the first for all that time.
    while (began := time.perf_counter()) < until or len(taken) < 2:
        page.request("GET", "/")
        page.getresponse().read()
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(0.002)
    page.close()
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 0)
    pool.shutdown()
    return taken, received.result()


def tiny(company: PeerRotation) -> list[Figure]:
    """Measure requests for 200 bytes, over 32 keep-alive connections.

    nginx verifies a link, too (`secure_link`).
    """

    def asking(name: str) -> Callable[[], Received]:
        def run() -> Received:
            with company.turn(name) as peer:
                return receive(replace(task(peer, TINY, 32), whole=True))

        return run

    taken = run_rounds(
        {f"{name}, 200 bytes": asking(name) for name in company.stock_first},
        rounds=ROUNDS,
    )
    return compare_values(
        taken,
        {
            "requests/s": lambda each: each.answers / each.seconds,
            "CPU us each": lambda each: each.cpu_seconds / each.answers * 1e6,
        },
    )

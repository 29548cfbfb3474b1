"""What a download costs, against what else could send it.

A process of buyers discards all it gets, so that the server is the limit.
CPU seconds per GB and throughput come of the same seconds; nginx (one worker)
is the baseline of both, stock aiohttp of what nginx has no answer to.
"""

import os
import ssl
import statistics
import threading
import time
from collections.abc import Callable
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
from bench.measuring import Figure, compare, take
from bench.peers import Peer, Stage
from bench.receiver import Taken

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "3"))
LATENCY_SECONDS: Final = 2.5
RESTLESS: Final = ("stock", "uvicorn")
FEW: Final = ("nginx", "msrv", "msrv_uvloop", "stock")
"""Who is measured with a tiny file, too."""


def measure(folder: Path) -> list[Figure]:
    """Start every peer that is here, and measure them in turns."""
    stage = Stage.of(folder)
    make_single(stage.files)
    make_album(stage.files)
    names = peers.available()
    few = [name for name in names if name in FEW]
    figures: list[Figure] = []
    with Company(stage, names, tls=True) as company:
        for suite in SUITES:
            for clients in (1, 16):
                figures += speed(company, clients, suite)
        figures += archive(company)
        figures += latency(company)
    with Company(stage, few, tls=False) as company:
        figures += tiny(company)
    return figures


class Company:
    """The peers that take turns. Those that are restless start each time.

    When a buyer goes away, they go on reading, and stock aiohttp encrypting,
    for nobody: in the next one's turn, and on its processor.
    """

    def __init__(self, stage: Stage, names: list[str], *, tls: bool) -> None:
        self.names = names
        self._stage = stage
        self._tls = tls
        self._stack = ExitStack()
        self._kept: dict[str, Peer] = {}

    def __enter__(self) -> Self:
        for name in self.names:
            if name not in RESTLESS:
                self._kept[name] = self._stack.enter_context(
                    self._stage.start(name, tls=self._tls)
                )
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def files(self) -> Path:
        """The folder that all of them serve."""
        return self._stage.files

    @property
    def stock_first(self) -> list[str]:
        """The names, with stock aiohttp's as the baseline."""
        return sorted(self.names, key=lambda name: name != "stock")

    def turn(self, name: str) -> AbstractContextManager[Peer]:
        """Have a peer for one turn."""
        if name in self._kept:
            return nullcontext(self._kept[name])
        return self._stage.start(name, tls=self._tls)


def taking(
    company: Company,
    name: str,
    *,
    file: str = LARGE,
    clients: int = 1,
    suite: str = "AES-128",
) -> Callable[[], Taken]:
    """Give what runs buyers once."""

    def run() -> Taken:
        with company.turn(name) as peer:
            warm(company.files / (ALBUM if file == ZIP else file))
            return receive(task(peer, file, clients), suite)

    return run


def speed(
    company: Company, clients: int, suite: str, rounds: int = ROUNDS
) -> list[Figure]:
    """Measure CPU seconds per GB, and GB per second."""
    return costs(
        take(
            {
                f"{name}, {clients} at once, {suite}": taking(
                    company, name, clients=clients, suite=suite
                )
                for name in company.names
            },
            rounds=rounds,
        )
    )


def archive(company: Company) -> list[Figure]:
    """Measure a ZIP against as much as one file."""
    candidates = {
        "msrv, one file": taking(company, "msrv"),
        "msrv, as a ZIP": taking(company, "msrv", file=ZIP),
    }
    if peers.has("zipstream"):
        candidates["zipstream-ng in aiohttp"] = taking(
            company, "stock", file=ZIP
        )
    return costs(take(candidates, rounds=ROUNDS))


def latency(company: Company) -> list[Figure]:
    """Measure `GET /` beside 16 downloads, against stock's beside its own."""

    def waiting(name: str) -> Callable[[], float]:
        def run() -> float:
            with company.turn(name) as peer:
                return beside_buyers(peer)

        return run

    return compare(
        take(
            {
                f"{name}, GET / beside 16": waiting(name)
                for name in company.stock_first
            },
            rounds=ROUNDS,
        ),
        unit="ms, p99",
    )


def beside_buyers(peer: Peer) -> float:
    """Ask for pages while buyers run: the 99th percentile, in ms.

    Who asks goes before the buyers, where that is allowed: it is the server
    that is measured, not how two processes share what it leaves.
    """
    wanted = replace(task(peer, LARGE, 16), seconds=LATENCY_SECONDS)
    buyers = threading.Thread(target=receive, args=(wanted,))
    buyers.start()
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -15)
    page = HTTPSConnection(
        "localhost",
        peer.port,
        timeout=60,
        context=ssl._create_unverified_context(),  # noqa: S323, SLF001 - our own server
    )
    page.connect()
    time.sleep(0.8)  # until the buyers have begun
    taken: list[float] = []
    until = time.perf_counter() + LATENCY_SECONDS - 0.8
    # Two at least: a lone worker may let the first wait for all that time.
    while (began := time.perf_counter()) < until or len(taken) < 2:
        page.request("GET", "/")
        page.getresponse().read()
        taken.append((time.perf_counter() - began) * 1000)
        time.sleep(0.002)
    page.close()
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 0)
    buyers.join()
    return statistics.quantiles(taken, n=100, method="inclusive")[98]


def tiny(company: Company) -> list[Figure]:
    """Measure requests for 200 bytes, over 32 kept connections.

    nginx checks a link, too (`secure_link`).
    """

    def asking(name: str) -> Callable[[], Taken]:
        def run() -> Taken:
            with company.turn(name) as peer:
                return receive(replace(task(peer, TINY, 32), whole=True))

        return run

    taken = take(
        {f"{name}, 200 bytes": asking(name) for name in company.stock_first},
        rounds=ROUNDS,
    )
    return compare(
        {
            name: [each.answers / each.seconds for each in rounds]
            for name, rounds in taken.items()
        },
        unit="requests/s",
    ) + compare(
        {
            name: [each.cpu_seconds / each.answers * 1e6 for each in rounds]
            for name, rounds in taken.items()
        },
        unit="CPU us each",
    )

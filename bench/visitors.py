# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Two hundred visitors at once, for five minutes at half a core of the store.

They browse, search, buy and download, with time to think: first from the
store itself over TLS, then from the production file with two replicas. How
long they think is found out first, so that the store needs half a core. Prints
a row of docs/performance.md for each.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from bench.edge import address, pid, production
from bench.measuring import Figure, compare
from bench.peers import ROOT, certificate_in
from bench.processes import cpu_seconds
from bench.visits import Seen, Visits
from msrv.tls.development_certificate import share_with_containers
from tests.containers.engine import missing_requirement
from tests.store_process import launch_store

VISITORS: Final = int(os.environ.get("BENCH_VISITORS", "200"))
MINUTES: Final = int(os.environ.get("BENCH_ROUNDS", "5"))
CORES: Final = 0.5
"""Processor time of the server in a second."""
RELEASES, ARTISTS = 24, 6
TRACK_BYTES: Final = 4 << 20
_FIRST_THINK_SECONDS: Final = 2.0
_LEAST_THINK_SECONDS: Final = 0.8
"""With less, the process of the visitors is what is measured."""
_CALIBRATION_SECONDS: Final = 20.0
_CALIBRATIONS: Final = 3
_ADDRESSES: Final = 60


@dataclass(frozen=True, slots=True)
class Server:
    """Running server: its address, and the processes whose time counts."""

    name: str
    url: str
    pids: tuple[int, ...]
    addresses: list[str]
    request_json: Callable[[str], Any]


def measure(folder: Path) -> list[Figure]:
    """Let them visit both; return milliseconds of a page, by the minute."""
    library = _library(folder / "library")
    figures = []
    with _store(folder, library) as server:
        figures += _visit(server)
    missing = missing_requirement()
    if missing:
        print(f"  {missing}: the edge is left out")
        return figures
    with _replicas(folder, library) as server:
        figures += _visit(server)
    return figures


def _library(folder: Path) -> Path:
    """Write releases, each with a track's worth of bytes beside the rest."""
    counts = ["--releases", str(RELEASES), "--artists", str(ARTISTS)]
    command = [sys.executable, "-m", "scripts.make_library", str(folder)]
    subprocess.run([*command, *counts], check=True, cwd=ROOT)
    for release in folder.iterdir():
        if release.is_dir() and release.name[0] not in "._":
            (release / "Session.bin").write_bytes(os.urandom(TRACK_BYTES))
    return folder


def _visit(server: Server) -> list[Figure]:
    listed = server.request_json("/catalog")["releases"]
    task = Visits(
        server.url,
        VISITORS,
        _FIRST_THINK_SECONDS,
        _CALIBRATION_SECONDS,
        {
            each["release"]: [item["item_id"] for item in each["items"]]
            for each in listed
            if each["items"]
        },
        server.addresses,
    )
    # The first of these also fills the caches.
    for _ in range(_CALIBRATIONS):
        cores, _ = _run(server, task)
        wanted = task.think_seconds * cores / CORES
        task = replace(task, think_seconds=max(wanted, _LEAST_THINK_SECONDS))
    task = replace(task, seconds=60)
    minutes = [_run(server, replace(task, seed=n)) for n in range(MINUTES)]
    seen = [each for _, each in minutes]
    errors = [error for each in seen for error in each.errors]
    figures = _figures(server.name, seen)
    median, slowest, late, *_ = figures
    print(
        f"\n  | server | pages/s | cores | median | 99th percentile | errors"
        " | purchases | downloads | their own waits, 99th | think | load |\n"
        f"  | {server.name}"
        f" | {sum(_pages(each) for each in seen) / 60 / MINUTES:.0f}"
        f" | {statistics.median(cores for cores, _ in minutes):.2f}"
        f" | {median.median:.1f} ms"
        f" | {slowest.median:.0f} ms ({slowest.low:.0f} to {slowest.high:.0f})"
        f" | {len(errors)}"
        f" | {sum(each.purchases for each in seen):,}"
        f" | {sum(each.downloads for each in seen):,}, "
        f"{sum(each.downloaded_bytes for each in seen) / 1e9:.1f} GB"
        f" | {late.median:.0f} ms"
        f" | {task.think_seconds:.1f} s"
        f" | {os.getloadavg()[0]:.0f} |"
    )
    for error in sorted(set(errors))[:10]:
        print(f"    {errors.count(error)} times {error}")
    return figures


def _figures(name: str, seen: Sequence[Seen]) -> list[Figure]:
    kinds = {kind for each in seen for kind in each.page_ms}
    everything = [
        [ms for taken in each.page_ms.values() for ms in taken]
        for each in seen
    ]
    rows = {
        f"{name}: all, median": [statistics.median(ms) for ms in everything],
        f"{name}: all, 99th": [_percentile(ms, 99) for ms in everything],
        f"{name}: the visitors' own waits, 99th": [
            _percentile(each.late_ms, 99) for each in seen
        ],
    } | {
        f"{name}: {kind}, 99th": [
            _percentile(each.page_ms.get(kind, [0.0]), 99) for each in seen
        ]
        for kind in sorted(kinds)
    }
    return compare(rows, unit="ms")


def _percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) * percent // 100, len(values) - 1)]


def _pages(seen: Seen) -> int:
    return sum(len(taken) for taken in seen.page_ms.values())


def _run(server: Server, task: Visits) -> tuple[float, Seen]:
    """Let the visitors visit; return the cores used, and what they saw."""
    before = sum(cpu_seconds(each) for each in server.pids)
    ended = subprocess.run(
        [sys.executable, "-m", "bench.visits", json.dumps(asdict(task))],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        timeout=task.seconds + 300,
    )
    spent = sum(cpu_seconds(each) for each in server.pids) - before
    return spent / task.seconds, Seen(**json.loads(ended.stdout))


@contextmanager
def _store(folder: Path, library: Path) -> Iterator[Server]:
    """Run the store alone, which terminates TLS itself."""
    data = folder / "alone"
    data.mkdir()
    store = launch_store(
        data, MSRV_LIBRARY=str(library), MSRV_DEMO_PAYMENTS="1"
    )
    try:
        yield Server(
            "store alone",
            store.url.replace("localhost", "127.0.0.1"),
            (store.process.pid,),
            [f"127.0.1.{n}" for n in range(1, _ADDRESSES)],
            store.request_json,
        )
    finally:
        store.stop()


@contextmanager
def _replicas(folder: Path, library: Path) -> Iterator[Server]:
    """Run nginx and two replicas, reached over the engine's bridge."""
    pair = certificate_in(folder)
    folder.chmod(0o755)
    share_with_containers(pair)
    with ExitStack() as stack:
        project, buyer = stack.enter_context(production(library, pair, 2))
        (nginx,) = project.containers("nginx")
        apps = project.containers("app")
        host = address(nginx)
        yield Server(
            "edge and two replicas",
            f"https://{host}:8443",
            tuple(pid(each) for each in (nginx, *apps)),
            stack.enter_context(_more_addresses(host)),
            buyer.request_json,
        )


@contextmanager
def _more_addresses(host: str) -> Iterator[list[str]]:
    """Give this machine addresses in the network of a container.

    The edge limits what one address may request, and each visitor of a real
    store has one of their own.
    """
    route = subprocess.run(
        ["ip", "route", "get", host],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    bridge = route[route.index("dev") + 1]
    prefix, _, number = host.rpartition(".")
    last = int(number) // 64 * 64 + 62
    made = [f"{prefix}.{n}" for n in range(last - 40, last)]
    try:
        for each in made:
            subprocess.run(
                ["ip", "address", "add", f"{each}/32", "dev", bridge],
                check=True,
            )
        yield made
    finally:
        for each in made:
            with suppress(subprocess.CalledProcessError):
                subprocess.run(
                    ["ip", "address", "del", f"{each}/32", "dev", bridge],
                    check=True,
                )

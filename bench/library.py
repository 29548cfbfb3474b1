# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Starts and changes of a large library, compared with one of 20 files.

A cold start has an empty data folder, so that every file is read; a warm one
has the data folder of the cold one. Each is timed until the first page that
sells. Then a release is added, and timed until it is on the front page; the
quiet time of uploads is zero. Processor time includes that of the processes
which read files, and is what the rest of the machine affects least.

`BENCH_FILES` sets the number of files, and `BENCH_ROUNDS` that of the rounds.
"""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.measuring import NONCE, Figure, compare
from bench.processes import cpu_seconds, resident_bytes, wait_until_idle
from msrv.catalog.documents.stored_library import FILE_NAME
from tests.store_process import free_port

FILES: Final = int(os.environ.get("BENCH_FILES", "20000"))
ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "3"))
SMALL: Final = 20
FILES_PER_RELEASE: Final = 20
PATIENCE_SECONDS: Final = 600.0
MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Running:
    """Store that runs, since `started_at` by the clock of `perf_counter`."""

    pid: int
    url: str
    started_at: float

    def wait_for(self, text: str) -> float:
        """Return the seconds until the front page has a text."""
        began = time.perf_counter()
        while time.perf_counter() - began < PATIENCE_SECONDS:
            with (
                suppress(OSError),
                urllib.request.urlopen(self.url, timeout=30) as answer,  # noqa: S310 - our own
            ):
                if text in answer.read().decode():
                    return time.perf_counter() - began
            time.sleep(0.01)
        raise TimeoutError(f"no {text!r} on the front page")


@dataclass(frozen=True, slots=True)
class Round:
    """Figures of one library in one round, in seconds and MiB."""

    cold: float
    cold_cpu: float
    warm: float
    warm_cpu: float
    change: float
    change_cpu: float
    resident: float


_ROWS: Final[tuple[tuple[str, str, Callable[[Round], float]], ...]] = (
    ("cold start", "s", lambda each: each.cold),
    ("cold start", "CPU s", lambda each: each.cold_cpu),
    ("warm start", "s", lambda each: each.warm),
    ("warm start", "CPU s", lambda each: each.warm_cpu),
    ("a change", "s", lambda each: each.change),
    ("a change", "CPU s", lambda each: each.change_cpu),
    ("resident", "MiB", lambda each: each.resident),
)


def measure(folder: Path) -> list[Figure]:
    """Start, restart and change both libraries, in turn."""
    sizes = (SMALL, FILES)
    for size in sizes:
        fill(folder / f"library-{size}", size)
    rounds = [
        {size: _measure_one(folder, size, number) for size in sizes}
        for number in range(ROUNDS)
    ]
    return [
        figure
        for name, unit, value_of in _ROWS
        for figure in compare(
            {
                f"{name}, {size:,} files": [
                    value_of(taken[size]) for taken in rounds
                ]
                for size in sizes
            },
            unit=unit,
        )
    ]


def fill(library: Path, size: int) -> None:
    """Write a library of small files, FILES_PER_RELEASE to a release."""
    for number in range(size):
        release = library / f"Release {number // FILES_PER_RELEASE:05}"
        release.mkdir(parents=True, exist_ok=True)
        file = release / f"{number % FILES_PER_RELEASE:02} Part.txt"
        file.write_text(f"{size} {number}")
    (library / "store.toml").write_text('[prices]\nitem = "1"\n')


def _measure_one(folder: Path, size: int, number: int) -> Round:
    library, data = folder / f"library-{size}", folder / f"{size}-{number}"
    with _store(library, data) as store:
        store.wait_for("Release")
        cold = time.perf_counter() - store.started_at
        cold_cpu = cpu_seconds(store.pid)
        while not (data / FILE_NAME).exists():
            time.sleep(0.1)
    with _store(library, data) as store:
        store.wait_for("Release")
        warm = time.perf_counter() - store.started_at
        warm_cpu = cpu_seconds(store.pid)
        wait_until_idle(store.pid)
        before = cpu_seconds(store.pid)
        added = library / f"Added {number}"
        added.mkdir()
        (added / "01 Part.txt").write_text(f"added {number}")
        change = store.wait_for(added.name)
        return Round(
            cold,
            cold_cpu,
            warm,
            warm_cpu,
            change,
            cpu_seconds(store.pid) - before,
            resident_bytes(store.pid) / MIB,
        )


@contextmanager
def _store(library: Path, data: Path) -> Iterator[Running]:
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "NONCE": NONCE,
        "MSRV_DATA": str(data),
        "MSRV_LIBRARY": str(library),
        "MSRV_TLS": "off",
        "MSRV_HOST": "127.0.0.1",
        "MSRV_PORT": str(port),
        "MSRV_SETTLE_SECONDS": "0",
    }
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "msrv"],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield Running(process.pid, f"http://127.0.0.1:{port}/", began)
        finally:
            process.terminate()

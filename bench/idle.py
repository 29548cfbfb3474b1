# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Processor time of a store to which nothing happens.

The stores run at the same time: one of 10,000 files, and one of a single
file, which is the cost of everything but the library.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench.measuring import NONCE, Figure, compare
from bench.processes import cpu_seconds
from tests.store_process import free_port

FILES: Final = 10_000
SETTLED_SECONDS: Final = 40.0
"""Time after the start in which the last files are read."""
ROUND_SECONDS: Final = 30.0
ROUNDS: Final = 3


def measure(folder: Path) -> list[Figure]:
    """Return seconds of processor time a minute."""
    library = folder / "library"
    for number in range(FILES):
        file = library / f"R{number // 20:04}" / f"{number % 20:02} Part.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))
    small = folder / "small"
    (small / "R").mkdir(parents=True)
    (small / "R" / "Part.txt").write_text("one")
    with ExitStack() as stores:
        running = {
            name: stores.enter_context(_store(folder / key, path))
            for key, (name, path) in {
                "small-data": ("one file", small),
                "data": (f"{FILES:,} files", library),
            }.items()
        }
        time.sleep(SETTLED_SECONDS)
        taken: dict[str, list[float]] = {name: [] for name in running}
        for _ in range(ROUNDS):
            before = {name: cpu_seconds(pid) for name, pid in running.items()}
            time.sleep(ROUND_SECONDS)
            for name, pid in running.items():
                spent = cpu_seconds(pid) - before[name]
                taken[name].append(spent * 60 / ROUND_SECONDS)
    return compare(taken, unit="s a minute")


@contextmanager
def _store(data: Path, library: Path) -> Iterator[int]:
    """Start a store; yield its process id, and stop it at the end."""
    environ = {
        "NONCE": NONCE,
        "MSRV_DATA": str(data),
        "MSRV_LIBRARY": str(library),
        "MSRV_TLS": "off",
        "MSRV_HOST": "127.0.0.1",
        "MSRV_PORT": str(free_port()),
        "MSRV_SETTLE_SECONDS": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "msrv"],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield process.pid
        process.terminate()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Durable purchases of one process, compared with the least they could cost.

Simulated payments over 32 keep-alive connections, and over one, each answered
once it is on the disk. The other program is `bench.durable`.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.buying import receive
from bench.measuring import NONCE, Figure, compare_values, run_rounds
from bench.peers import ROOT, stop, wait_for_port
from bench.receiver import Task
from bench.storefront import cpu_microseconds, make_release
from tests.store_process import free_port, launch_store

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS: Final = float(os.environ.get("BENCH_SECONDS", "3"))
ITEM: Final = "one-0"


def measure(folder: Path) -> list[Figure]:
    """Measure requests a second, CPU time, and the time of one buyer."""
    make_release(folder / "library", "one", 1)
    port = free_port()
    store = launch_store(
        folder,
        NONCE=NONCE,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_TLS="off",
    )
    with (
        store,
        subprocess.Popen(
            [sys.executable, "-m", "bench.durable", str(folder), str(port)],
            cwd=ROOT,
        ) as least,
    ):
        try:
            wait_for_port(port)
            return [
                figure
                for clients in (32, 1)
                for figure in _compared(
                    {
                        "one signature, one append": (least.pid, port),
                        "purchase": (store.process.pid, store.port),
                    },
                    clients,
                )
            ]
        finally:
            stop(least)


def _compared(
    servers: dict[str, tuple[int, int]], clients: int
) -> list[Figure]:
    tasks = {
        f"{name}, {clients} at once": Task(
            pid,
            port,
            "/purchases",
            tls=False,
            clients=clients,
            warm_seconds=0.5,
            seconds=SECONDS,
            whole=True,
            headers="Accept: application/json\r\n",
            form=f"item={ITEM}",
        )
        for name, (pid, port) in servers.items()
    }
    taken = run_rounds(
        {
            name: lambda task=task: receive(task)  # type: ignore[misc]
            for name, task in tasks.items()
        },
        rounds=ROUNDS,
    )
    return compare_values(
        taken,
        {
            "purchases/s": lambda each: each.answers / each.seconds,
            "CPU us each": cpu_microseconds,
        },
    )

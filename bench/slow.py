# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""CPU time and memory of slow clients, compared with nginx.

Each peer is started for each measurement, and warmed up until the buffers of
the kernel are full: until then, a server is ahead of its clients, and after
that it has nothing to do for as long as the buffers last.
"""

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench import peers
from bench.buying import receive, task
from bench.files import LARGE, make_single, warm
from bench.measuring import Figure, compare, run_rounds
from bench.memory import BYTES_PER_SECOND, warm_up
from bench.peers import Stage
from bench.processes import anonymous_bytes

BUYERS: Final = int(os.environ.get("BENCH_BUYERS", "1000"))
ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS: Final = float(os.environ.get("BENCH_SECONDS", "30"))
WARM_SECONDS: Final = 15.0
"""Two megabytes of a kernel's buffer last for longer, but have been filled."""
_PEERS: Final = ("nginx", "msrv")
_LEAST_SHARE: Final = 0.95


def measure(folder: Path) -> list[Figure]:
    """Measure clients at 50 KB/s: over TLS and without, of both kinds."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    stage = Stage.of(folder)
    make_single(stage.files)
    names = [name for name in peers.available() if name in _PEERS]
    figures = []
    for tls in (True, False):
        for mobile in (True, False):
            taken = run_rounds(
                {
                    f"{name}, {BUYERS} "
                    f"{'mobile' if mobile else 'loopback'} clients, "
                    f"{'TLS' if tls else 'plain HTTP'}": serving(
                        stage, name, tls=tls, mobile=mobile
                    )
                    for name in names
                },
                rounds=ROUNDS,
            )
            figures += compare(
                {
                    name: [each.cpu_percent for each in rounds]
                    for name, rounds in taken.items()
                },
                unit="% of a core",
            ) + compare(
                {
                    name: [each.kib_each for each in rounds]
                    for name, rounds in taken.items()
                },
                unit="KiB each",
            )
    return figures


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of the clients: CPU time, and anonymous memory of each."""

    cpu_percent: float
    kib_each: float


def serving(
    stage: Stage, name: str, *, tls: bool, mobile: bool
) -> Callable[[], Cost]:
    """Return a function that measures a peer once."""

    def run() -> Cost:
        warm(stage.files / LARGE)
        with stage.start(name, tls=tls) as peer:
            warm_up(peer)
            idle = anonymous_bytes(peer.process.pid)
            received = receive(
                replace(
                    task(peer, LARGE, BUYERS),
                    warm_seconds=WARM_SECONDS,
                    seconds=SECONDS,
                    bytes_per_second=BYTES_PER_SECOND,
                    mobile=mobile,
                )
            )
        share = received.received_bytes / (
            received.seconds * BUYERS * BYTES_PER_SECOND
        )
        if share < _LEAST_SHARE:
            print(f"  {name}'s clients received {share:.0%} of their speed")
        return Cost(
            100 * received.cpu_seconds / received.seconds,
            (received.anonymous_bytes - idle) / BUYERS / 1024,
        )

    return run

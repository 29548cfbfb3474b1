# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Memory of slow clients' connections, compared with other servers.

Each time of a new process: a heap rarely shrinks again.
"""

import os
import resource
import ssl
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import peers
from bench.buying import receive, task
from bench.files import LARGE, TINY, make_single, warm
from bench.measuring import Figure, compare, run_rounds
from bench.peers import Peer, Stage
from bench.processes import anonymous_bytes

BUYERS: Final = int(os.environ.get("BENCH_BUYERS", "2000"))
ROUNDS: Final = 2
HELD: Final = ("nginx", "msrv", "stock")
SECONDS: Final = 10.0
BYTES_PER_SECOND: Final = 50_000


def measure(folder: Path) -> list[Figure]:
    """Measure KiB per client, for BENCH_BUYERS at 50 KB/s each over TLS."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    stage = Stage.of(folder)
    make_single(stage.files)
    names = [name for name in peers.available() if name in HELD]
    return compare(
        run_rounds(
            {
                f"{name}, {BUYERS} slow clients": holding(stage, name, LARGE)
                for name in names
            }
            # The memory of TLS and an idle connection.
            | {f"msrv, {BUYERS} idle": holding(stage, "msrv", TINY)},
            rounds=ROUNDS,
        ),
        unit="KiB each",
    )


def holding(stage: Stage, name: str, file: str) -> Callable[[], float]:
    """Return a function that measures a peer once."""

    def run() -> float:
        warm(stage.files / file)
        with stage.start(name) as peer:
            warm_up(peer)
            idle = anonymous_bytes(peer.process.pid)
            wanted = replace(
                task(peer, file, BUYERS),
                seconds=SECONDS,
                bytes_per_second=BYTES_PER_SECOND,
            )
            held = receive(wanted).anonymous_bytes - idle
        return held / BUYERS / 1024

    return run


def warm_up(peer: Peer) -> None:
    """Send first requests, for which a process loads modules."""
    scheme = "https" if peer.tls else "http"
    for path in ("/", peer.path(TINY)):
        urllib.request.urlopen(  # noqa: S310 - our own server
            f"{scheme}://localhost:{peer.port}{path}",
            timeout=20,
            context=ssl._create_unverified_context(),  # noqa: S323, SLF001 - our own server
        ).close()

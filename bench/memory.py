"""What a slow buyer's connection holds, against its peers.

Each time of a process that has just started: what a heap has once had, it
rarely gives back.
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
from bench.measuring import Figure, compare, take
from bench.peers import Peer, Stage
from bench.processes import anonymous_bytes

BUYERS: Final = int(os.environ.get("BENCH_BUYERS", "2000"))
ROUNDS: Final = 2
HELD: Final = ("nginx", "msrv", "stock")
SECONDS: Final = 10.0
BYTES_PER_SECOND: Final = 50_000


def measure(folder: Path) -> list[Figure]:
    """Have BENCH_BUYERS take 50 KB/s each over TLS: KiB for each of them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    stage = Stage.of(folder)
    make_single(stage.files)
    names = [name for name in peers.available() if name in HELD]
    return compare(
        take(
            {
                f"{name}, {BUYERS} slow buyers": holding(stage, name, LARGE)
                for name in names
            }
            # What TLS and a kept connection hold by themselves.
            | {
                f"msrv, {BUYERS} who have it all": holding(stage, "msrv", TINY)
            },
            rounds=ROUNDS,
        ),
        unit="KiB each",
    )


def holding(stage: Stage, name: str, file: str) -> Callable[[], float]:
    """Give what runs a peer with its buyers once."""

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
    """Have a process load what it loads at its first requests."""
    for path in ("/", peer.path(TINY)):
        urllib.request.urlopen(
            f"https://localhost:{peer.port}{path}",
            timeout=20,
            context=ssl._create_unverified_context(),  # noqa: S323, SLF001 - our own server
        ).close()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Guard against pages and downloads that have become twice as dear.

`python -m bench.guard`, or `make bench-guard`: under a minute. It compares the
CPU time of a few requests with that of stock aiohttp in the same rounds, and
fails where the ratio is over its bound. CPU time hardly depends on what else
the machine does; what is over its bound is measured again before it counts.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.buying import receive
from bench.files import TINY
from bench.measuring import run_rounds
from bench.peers import Peer, Stage
from bench.receiver import Task
from bench.storefront import (
    CART,
    GZIP,
    cpu_microseconds,
    make_release,
    requesting,
)

ROUNDS: Final = 3
TRIES: Final = 3
SECONDS: Final = 0.4
FEWEST: Final = 20
"""Responses that a measurement needs."""
LARGE: Final = "Single/Large.bin"
LARGE_BYTES: Final = 64 << 20
_BLOCK: Final = bytes(range(256)) * 4096

BOUNDS: Final[Mapping[str, float]] = {
    "page": 0.38,
    "page in gzip": 0.38,
    "page with a cart": 1.1,
    "front page": 0.24,
    "small download": 0.58,
    "large download over TLS": 0.18,
}
"""Largest ratio of the CPU time to that of stock aiohttp's counterpart.

Each is about 1.7 times the median of what was measured, so that twice as much
is over it, and what a noisy machine adds is not. One that becomes much cheaper
gets a lower bound.
"""


def over_bounds(
    ratios: Mapping[str, float], bounds: Mapping[str, float] = BOUNDS
) -> dict[str, str]:
    """Return what is dearer than its bound, each with a sentence.

    A ratio that isn't a number, or that has no bound, is over it.
    """
    return {
        name: f"{name}: {ratio:.2f} of stock aiohttp's CPU time, "
        f"and the bound is {bounds.get(name, 0):.2f}"
        for name, ratio in ratios.items()
        if not ratio <= bounds.get(name, 0)
    }


def measure_until_within(
    measure: Callable[[Sequence[str]], Mapping[str, float]],
    bounds: Mapping[str, float] = BOUNDS,
    *,
    tries: int = TRIES,
) -> list[str]:
    """Measure, and again what is over its bound; return what stays over it.

    `measure` is called with names, and returns their ratios.
    """
    over = dict.fromkeys(bounds, "")
    for _ in range(tries):
        over = over_bounds(measure([*over]), bounds)
        if not over:
            break
    return [*over.values()]


def main() -> int:
    """Measure, print, and return the exit status: 1 if a bound is passed."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        pairs = _start(Path(folder), stack)

        def measure(names: Sequence[str]) -> dict[str, float]:
            ratios = {name: _ratio(*pairs[name]) for name in names}
            for name, ratio in ratios.items():
                print(f"  {name:<24} {ratio:5.2f}  (<= {BOUNDS[name]:.2f})")
            return ratios

        failures = measure_until_within(measure)
    print(f"measured in {time.monotonic() - started:.0f} seconds")
    for each in failures:
        print(f"too dear: {each}", file=sys.stderr)
    return 1 if failures else 0


_Run = Callable[[], float]
"""Measures once; returns the CPU time of a response, or of a byte."""


def _start(folder: Path, stack: ExitStack) -> dict[str, tuple[_Run, _Run]]:
    """Start the servers; return what is compared: stock, and the store."""
    stage = Stage.of(folder)
    make_release(stage.files, "fifty", 50)
    (stage.files / TINY).parent.mkdir()
    (stage.files / TINY).write_bytes(_BLOCK[:200])
    (stage.files / LARGE).write_bytes(_BLOCK * (LARGE_BYTES // len(_BLOCK)))
    stock, store, tls_stock, tls_store = (
        stack.enter_context(stage.start(name, tls=tls))
        for tls in (False, True)
        for name in ("stock", "msrv")
    )

    def asking(peer: Peer, path: str, headers: str = "") -> _Run:
        measure = requesting(peer, path, headers=headers, seconds=SECONDS)

        def run() -> float:
            for _ in range(TRIES):
                found = measure()
                # Fewer where the machine let the server wait.
                if found.answers >= FEWEST:
                    break
            return cpu_microseconds(found)

        return run

    page = asking(stock, "/page")
    release = "/catalog/fifty"
    return {
        "page": (page, asking(store, release)),
        "page in gzip": (page, asking(store, release, GZIP)),
        "page with a cart": (page, asking(store, release, CART)),
        "front page": (page, asking(store, "/")),
        "small download": (
            asking(stock, stock.path(TINY)),
            asking(store, store.path(TINY)),
        ),
        "large download over TLS": (
            _downloading(tls_stock),
            _downloading(tls_store),
        ),
    }


def _downloading(peer: Peer) -> _Run:
    task = Task(
        peer.process.pid,
        peer.port,
        peer.path(LARGE),
        tls=True,
        clients=2,
        warm_seconds=0.2,
        seconds=SECONDS,
        file_bytes=LARGE_BYTES,
    )

    def run() -> float:
        found = receive(task)
        return found.cpu_seconds / max(1, found.received_bytes)

    return run


def _ratio(stock: _Run, store: _Run) -> float:
    """Return the median of the rounds' ratios of CPU time."""
    taken = run_rounds({"stock": stock, "store": store}, rounds=ROUNDS)
    return statistics.median(
        cost / base
        for cost, base in zip(taken["store"], taken["stock"], strict=True)
    )


if __name__ == "__main__":
    sys.exit(main())

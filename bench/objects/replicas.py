# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Replicas on a bucket: their start, their memory, and what more of them add.

A replica starts with an empty data folder, and again with the catalog that it
kept there; both are compared with a small library in the same server.

Downloads of 1, 2 and 4 replicas have a steady pace, the same number of clients
at each replica, so that all of them together leave some of two cores idle: a
replica that costs the others something shows in the total, and in the
processor time of a byte. Pages are requested as fast as possible. With more
replicas than cores their number can't grow, and only the processor time of a
page says something.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from bench.buying import GB, receive
from bench.measuring import NONCE, Figure, compare, compare_values, run_rounds
from bench.objects.bucket import LARGE, Published, link_path
from bench.processes import resident_bytes
from bench.receiver import Received, Task
from bench.startup import SETTLED_SECONDS, START_VALUES, Candidate, starting
from msrv.text_table import plural
from tests.store_process import StoreProcess

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS: Final = float(os.environ.get("BENCH_SECONDS", "5"))
COUNTS: Final = (1, 2, 4)
CLIENTS: Final = 16
"""Clients of each replica."""
BYTES_PER_SECOND: Final = 1_000_000
WARM_SECONDS: Final = 3.0
_MIB: Final = 1 << 20


def start(
    large: Published, small: Published, items: int, folder: Path
) -> list[Figure]:
    """Measure starts: seconds, CPU seconds and MiB."""
    candidates = {
        f"{how}, {name}": starting(
            Candidate(
                folder / f"{how} of {name}",
                environ=published.environ
                | {"MSRV_LIBRARY": published.url, "NONCE": NONCE},
                is_new=is_new,
            )
        )
        for how, is_new in (("first start", True), ("start", False))
        for name, published in (
            ("a small library", small),
            (f"{items:,} items", large),
        )
    }
    taken = run_rounds(candidates, rounds=ROUNDS)
    return compare_values(taken, START_VALUES)


def memory(large: Published, folder: Path) -> list[Figure]:
    """Measure the memory of a replica alone, and of each further one."""
    with ExitStack() as stack:
        first, *others = (
            stack.enter_context(large.store(folder / f"replica {number}"))
            for number in range(max(COUNTS))
        )
        time.sleep(SETTLED_SECONDS)
        alone, *further = (
            resident_bytes(each.process.pid) / _MIB
            for each in (first, *others)
        )
    return compare(
        {
            "the first replica": [alone] * len(further),
            "each further replica": further,
        },
        unit="MiB",
    )


def growth(small: Published, folder: Path) -> list[Figure]:
    """Measure downloads and pages of 1, 2 and 4 replicas."""
    with ExitStack() as stack:
        replicas = [
            stack.enter_context(small.store(folder / f"replica {number}"))
            for number in range(max(COUNTS))
        ]
        downloads = [_downloads(each) for each in replicas]
        pages = [_pages(each) for each in replicas]
        return [
            *_compared(
                downloads,
                "downloads",
                {
                    "MB/s": lambda all_: sum(map(_megabytes_a_second, all_)),
                    "CPU s/GB": lambda all_: _cost(all_, _gigabytes),
                },
            ),
            *_compared(
                pages,
                "pages",
                {
                    "requests/s": lambda all_: sum(map(_pages_a_second, all_)),
                    "CPU us each": lambda all_: _cost(all_, _million_pages),
                },
            ),
        ]


_Values = Mapping[str, Callable[[Sequence[Received]], float]]
"""Values by their units, of what all clients received."""


def _compared(
    tasks: Sequence[Task], what: str, values: _Values
) -> list[Figure]:
    """Run the tasks of 1, 2 and 4 replicas at once, in turns."""
    taken = run_rounds(
        {
            f"{what} of {plural(count, 'replica')}": partial(
                _receive_all, tasks[:count]
            )
            for count in COUNTS
        },
        rounds=ROUNDS,
    )
    return compare_values(taken, values)


def _receive_all(tasks: Sequence[Task]) -> list[Received]:
    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(receive, tasks))


def _downloads(store: StoreProcess) -> Task:
    return Task(
        store.process.pid,
        store.port,
        link_path(store, Path(LARGE).stem),
        tls=False,
        clients=CLIENTS,
        warm_seconds=WARM_SECONDS,
        seconds=SECONDS,
        bytes_per_second=BYTES_PER_SECOND,
    )


def _pages(store: StoreProcess) -> Task:
    return Task(
        store.process.pid,
        store.port,
        "/catalog",
        tls=False,
        clients=CLIENTS,
        warm_seconds=WARM_SECONDS,
        seconds=SECONDS,
        whole=True,
    )


def _megabytes_a_second(received: Received) -> float:
    return received.received_bytes / received.seconds / 1e6


def _pages_a_second(received: Received) -> float:
    return received.answers / received.seconds


def _gigabytes(received: Received) -> float:
    return received.received_bytes / GB


def _million_pages(received: Received) -> float:
    return max(1, received.answers) / 1e6


def _cost(
    received: Sequence[Received], amount_of: Callable[[Received], float]
) -> float:
    """Return the CPU seconds for each unit of what all received."""
    return sum(each.cpu_seconds for each in received) / sum(
        map(amount_of, received)
    )

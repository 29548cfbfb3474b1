# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A thousand tracks added while fifty buyers download.

The store finds the tracks, reads their tags and encodes them, with idle
priority, beside downloads that are as fast as possible over TLS. Its
processes that read and encode stand still in the turns that this is compared
with, which are short and alternate: what else the machine does then affects
both alike. The CPU time of the store's own process for a GB is what it
affects least.

`BENCH_TRACKS` sets the number of tracks, and `BENCH_ROUNDS` that of the turns
of each kind. A turn takes four seconds, and the time to copy its tracks.
"""

import os
import shutil
import signal
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.buying import GB
from bench.downloads import pages_beside_downloads, percentile_99
from bench.files import LARGE, make_single, warm
from bench.measuring import Figure, compare, run_rounds
from bench.peers import Peer, Stage
from bench.processes import own_cpu_seconds, tree
from tests.wav_files import write_wav

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "10"))
TRACKS: Final = int(os.environ.get("BENCH_TRACKS", "1000"))
TRACK_SECONDS: Final = 20
BUYERS: Final = 50
SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Turn:
    """Figures of one turn.

    `cpu_seconds` are those of the store's own process, without what reads and
    encodes tracks, for a GB that was downloaded.
    """

    median_ms: float
    p99_ms: float
    gb_per_second: float
    cpu_seconds: float


_UNITS: Final[dict[str, Callable[[Turn], float]]] = {
    "ms, median of GET /": lambda turn: turn.median_ms,
    "ms, p99 of GET /": lambda turn: turn.p99_ms,
    "GB/s": lambda turn: turn.gb_per_second,
    "CPU s/GB of the store": lambda turn: turn.cpu_seconds,
}


def measure(folder: Path) -> list[Figure]:
    """Measure `GET /`, and what the downloads receive and cost."""
    stage = Stage.of(folder)
    make_single(stage.files)
    (stage.files / "store.toml").write_text(
        'formats = ["mp3-v0"]\n[prices]\nitem = "0"\n', "utf-8"
    )
    added = folder / "added"
    # As many in each turn, one more where they don't divide.
    for number in range(-(-TRACKS // ROUNDS)):
        # Each another master.
        pitch = 200 + 10 * number
        write_wav(added / f"{number:04d}.wav", TRACK_SECONDS, pitch)
    with stage.start("msrv") as peer:
        taken = run_rounds(
            {
                "msrv, nothing added": quiet(stage, peer),
                "msrv, tracks added": growing(stage, peer, added),
            },
            rounds=ROUNDS,
        )
    made = sum(1 for _ in stage.folder.rglob("*.mp3"))
    print(f"{made} of {TRACKS} tracks were encoded meanwhile")
    return [
        figure
        for unit, value_of in _UNITS.items()
        for figure in compare(
            {
                name: [value_of(turn) for turn in turns]
                for name, turns in taken.items()
            },
            unit=unit,
        )
    ]


def quiet(stage: Stage, peer: Peer) -> Callable[[], Turn]:
    """Return a function that measures while nothing is read or encoded."""

    def run() -> Turn:
        with stopped_helpers(peer.process.pid):
            return take(stage, peer)

    return run


def growing(stage: Stage, peer: Peer, added: Path) -> Callable[[], Turn]:
    """Return a function that measures while tracks are added."""
    count = 0

    def run() -> Turn:
        nonlocal count
        count += 1
        for path in sorted(added.iterdir()):
            # What a WAV has after its samples makes it another master.
            target = stage.files / f"Album {count}" / path.name
            target.parent.mkdir(exist_ok=True)
            shutil.copy(path, target)
            with target.open("ab") as file:
                file.write(b"note\x04\x00\x00\x00%04d" % count)
        return take(stage, peer)

    return run


def take(stage: Stage, peer: Peer) -> Turn:
    """Measure one turn."""
    warm(stage.files / LARGE)
    pid = peer.process.pid
    before = own_cpu_seconds(pid)
    pages_ms, received = pages_beside_downloads(peer, BUYERS, SECONDS)
    spent = own_cpu_seconds(pid) - before
    return Turn(
        statistics.median(pages_ms),
        percentile_99(pages_ms),
        received.received_bytes / received.seconds / GB,
        spent / received.received_bytes * GB,
    )


@contextmanager
def stopped_helpers(pid: int) -> Iterator[None]:
    """Stop the processes that a process has started, for a block."""
    stopped = [each for each in tree(pid) if each != pid]
    try:
        for each in stopped:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGSTOP)
        yield
    finally:
        for each in stopped:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)

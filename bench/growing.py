# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A thousand tracks added while fifty buyers download.

The store finds the tracks, reads their tags and encodes them, with idle
priority, beside downloads that are as fast as possible over TLS. Its
processes that read and encode stand still in the turns that this is compared
with.
"""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bench.buying import GB
from bench.downloads import beside_downloads
from bench.files import LARGE, make_single, warm
from bench.measuring import Figure, compare, run_rounds
from bench.peers import Peer, Stage
from bench.processes import tree
from tests.wav_files import write_wav

ROUNDS: Final = 4
TRACKS: Final = 1000
TRACK_SECONDS: Final = 20
BUYERS: Final = 50
SECONDS: Final = 6.0


def measure(folder: Path) -> list[Figure]:
    """Measure `GET /`, and what the downloads receive."""
    stage = Stage.of(folder)
    make_single(stage.files)
    (stage.files / "store.toml").write_text(
        'formats = ["mp3-v0"]\n[prices]\nitem = "0"\n', "utf-8"
    )
    added = folder / "added"
    for number in range(TRACKS // ROUNDS):
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
    return compare(
        {
            name: [p99_ms for p99_ms, _ in rounds]
            for name, rounds in taken.items()
        },
        unit="ms, p99 of GET /",
    ) + compare(
        {
            name: [speed for _, speed in rounds]
            for name, rounds in taken.items()
        },
        unit="GB/s",
    )


def quiet(stage: Stage, peer: Peer) -> Callable[[], tuple[float, float]]:
    """Return a function that measures while nothing is read or encoded."""

    def run() -> tuple[float, float]:
        with stopped_helpers(peer.process.pid):
            return take(stage, peer)

    return run


def growing(
    stage: Stage, peer: Peer, added: Path
) -> Callable[[], tuple[float, float]]:
    """Return a function that measures while tracks are added."""
    count = 0

    def run() -> tuple[float, float]:
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


def take(stage: Stage, peer: Peer) -> tuple[float, float]:
    """Return the 99th percentile in milliseconds, and GB per second."""
    warm(stage.files / LARGE)
    p99_ms, received = beside_downloads(peer, BUYERS, SECONDS)
    return p99_ms, received.received_bytes / received.seconds / GB


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

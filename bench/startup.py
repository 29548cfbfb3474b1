# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time from the start of a store to its first response, and its memory.

From the start of the process to the end of the response to `GET /`, compared
with a stock aiohttp program that responds with one word, which is the cost of
the interpreter and the library. CPU time depends less on a busy machine.
"""

import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Final

from bench.measuring import NONCE, Figure, compare_values, run_rounds
from bench.processes import own_cpu_seconds, resident_bytes
from tests.store_process import free_port
from tests.wav_files import write_wav

ROUNDS = 7
SETTLED_SECONDS = 4.0
"""Time after the first response, until the ledger's database is open."""
PATIENCE_SECONDS = 300
HELLO = """
import sys
from aiohttp import web
async def hello(request):
    return web.Response(text="hello")
app = web.Application()
app.router.add_get("/", hello)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


@dataclass(frozen=True)
class Candidate:
    """Program that is started: its arguments, and the files it needs.

    `environ` is added to its environment. One that `is_new` has an empty data
    folder each time.
    """

    folder: Path
    arguments: Sequence[str] = ("-m", "msrv")
    library: Path | None = None
    scheme: str = "http"
    environ: Mapping[str, str] = field(default_factory=dict)
    is_new: bool = False


def measure(folder: Path) -> list[Figure]:
    """Start each in turn; return seconds, CPU seconds and MiB."""
    library = folder / "library"
    for number in range(1000):
        release = library / f"Release {number // 10:03d}"
        write_wav(release / f"{number % 10:02d} Tone.wav", 1, 200 + number)
    taken = run_rounds(
        {
            name: starting(candidate)
            for name, candidate in {
                "stock aiohttp, hello": Candidate(folder, ("-c", HELLO)),
                "msrv, demo library": Candidate(folder / "demo"),
                "msrv, demo library, TLS": Candidate(
                    folder / "tls", scheme="https"
                ),
                "msrv, 1,000 files": Candidate(
                    folder / "thousand", library=library
                ),
            }.items()
        },
        rounds=ROUNDS,
    )
    return compare_values(taken, START_VALUES)


_Start = tuple[float, float, float]
START_VALUES: Final[Mapping[str, Callable[[_Start], float]]] = {
    "s": itemgetter(0),
    "CPU s": itemgetter(1),
    "MiB": itemgetter(2),
}
"""Units of a start's figures, and where each of them is."""


def starting(candidate: Candidate) -> Callable[[], _Start]:
    """Return a function that starts a program, and returns its figures.

    These are seconds, CPU seconds, and MiB.
    """
    data = candidate.folder / "data"

    def run() -> _Start:
        if candidate.is_new:
            shutil.rmtree(data, ignore_errors=True)
        port = free_port()
        environ = {
            "PATH": os.environ["PATH"],
            "NONCE": NONCE,
            "MSRV_DATA": str(data),
            "MSRV_CERTS": str(candidate.folder / "certs"),
            "MSRV_TLS": "off" if candidate.scheme == "http" else "auto",
            "MSRV_SETTLE_SECONDS": "0",
            "MSRV_PORT": str(port),
            "MSRV_HOST": "127.0.0.1",
            **candidate.environ,
        }
        if candidate.library is not None:
            environ["MSRV_LIBRARY"] = str(candidate.library)
        arguments = [*candidate.arguments]
        if "-c" in arguments:
            arguments.append(str(port))
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *arguments],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                _wait_for_page(f"{candidate.scheme}://127.0.0.1:{port}/")
                seconds = time.perf_counter() - began
                cpu_seconds = own_cpu_seconds(process.pid)
                time.sleep(SETTLED_SECONDS)
                mebibytes = resident_bytes(process.pid) / 2**20
            finally:
                process.terminate()
        return seconds, cpu_seconds, mebibytes

    run()  # once unmeasured: bytecode, the page cache, a warm index
    return run


def _wait_for_page(address: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(  # noqa: S310 - our own server
                address,
                timeout=5,
                context=ssl._create_unverified_context(),  # noqa: S323, SLF001 - our own server
            ) as answer:
                answer.read()
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.002)

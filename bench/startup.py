# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time from the start of a store to its first response.

From the start of the process to the end of the response to `GET /`, compared
with a stock aiohttp program that responds with one word, which is the cost of
the interpreter and the library.
"""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from bench.measuring import NONCE, Figure, interleave
from tests.store_process import free_port
from tests.wav_files import write_wav

ROUNDS = 7
HELLO = """
import sys
from aiohttp import web
async def hello(request):
    return web.Response(text="hello")
app = web.Application()
app.router.add_get("/", hello)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


def measure(folder: Path) -> list[Figure]:
    """Start each in turn; return seconds."""
    library = folder / "library"
    for number in range(1000):
        release = library / f"Release {number // 10:03d}"
        write_wav(release / f"{number % 10:02d} Tone.wav", 1, 200 + number)
    return interleave(
        {
            "stock aiohttp, hello": _run(folder, ["-c", HELLO]),
            "msrv, demo library": _run(folder / "demo", ["-m", "msrv"]),
            "msrv, 1,000 files": _run(
                folder / "thousand", ["-m", "msrv"], library
            ),
        },
        rounds=ROUNDS,
        unit="s",
    )


def _run(
    folder: Path, arguments: list[str], library: Path | None = None
) -> Callable[[], float]:
    """Return a function that times a program until its first response."""

    def run() -> float:
        port = free_port()
        environ = {
            "PATH": os.environ["PATH"],
            "NONCE": NONCE,
            "MSRV_DATA": str(folder / "data"),
            "MSRV_TLS": "off",
            "MSRV_SETTLE_SECONDS": "0",
            "MSRV_PORT": str(port),
            "MSRV_HOST": "127.0.0.1",
        }
        if library is not None:
            environ["MSRV_LIBRARY"] = str(library)
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *arguments, *([str(port)] * ("-c" in arguments))],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            _wait_for_page(port)
            taken = time.perf_counter() - began
            process.terminate()
        return taken

    run()  # once unmeasured: bytecode, the page cache, a warm index
    return run


def _wait_for_page(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{port}/", timeout=5
            ) as answer:
                answer.read()
                return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.002)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Requests of public pages a second, compared with stock aiohttp and Flask.

A page of 50 items and one of as many rows that stock aiohttp, and Flask in
gunicorn, render with Jinja; the front page and one word; the front page of
stores with small and large releases. Over 32 keep-alive connections, whose
clients are in a process of their own.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.buying import receive
from bench.measuring import Figure, compare_values, run_rounds
from bench.peers import Peer, Stage, has
from bench.receiver import Received, Task

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "3"))
CLIENTS: Final = 32
SECONDS: Final = 0.8
CART: Final = "Cookie: cart=fifty-0\r\nCookie: __Host-cart=fifty-0\r\n"
"""Cart of a visitor, whose pages are rendered for each request."""
GZIP: Final = "Accept-Encoding: gzip\r\n"
_SIZES: Final = (1, 100, 500)
"""Items of each release of the stores whose front pages are compared."""
_RELEASES: Final = 6


def measure(folder: Path) -> list[Figure]:
    """Start the peers, and measure them in turns."""
    return [
        *compared(folder),
        *compared_with_flask(folder / "flask"),
        *by_size(folder),
    ]


def compared(folder: Path) -> list[Figure]:
    """Measure pages against those of stock aiohttp."""
    figures: list[Figure] = []
    for tls in (False, True):
        stage = Stage.of(folder / ("tls" if tls else "plain"))
        make_release(stage.files, "fifty", 50)
        with (
            stage.start("stock", tls=tls) as stock,
            stage.start("msrv", tls=tls, buys=False) as store,
        ):
            figures += _speed(_pages(stock, store), " over TLS" * tls)
            figures += _speed(_front_pages(stock, store), " over TLS" * tls)
    return figures


def compared_with_flask(folder: Path) -> list[Figure]:
    """Measure a page of fifty items against that of Flask in gunicorn."""
    if not (has("flask") and has("gunicorn")):
        print("  Flask in gunicorn is not installed: left out")
        return []
    stage = Stage.of(folder)
    make_release(stage.files, "fifty", 50)
    with (
        stage.start("flask", tls=False) as flask,
        stage.start("msrv", tls=False, buys=False) as store,
    ):
        return _speed(
            {
                "Flask in gunicorn, 50 rows": requesting(flask, "/page"),
                "a release of 50 items": requesting(store, "/catalog/fifty"),
                "the same for a visitor with a cart": requesting(
                    store, "/catalog/fifty", headers=CART
                ),
            },
            ", Flask = 1",
        )


def by_size(folder: Path) -> list[Figure]:
    """Measure the front page of stores with small and large releases."""
    figures: list[Figure] = []
    with ExitStack() as stack:
        candidates: dict[str, Callable[[], Received]] = {}
        for size in _SIZES:
            stage = Stage.of(folder / f"{size} items")
            for number in range(_RELEASES):
                make_release(stage.files, f"release-{number}", size)
            peer = stack.enter_context(
                stage.start("msrv", tls=False, buys=False)
            )
            name = f"GET /, {_RELEASES} releases of {size}"
            candidates[name] = requesting(peer, "/")
            candidates[f"{name}, with a cart"] = requesting(
                peer, "/", headers=CART
            )
        for kind in ("", ", with a cart"):
            figures += _speed(
                {
                    name: run
                    for name, run in candidates.items()
                    if name.endswith("cart") is bool(kind)
                }
            )
    return figures


def requesting(
    peer: Peer, path: str, *, headers: str = "", seconds: float = SECONDS
) -> Callable[[], Received]:
    """Return a function that requests a page for a time."""
    task = Task(
        peer.process.pid,
        peer.port,
        path,
        tls=peer.tls,
        clients=CLIENTS,
        warm_seconds=0.2,
        seconds=seconds,
        whole=True,
        headers=headers,
    )
    return lambda: receive(task)


def make_release(library: Path, name: str, items: int) -> None:
    """Write a release of small files, which cost one euro each."""
    folder = library / name
    folder.mkdir(parents=True)
    lines = [f'id = "{name}"', 'price = "9.00"', 'item_price = "1.00"']
    for number in range(items):
        file = folder / f"{number + 1:03} Track {number}.bin"
        file.write_bytes(f"{name} {number}".encode() * 10)
        lines += [f'[items."{file.name}"]', f'id = "{name}-{number}"']
    (folder / "release.toml").write_text("\n".join(lines), encoding="utf-8")


def _pages(stock: Peer, store: Peer) -> dict[str, Callable[[], Received]]:
    return {
        "stock aiohttp with Jinja, 50 rows": requesting(stock, "/page"),
        "a release of 50 items": requesting(store, "/catalog/fifty"),
        "the same in gzip": requesting(store, "/catalog/fifty", headers=GZIP),
        "the same for a visitor with a cart": requesting(
            store, "/catalog/fifty", headers=CART
        ),
    }


def _front_pages(
    stock: Peer, store: Peer
) -> dict[str, Callable[[], Received]]:
    return {
        "stock aiohttp, one word": requesting(stock, "/"),
        "GET /": requesting(store, "/"),
        "GET /catalog": requesting(store, "/catalog"),
    }


def _speed(
    candidates: dict[str, Callable[[], Received]], suffix: str = ""
) -> list[Figure]:
    taken = run_rounds(candidates, rounds=ROUNDS)
    return compare_values(
        {name + suffix: rounds for name, rounds in taken.items()},
        {
            "requests/s": lambda each: max(1, each.answers) / each.seconds,
            "CPU us each": cpu_microseconds,
        },
    )


def cpu_microseconds(received: Received) -> float:
    """Return the server's CPU time for each response."""
    # At least one: on a busy machine a server may not have got to run.
    return received.cpu_seconds / max(1, received.answers) * 1e6

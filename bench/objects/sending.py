# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cost of sending an object, compared with nginx.

nginx of the production stack, with the object in its cache and the store
behind it, is compared with nginx that serves the same file. The store that
streams an object is compared with nginx that proxies the bucket: both fetch
and send by TLS, or neither does. A redirect is compared with one word of stock
aiohttp, over 32 keep-alive connections.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from bench.buying import costs, receive
from bench.files import read_again
from bench.measuring import Figure, compare_values, run_rounds
from bench.objects.bucket import LARGE, LARGE_BYTES, Published, link_path
from bench.peers import (
    Stage,
    certificate_in,
    nginx,
    stop,
    wait_for_port,
)
from bench.receiver import Received, Task
from bench.storefront import CLIENTS, cpu_microseconds, requesting
from msrv.catalog.published.layout import blob_key
from tests.store_process import free_port
from tests.web.shop.published.edge import running_edge

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS: Final = float(os.environ.get("BENCH_SECONDS", "2"))
_CONFIG: Final = Path(__file__).with_name("nginx.conf")


@dataclass(frozen=True, slots=True)
class Source:
    """What sends an object: its processes, and where it is requested."""

    pids: tuple[int, ...]
    port: int
    path: str
    tls: bool

    def receiving(self, clients: int) -> Callable[[], Received]:
        """Return a function that downloads from it once."""
        first, *others = self.pids
        task = Task(
            first,
            self.port,
            self.path,
            tls=self.tls,
            clients=clients,
            warm_seconds=0.3,
            seconds=SECONDS,
            file_bytes=LARGE_BYTES,
            others=tuple(others),
        )
        return lambda: receive(task)


def accel(published: Published, library: Path, folder: Path) -> list[Figure]:
    """Measure nginx with a warm cache, the store's time included, over TLS."""
    stage = Stage(folder, library, certificate_in(folder / "alone"))
    bucket = published.url.removeprefix("s3:/")
    with (
        stage.start("nginx") as alone,
        published.store(
            folder / "accel",
            MSRV_DELIVERY="accel",
            MSRV_TRUSTED_PROXIES="127.0.0.0/8",
        ) as store,
        running_edge(
            folder / "edge",
            [store.port],
            published.environ["AWS_ENDPOINT_URL"] + bucket,
            cache_size="1g",
        ) as edge,
    ):
        nginx_pid = int((edge.folder / "nginx.pid").read_text("ascii"))
        path = link_path(store, Path(LARGE).stem)
        with urlopen(edge.url + path, context=edge.trust) as response:  # noqa: S310 - our own server
            while response.read(1 << 20):
                pass
        for each in (library, edge.folder / "cache"):
            read_again(each)
        bare = Source((alone.process.pid,), alone.port, f"/{LARGE}", tls=True)
        cached = Source(
            (nginx_pid, store.process.pid), edge.port, path, tls=True
        )
        return [
            figure
            for clients in (1, 16)
            for figure in costs(
                run_rounds(
                    {
                        f"nginx serves the file, {clients} at once": (
                            bare.receiving(clients)
                        ),
                        f"accel, cached, {clients} at once": (
                            cached.receiving(clients)
                        ),
                    },
                    rounds=ROUNDS,
                )
            )
        ]


def direct(
    published: Published, library: Path, folder: Path, *, tls: bool
) -> list[Figure]:
    """Measure the store that streams an object: both sides by TLS, or not."""
    figures = []
    kind = "over TLS" if tls else "plain HTTP"
    with (
        _proxy(published, library, folder / "proxy", tls=tls) as proxy,
        published.store(folder / "direct", tls=tls) as store,
    ):
        sending = Source(
            (store.process.pid,),
            store.port,
            link_path(store, Path(LARGE).stem),
            tls,
        )
        for clients in (1, 16):
            name = f"{clients} at once, {kind}"
            figures += costs(
                run_rounds(
                    {
                        f"nginx proxies the bucket, {name}": (
                            proxy.receiving(clients)
                        ),
                        f"direct, {name}": sending.receiving(clients),
                    },
                    rounds=ROUNDS,
                )
            )
    return figures


def redirect(published: Published, folder: Path) -> list[Figure]:
    """Measure redirects to the bucket: CPU time and number a second."""
    stage = Stage.of(folder / "stock")
    with (
        stage.start("stock", tls=False) as stock,
        published.store(
            folder / "redirect", MSRV_DELIVERY="redirect"
        ) as store,
    ):
        task = Task(
            store.process.pid,
            store.port,
            link_path(store, Path(LARGE).stem),
            tls=False,
            clients=CLIENTS,
            warm_seconds=0.3,
            seconds=SECONDS,
            whole=True,
        )
        taken = run_rounds(
            {
                "stock aiohttp, one word": requesting(
                    stock, "/", seconds=SECONDS
                ),
                "redirect of a download": lambda: receive(task),
            },
            rounds=ROUNDS,
        )
    return compare_values(
        taken,
        {
            "CPU us each": cpu_microseconds,
            "requests/s": lambda each: each.answers / each.seconds,
        },
    )


@contextmanager
def _proxy(
    published: Published,
    library: Path,
    folder: Path,
    *,
    tls: bool,
) -> Iterator[Source]:
    """Run nginx that proxies the bucket."""
    port, stage = free_port(), Stage.of(folder)
    scheme, _, address = published.environ["AWS_ENDPOINT_URL"].partition("://")
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.read_text("utf-8").format(
            folder=folder,
            port=port,
            tls="ssl" if tls else "",
            cert=stage.certificate.cert,
            key=stage.certificate.key,
            scheme=scheme,
            bucket=address,
        ),
        encoding="utf-8",
    )
    digest = sha256((library / LARGE).read_bytes()).digest()
    bucket = published.url.removeprefix("s3:/")
    with subprocess.Popen([nginx() or "nginx", "-c", str(config)]) as process:
        try:
            wait_for_port(port)
            yield Source(
                (process.pid,), port, f"{bucket}/{blob_key(digest)}", tls
            )
        finally:
            stop(process)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Libraries published to Ceph's S3 server, and copies of them for nginx.

A copy has the objects as files at the paths of their addresses, so that nginx
is a bucket for whoever only reads: it doesn't look at signatures.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import obstore

from bench.measuring import NONCE
from bench.peers import ROOT, Stage
from bench.processes import wait_until_idle
from tests.storage.objects import ceph_server
from tests.storage.objects.ceph_server import CephServer
from tests.store_process import StoreProcess, launch_store

NAME: Final = "store"
PUBLISH_SECONDS: Final = 3600
LARGE: Final = "Single/Large.bin"
LARGE_BYTES: Final = 256 << 20
"""Size of the large object: Ceph's disk, in memory, has a gigabyte."""


@dataclass(frozen=True, slots=True)
class Published:
    """Library in a bucket; `environ` has its server and credentials."""

    url: str
    environ: dict[str, str] = field(repr=False)

    def at(self, endpoint: str, **environ: str) -> "Published":
        """Return the same library at another server."""
        changed = {"AWS_ENDPOINT_URL": endpoint} | environ
        return Published(self.url, self.environ | changed)

    @contextmanager
    def store(
        self, folder: Path, *, tls: bool = False, **environ: str
    ) -> Iterator[StoreProcess]:
        """Start a store that sells it, and stop it at the end of the block.

        What it does after its start, like opening the ledger, is awaited.
        """
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "NONCE": NONCE,
            "MSRV_LIBRARY": self.url,
            "MSRV_DEMO_PAYMENTS": "1",
            "MSRV_DRAIN_SECONDS": "0",
            "MSRV_MAX_DOWNLOADS": "10000",
            "MSRV_MAX_DOWNLOADS_PER_CLIENT": "10000",
            "MSRV_TLS": "auto" if tls else "off",
        }
        settings |= self.environ | environ
        with launch_store(folder, files=None, **settings) as store:
            wait_until_idle(store.process.pid)
            yield store


@contextmanager
def ceph(folder: Path) -> Iterator[CephServer | None]:
    """Run Ceph's S3 server until the end; None if it isn't installed."""
    if not ceph_server.is_installed():
        print("  Ceph's radosgw is not installed: left out")
        yield None
        return
    server = CephServer(folder / "ceph")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def publish(server: CephServer, library: Path) -> Published:
    """Publish a library to a bucket of its own."""
    name = f"{NAME}-{library.name}"
    url = server.create_bucket(name)
    subprocess.run(
        [sys.executable, "-m", "msrv", "publish", url],
        cwd=ROOT,
        env={
            **server.environ,
            "PATH": "/usr/bin:/bin",
            "NONCE": NONCE,
            "MSRV_DATA": str(library.with_name(f"data of {library.name}")),
            "MSRV_LIBRARY": str(library),
            "MSRV_SETTLE_SECONDS": "0",
        },
        check=True,
        timeout=PUBLISH_SECONDS,
        stdout=subprocess.DEVNULL,
    )
    return Published(url, server.environ)


@contextmanager
def nginx_copy(
    server: CephServer, published: Published, folder: Path
) -> Iterator[tuple[Published, Published]]:
    """Copy a bucket; nginx serves the copy by HTTP and HTTPS until the end."""
    name = published.url.removeprefix("s3://")
    stage = Stage.of(folder)
    store = server.open_bucket(name)
    for entries in obstore.list(store):
        for entry in entries:
            path = stage.files / name / entry["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for chunk in obstore.get(store, entry["path"]).stream():
                    file.write(chunk)
    secure = Stage(folder / "secure", stage.files, stage.certificate)
    secure.folder.mkdir()
    authority = {"SSL_CERT_FILE": str(stage.certificate.ca)}
    with (
        stage.start("nginx", tls=False) as http,
        secure.start("nginx") as https,
    ):
        yield (
            published.at(f"http://127.0.0.1:{http.port}"),
            published.at(f"https://127.0.0.1:{https.port}", **authority),
        )


def link_path(store: StoreProcess, title: str) -> str:
    """Buy the item of a title; return the path of its download link."""
    found: dict[str, Any] = {
        item["title"]: item["item_id"]
        for release in store.request_json("/catalog")["releases"]
        for item in release["items"]
    }
    bought = store.request_json("/purchases", [("item", found[title])])
    link: str = bought["downloads"][found[title]]
    return "/" + link.partition("//")[2].partition("/")[2]

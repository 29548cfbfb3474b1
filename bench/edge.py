# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cost of downloads through the edge, compared with nginx alone.

The production file as it is, with one replica and MSRV_DELIVERY=accel: CPU
seconds are nginx's and the store's together. The baseline is the same image
of nginx in a container beside it, with the same certificate, the same TLS
and the same file as static content. Both are requested over the engine's
bridge, without its userland proxy.
"""

import os
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.buying import costs, receive
from bench.files import LARGE, LARGE_BYTES, make_single
from bench.measuring import Figure, run_rounds
from bench.peers import ROOT, certificate_in
from bench.receiver import Received, Task
from msrv.tls.certificate_files import CertificateFiles
from msrv.tls.development_certificate import share_with_containers
from tests.containers.buyer import Buyer
from tests.containers.engine import (
    NONCE,
    PRODUCTION,
    Project,
    docker,
    inspect_object,
    missing_requirement,
    random_ipv6_network,
    wait_until,
)
from tests.store_process import free_port

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS: Final = 4.0
IMAGE: Final = "nginxinc/nginx-unprivileged:1.30-alpine"
_ALONE: Final = """
worker_processes auto;
pid /tmp/nginx.pid;
events { worker_connections 4096; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path /tmp/1; proxy_temp_path /tmp/2;
    fastcgi_temp_path /tmp/3; uwsgi_temp_path /tmp/4; scgi_temp_path /tmp/5;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets off;
    server {
        listen 8443 ssl;
        http2 on;
        ssl_certificate /run/secrets/tls_cert;
        ssl_certificate_key /run/secrets/tls_key;
        root /library;
    }
}
"""


@dataclass(frozen=True, slots=True)
class Side:
    """Server in a container: its address, and the measured processes."""

    host: str
    path: str
    pids: tuple[int, ...]


def measure(folder: Path) -> list[Figure]:
    """Start both, and measure them in turns."""
    missing = missing_requirement()
    if missing:
        print(f"  {missing}: left out")
        return []
    library, pair = folder / "library", certificate_in(folder)
    folder.chmod(0o755)
    make_single(library)
    share_with_containers(pair)
    with ExitStack() as stack:
        edge = stack.enter_context(_edge(library, pair))
        alone = stack.enter_context(_alone(folder, library, pair))
        figures: list[Figure] = []
        for clients in (1, 16):
            figures += costs(
                run_rounds(
                    {
                        f"nginx alone, {clients} at once": _taking(
                            alone, clients
                        ),
                        f"edge and store, {clients} at once": _taking(
                            edge, clients
                        ),
                    },
                    rounds=ROUNDS,
                )
            )
    return figures


def _taking(side: Side, clients: int) -> Callable[[], Received]:
    first, *others = side.pids
    task = Task(
        first,
        8443,
        side.path,
        tls=True,
        clients=clients,
        warm_seconds=0.5,
        seconds=SECONDS,
        file_bytes=LARGE_BYTES,
        host=side.host,
        others=tuple(others),
    )
    return lambda: receive(task)


@contextmanager
def _edge(library: Path, pair: CertificateFiles) -> Iterator[Side]:
    with production(library, pair) as (project, buyer):
        found = {
            item["title"]: item["item_id"]
            for release in buyer.request_json("/catalog")["releases"]
            for item in release["items"]
        }
        wanted = found[Path(LARGE).stem]
        (nginx,) = project.containers("nginx")
        (app,) = project.containers("app")
        yield Side(
            address(nginx), buyer.buy(wanted)[wanted], (pid(nginx), pid(app))
        )


@contextmanager
def production(
    library: Path, pair: CertificateFiles, replicas: int = 1
) -> Iterator[tuple[Project, Buyer]]:
    """Build the image, and run the production file until the end."""
    name = f"msrv-bench-{os.getpid()}"
    http_port, https_port = free_port(), free_port()
    project = Project(
        PRODUCTION,
        name,
        {
            "NONCE": NONCE,
            "MSRV_IMAGE": name,
            "MSRV_LIBRARY": str(library),
            "MSRV_SECRETS": str(_secrets(library.with_name("secrets"))),
            "MSRV_DEMO_PAYMENTS": "1",
            "MSRV_SETTLE_SECONDS": "0",
            "MSRV_PUBLIC_URL": f"https://localhost:{https_port}",
            "MSRV_TLS_CERT": str(pair.cert),
            "MSRV_TLS_KEY": str(pair.key),
            "EDGE_HTTP_PORT": str(http_port),
            "EDGE_HTTPS_PORT": str(https_port),
            "EDGE_NETWORK": f"10.{os.getpid() % 250}.251.0/26",
            "LEDGER_NETWORK": f"10.{os.getpid() % 250}.251.128/26",
            "OUTSIDE_NETWORK6": random_ipv6_network(os.urandom(8)),
        },
    )
    docker("build", "--tag", name, str(ROOT))
    try:
        project.up("--no-build", "--scale", f"app={replicas}")
        buyer = Buyer(https_port, _trusting(pair))
        wait_until(buyer.is_ready, "it can sell", 60)
        yield project, buyer
    finally:
        project.down()
        docker("image", "rm", "--force", name)


@contextmanager
def _alone(
    folder: Path, library: Path, pair: CertificateFiles
) -> Iterator[Side]:
    config = folder / "alone.conf"
    config.write_text(_ALONE, encoding="utf-8")
    name = docker(
        "run",
        "--detach",
        "--read-only",
        "--cap-drop=ALL",
        "--tmpfs=/tmp:mode=1777",
        f"--volume={config}:/etc/nginx/nginx.conf:ro",
        f"--volume={library}:/library:ro",
        f"--volume={pair.cert}:/run/secrets/tls_cert:ro",
        f"--volume={pair.key}:/run/secrets/tls_key:ro",
        IMAGE,
    ).strip()
    try:
        yield Side(address(name), f"/{LARGE}", (pid(name),))
    finally:
        docker("rm", "--force", "--volumes", name)


def _trusting(pair: CertificateFiles) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=pair.ca)


def address(name: str) -> str:
    """Return an address of a container that this machine can reach."""
    networks = inspect_object(name)["NetworkSettings"]["Networks"]
    return str(next(each["IPAddress"] for each in networks.values()))


def pid(name: str) -> int:
    """Return the id of a container's process."""
    return int(inspect_object(name)["State"]["Pid"])


def _secrets(folder: Path) -> Path:
    """Create the passwords of the ledger's database."""
    subprocess.run(
        [ROOT / "deploy" / "secrets.sh", folder],
        check=True,
        capture_output=True,
    )
    return folder

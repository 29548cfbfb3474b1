# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""nginx of the production stack, run here in front of stores of a test.

Its files are those of the stack, with the ports, paths and replicas of the
test. What the nginx of this machine is too old for is left out: replicas whose
names are resolved, and HTTP/2.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext

from tests.certificates import issue_pair
from tests.nginx_process import running_nginx
from tests.store_process import ROOT, free_port

NGINX = ROOT / "deploy" / "nginx"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Edge:
    """Running nginx; its cache and its logs are in a folder."""

    folder: Path
    port: int
    trust: SSLContext

    @property
    def url(self) -> str:
        """Address of the store behind it."""
        return f"https://localhost:{self.port}"

    @property
    def log(self) -> str:
        """All that was logged."""
        return "".join(
            each.read_text("utf-8") for each in self.folder.glob("*.log")
        )

    def cached_bytes(self) -> int:
        """Return the size of all slices in the cache, and their headers."""
        return sum(
            each.stat().st_size
            for each in (self.folder / "cache").rglob("*")
            if each.is_file()
        )


def fill_in(
    text: str,
    folder: Path,
    ports: Sequence[int],
    edge_port: int,
    values: dict[str, str],
) -> str:
    """Return a file of the stack for a test."""
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    # In `upstream`, older versions can't resolve names.
    text = re.sub(r"(?m)^    resolver [^;]*;\n", "", text)
    for options in ("max_fails=1 fail_timeout=10s", "max_fails=0 backup"):
        text = text.replace(
            f"    server app:8000 resolve {options};\n",
            "".join(
                f"    server 127.0.0.1:{each} {options};\n" for each in ports
            ),
        )
    text = re.sub(r"(?m)^    (listen \[::\]:|http2 on).*;\n", "", text)
    for old, new in (
        ("/tmp/", f"{folder}/"),  # noqa: S108 - as it is there
        ("listen 8080", f"listen 127.0.0.1:{free_port()}"),
        ("listen 8443", f"listen 127.0.0.1:{edge_port}"),
        ("127.0.0.1:8081", f"127.0.0.1:{free_port()}"),
        ("/etc/nginx/pages/", f"{NGINX}/pages/"),
        ("/run/secrets/tls_cert", f"{folder}/crt"),
        ("/run/secrets/tls_key", f"{folder}/key"),
        ("/var/cache/nginx", f"{folder}/cache"),
        ("/library/", f"{folder}/library/"),
        ("/dev/stdout", f"{folder}/access.log"),
        ("/dev/stderr", f"{folder}/error.log"),
    ):
        text = text.replace(old, new)
    return text


@contextmanager
def running_edge(
    folder: Path,
    ports: Sequence[int],
    bucket_url: str,
    *,
    authorities: str = AUTHORITIES,
    cache_size: str = "256m",
    log_addresses: str = "",
) -> Iterator[Edge]:
    """Run nginx in front of stores on these ports, with a bucket."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cache").mkdir(exist_ok=True)
    _, trust = issue_pair(folder)
    port = free_port()
    values = {
        "MSRV_PUBLIC_URL": f"https://localhost:{port}",
        "MSRV_STALL_SECONDS": "60",
        "MSRV_HSTS_SUBDOMAINS": "",
        "MSRV_LOG_ADDRESSES": log_addresses,
        "MSRV_BUCKET_URL": bucket_url,
        "MSRV_BUCKET_CA": authorities,
        "MSRV_EDGE_CACHE_SIZE": cache_size,
        "NGINX_LOCAL_RESOLVERS": "127.0.0.1",
    }
    for name in ("nginx.conf", "store.conf", "objects.conf"):
        source = NGINX / name
        if not source.exists():
            source = source.with_name(f"{name}.template")
        text = fill_in(source.read_text("utf-8"), folder, ports, port, values)
        if name == "nginx.conf":
            # Its workers read what is below pytest's folders.
            text = f"daemon off;\nuser root;\n{text}"
        (folder / name).write_text(text, encoding="utf-8")
    with running_nginx(folder, port):
        yield Edge(folder, port, trust)

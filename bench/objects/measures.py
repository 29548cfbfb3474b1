# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""All measures of stores whose library is in a bucket.

Apart from them, since they have their servers in common.
"""

import os
from pathlib import Path
from typing import Final

from bench.library import fill
from bench.measuring import Figure
from bench.objects import replicas, sending
from bench.objects.bucket import LARGE, LARGE_BYTES, ceph, nginx_copy, publish
from bench.peers import nginx

ITEMS: Final = int(os.environ.get("BENCH_FILES", "20000"))


def measure(folder: Path) -> list[Figure]:
    """Publish a small library and a large one, and measure."""
    if nginx() is None:
        print("  nginx is not installed: left out")
        return []
    with ceph(folder) as server:
        if server is None:
            return []
        small, large = folder / "small", folder / "large"
        (small / LARGE).parent.mkdir(parents=True)
        (small / LARGE).write_bytes(os.urandom(LARGE_BYTES))
        published = publish(server, small)
        figures = []
        with nginx_copy(server, published, folder / "copy") as (copy, secure):
            figures += sending.accel(copy, small, folder)
            figures += sending.direct(secure, small, folder / "TLS", tls=True)
            figures += sending.direct(copy, small, folder / "HTTP", tls=False)
            figures += sending.redirect(copy, folder)
            figures += replicas.growth(copy, folder / "growth")
        fill(large, ITEMS)
        many = publish(server, large)
        figures += replicas.start(many, published, ITEMS, folder)
        figures += replicas.memory(many, folder / "memory")
        return figures

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Publishing a library to a bucket of the tests, by the command.

Apart from `ceph_server`, which knows no store.
"""

import subprocess
import sys
from pathlib import Path

from tests.storage.objects.ceph_server import CephServer

_SECONDS = 120


def publish(
    ceph: CephServer, target: str, library: Path, data: Path, nonce: str
) -> None:
    """Publish a library to an address like `s3://bucket/prefix`."""
    subprocess.run(
        [sys.executable, "-m", "msrv", "publish", target],
        env={
            **ceph.environ,
            "PATH": "/usr/bin:/bin",
            "NONCE": nonce,
            "MSRV_DATA": str(data),
            "MSRV_LIBRARY": str(library),
            "MSRV_SETTLE_SECONDS": "0",
        },
        check=True,
        timeout=_SECONDS,
    )

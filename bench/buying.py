# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Clients of a peer's downloads, in a process of their own.

Cipher suites are selected by the clients, which offer no other.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from typing import Final

from bench.files import LARGE_BYTES, TINY
from bench.measuring import Figure, compare
from bench.peers import ROOT, Peer
from bench.receiver import Received, Task

SECONDS: Final = 0.8
SUITES: Final = {
    "AES-128": "TLS_AES_128_GCM_SHA256",
    "AES-256": "TLS_AES_256_GCM_SHA384",
}
GB: Final = 1_000_000_000


def task(peer: Peer, file: str, clients: int) -> Task:
    """Return the task to download a file as fast as possible."""
    return Task(
        peer.process.pid,
        peer.port,
        peer.path(file),
        tls=peer.tls,
        clients=clients,
        warm_seconds=0.3,
        seconds=SECONDS,
        file_bytes=0 if file == TINY else LARGE_BYTES,
    )


def receive(task: Task, suite: str = "AES-128") -> Received:
    """Run a task in a process of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".cnf") as config:
        # Python 3.11 can't select TLS 1.3 suites; OpenSSL's configuration can.
        config.write(
            "openssl_conf = a\n[a]\nssl_conf = b\n[b]\n"
            "system_default = c\n[c]\n"
            f"Ciphersuites = {SUITES.get(suite, SUITES['AES-128'])}\n"
        )
        config.flush()
        ended = subprocess.run(
            [sys.executable, "-m", "bench.receiver", json.dumps(asdict(task))],
            cwd=ROOT,
            env={**os.environ, "OPENSSL_CONF": config.name},
            stdout=subprocess.PIPE,
            check=True,
            timeout=300,
        )
    return Received(**json.loads(ended.stdout))


def costs(taken: dict[str, list[Received]]) -> list[Figure]:
    """Return CPU seconds per GB, and GB per second."""
    return compare(
        {
            name: [
                each.cpu_seconds / each.received_bytes * GB for each in rounds
            ]
            for name, rounds in taken.items()
        },
        unit="CPU s/GB",
    ) + compare(
        {
            name: [each.received_bytes / each.seconds / GB for each in rounds]
            for name, rounds in taken.items()
        },
        unit="GB/s",
    )

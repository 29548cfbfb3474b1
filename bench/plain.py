# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cost of downloads without TLS, compared with nginx.

Nearly all of it is the kernel's, for both, and varies by half from one second
to the next: so there are many rounds.
"""

import os
from pathlib import Path
from typing import Final

from bench import peers
from bench.downloads import PeerRotation, speed
from bench.files import make_single
from bench.measuring import Figure
from bench.peers import Stage

ROUNDS: Final = 10 * int(os.environ.get("BENCH_ROUNDS", "3"))
_PEERS: Final = ("nginx", "msrv")


def measure(folder: Path) -> list[Figure]:
    """Measure one client, and sixteen."""
    stage = Stage.of(folder)
    make_single(stage.files)
    names = [name for name in peers.available() if name in _PEERS]
    with PeerRotation(stage, names, tls=False) as company:
        return [
            figure
            for clients in (1, 16)
            for figure in speed(company, clients, "plain HTTP", ROUNDS)
        ]

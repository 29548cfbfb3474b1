# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Run every benchmark, or those named: `python -m bench startup pages`."""

import sys
import tempfile
from pathlib import Path

from bench import (
    browsing,
    checking,
    downloads,
    edge,
    encoding,
    growing,
    idle,
    ledger,
    library,
    measuring,
    memory,
    packing,
    pages,
    plain,
    purchases,
    slow,
    startup,
    storefront,
    studio,
    visitors,
)
from bench.objects import measures as objects

BENCHES = {
    "startup": ("Start to the first answered request", startup.measure),
    "downloads": ("Downloads, compared with other servers", downloads.measure),
    "plain": ("Downloads without TLS", plain.measure),
    "packing": ("A release as a ZIP, not sent", packing.measure),
    "encoding": (
        "Encoding, compared with the command line",
        encoding.measure,
    ),
    "growing": ("Tracks added beside downloads", growing.measure),
    "checking": ("Verifying a link", checking.measure),
    "memory": ("Memory of slow clients' connections", memory.measure),
    "slow": ("Slow clients, compared with nginx", slow.measure),
    "purchases": ("Durable purchases of one process", purchases.measure),
    "ledger": ("Purchases and figures of the ledger", ledger.measure),
    "edge": ("A download through the edge, nginx alone = 1", edge.measure),
    "studio": ("Pages of the studio", studio.measure),
    "pages": ("Time of a page on the server", pages.measure),
    "storefront": (
        "Public pages, compared with stock aiohttp",
        storefront.measure,
    ),
    "idle": ("Processor time while nothing happens", idle.measure),
    "visitors": (
        "200 visitors for five minutes at half a core",
        visitors.measure,
    ),
    "library": ("Starts and changes of a large library", library.measure),
    "objects": ("Stores with a bucket", objects.measure),
    "browsing": ("Pages of 6 and of 500 releases", browsing.measure),
}


def main() -> None:
    """Measure, print, and write `bench/results.json`."""
    for name in sys.argv[1:] or BENCHES:
        title, measure = BENCHES[name]
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(Path(folder))
        if figures:
            measuring.show(title, figures)
            measuring.write({title: figures})


main()

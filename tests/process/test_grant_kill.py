# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A `grant` that is killed on the way is completed by the next one."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from msrv.mail.outbox import Outbox
from msrv.orders.grants.granted_orders import BATCH
from tests.store_process import ROOT, START_SECONDS

COUNT = 3 * BATCH


def test_killed_grant_is_completed_and_mails_nobody_twice(
    library: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    buyers = tmp_path / "buyers.csv"
    buyers.write_text(
        "email\n" + "".join(f"a{n}@example.org\n" for n in range(COUNT))
    )
    command = [
        *(sys.executable, "-m", "msrv", "grant", str(buyers), "night-bus"),
        "--mail",
    ]
    environ = {
        "PATH": os.environ["PATH"],
        "NONCE": "a nonce for journeys: 9Jk2-Lmx7-Rr4T-wP0e-Zz81",
        "MSRV_LIBRARY": str(library),
        "MSRV_DATA": str(data),
        "MSRV_SETTLE_SECONDS": "0",
        "MSRV_SMTP_URL": "smtp://localhost:1",
        "MSRV_MAIL_FROM": "shop@example.org",
        "MSRV_PUBLIC_URL": "https://shop.example",
    }
    outbox = Outbox(data / "outbox")
    sent: set[str] = set()
    for wanted in (BATCH // 2, BATCH + BATCH // 2):
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            until = time.monotonic() + START_SECONDS
            while len(outbox.pending()) + len(sent) < wanted:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        # Meanwhile, a store sends what is there.
        for each in outbox.pending():
            assert each not in sent
            sent.add(each)
            outbox.mark_done(each)
    subprocess.run(
        command,
        cwd=ROOT,
        env=environ,
        check=True,
        capture_output=True,
        timeout=4 * START_SECONDS,
    )
    rest = outbox.pending()
    assert sent.isdisjoint(rest)
    assert len(sent) + len(rest) == COUNT
    connection = sqlite3.connect(data / "ledger.sqlite3")
    orders = connection.execute("SELECT order_id FROM orders").fetchall()
    connection.close()
    assert {each for (each,) in orders} == sent.union(rest)

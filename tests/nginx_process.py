# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""nginx of this machine, run with the configuration of a test.

Apart from `web.shop.published.edge`, which writes such a configuration.
"""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.optional_programs import require
from tests.store_process import START_SECONDS


def find_nginx() -> str | None:
    """Return the path of nginx; Debian installs it in /usr/sbin."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextmanager
def running_nginx(folder: Path, port: int) -> Iterator[None]:
    """Run nginx with `nginx.conf` of a folder, once it accepts connections."""
    program = find_nginx()
    require(
        "nginx", available=program is not None, reason="nginx is not installed"
    )
    assert program
    process = subprocess.Popen(
        [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    )
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            with (
                suppress(OSError),
                socket.create_connection(("127.0.0.1", port), 1),
            ):
                break
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(START_SECONDS)

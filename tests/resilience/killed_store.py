# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Store process that is killed and started again, on the same port.

Apart from `tests.store_process`, whose stores start once.
"""

import urllib.request
from pathlib import Path

from tests.store_process import StoreProcess, free_port, launch_store


class KilledStore:
    """Store on a data folder; `store` is its present process."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._environ = environ | {"MSRV_DATA": str(self._data)}
        self._starts = 0
        self._port = free_port()
        self.store = self.start()

    def start(self) -> StoreProcess:
        """Start it."""
        self._starts += 1
        folder = self._folder / f"start-{self._starts}"
        folder.mkdir(parents=True)
        self.store = launch_store(
            folder, f"--port={self._port}", files=None, **self._environ
        )
        return self.store

    def kill(self) -> None:
        """Stop it with SIGKILL."""
        self.store.process.kill()
        self.store.process.wait(20)
        if self.store.process.stdout:
            self.store.process.stdout.close()

    def is_synced(self) -> bool:
        """Return whether all its events are in the database."""
        spools = list((self._data / "spool").glob("[0-9]*"))
        with urllib.request.urlopen(
            f"{self.store.url}/-/metrics", timeout=5
        ) as response:
            figures = response.read().decode()
        return (
            len(spools) <= 1
            and "msrv_ledger_up 1.0" in figures
            and "msrv_ledger_waiting_bytes 0.0" in figures
        )

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Secrets of a running store, and its parser process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalog.parsing import hostile_parser
from tests.store_process import StoreProcess, launch_store

SECRETS = {
    "NONCE": "a nonce of this test: 7Vd1-Qx8s-Lk2M-wP0e-Zz81",
    "NONCE_PREVIOUS": "a nonce before it: 2Bn4-Tz6r-Yc9K-aW3h-Pq75",
    "MSRV_DATABASE": "mysql://store:Kf83hTq2@127.0.0.1:1/msrv",
}

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux shows other processes"
)


def child_processes(parent: int) -> list[int]:
    """Return the running children of a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text("ascii").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def environ(process_id: int) -> bytes:
    return Path(f"/proc/{process_id}/environ").read_bytes()


@pytest.fixture
def store(tmp_path: Path) -> StoreProcess:
    """Store on the demo's library."""
    return launch_store(tmp_path, "--no-tls", files=None, **SECRETS)


def test_running_store_has_no_secret_in_any_environment(
    store: StoreProcess,
) -> None:
    with store:
        (parser,) = child_processes(store.process.pid)
        for process_id in (store.process.pid, parser):
            variables = environ(process_id)
            for secret in SECRETS.values():
                assert secret.encode() not in variables
        # The store's other variables stay in its environment.
        assert b"MSRV_DATA=" in environ(store.process.pid)
        assert b"MSRV" not in environ(parser)


def test_memory_of_the_store_is_unreadable_to_other_processes(
    store: StoreProcess,
) -> None:
    with store:
        status = Path(f"/proc/{store.process.pid}/mem").stat()
        # The files of a process that can't be dumped are root's.
        assert status.st_uid == 0
        code = (
            "import os, sys\n"
            "os.setuid(65534)\n"
            f"try: open('/proc/{store.process.pid}/mem', 'rb')\n"
            "except PermissionError: sys.exit(7)\n"
        )
        if os.geteuid() == 0:
            found = subprocess.run([sys.executable, "-c", code], check=False)
            assert found.returncode == 7


@hostile_parser.needs_confinement
def test_confinement_of_parsers_is_logged_at_start(
    store: StoreProcess,
) -> None:
    with store:
        log = store.log.read_text("utf-8")
    assert "parsers run in a process without secrets, files or network" in log


def test_stopped_store_leaves_no_process(store: StoreProcess) -> None:
    with store:
        (parser,) = child_processes(store.process.pid)
        assert store.stop() == 0
    assert hostile_parser.has_ended(parser)

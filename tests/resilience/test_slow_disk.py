# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A download from a slow disk doesn't delay other requests."""

import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.downloads.contents import noise
from tests.optional_programs import require
from tests.store_process import ROOT, START_SECONDS, StoreProcess, launch_store

FILE = noise(1_000_000)
READ_SECONDS = 2.0
"""Time for each read of up to 128 KiB."""
CONTROLS = 30


@dataclass(slots=True)
class SlowDisk:
    """Mounted folder, slow after `slow`."""

    mount: Path
    delay: Path

    def slow(self) -> None:
        """Delay every read from now on."""
        self.delay.write_text(str(READ_SECONDS), "utf-8")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SlowDisk]:
    """Library on a mounted disk, which is fast at first."""
    require(
        "fuse",
        available=Path("/dev/fuse").exists() and can_mount(tmp_path),
        reason="nothing can be mounted here (FUSE)",
    )
    folder, mount = tmp_path / "real", tmp_path / "mount"
    (folder / "Long").mkdir(parents=True)
    (folder / "Long" / "long.bin").write_bytes(FILE)
    with mounted(folder, mount, tmp_path / "delay"):
        yield SlowDisk(mount, tmp_path / "delay")


def can_mount(folder: Path) -> bool:
    """Return whether a folder can be mounted by FUSE."""
    (folder / "trial").mkdir()
    try:
        with mounted(folder / "trial", folder / "on", folder / "delay"):
            return True
    except OSError:
        return False


class mounted:  # noqa: N801 - a context, as a function would be
    """Mount a folder on another until the end of the block."""

    def __init__(self, folder: Path, mount: Path, delay: Path) -> None:
        delay.write_text("0", "utf-8")
        mount.mkdir()
        self._mount = mount
        self._process = subprocess.Popen(
            [
                sys.executable,
                "tests/slow_disk.py",
                str(folder),
                str(mount),
                str(delay),
            ],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> None:
        until = time.monotonic() + START_SECONDS
        while not self._mount.is_mount():
            if self._process.poll() is not None or time.monotonic() > until:
                self._process.kill()
                raise OSError("not mounted")
            time.sleep(0.02)

    def __exit__(self, *error: object) -> None:
        subprocess.run(
            ["fusermount3", "-u", "-z", str(self._mount)], check=False
        )
        self._process.terminate()
        self._process.wait(START_SECONDS)


def upper_quartile(ordered: list[float]) -> float:
    """Return the upper quartile."""
    return ordered[len(ordered) * 3 // 4]


def page_seconds(store: StoreProcess) -> float:
    """Return the seconds that the front page takes."""
    started = time.monotonic()
    fetch(store, "/")
    return time.monotonic() - started


def fetch(store: StoreProcess, path: str) -> bytes:
    """Return the body of a response."""
    with urllib.request.urlopen(
        store.url + path, timeout=60, context=store.tls
    ) as response:
        data: bytes = response.read()
    return data


@pytest.mark.parametrize("tls", ["auto", "off"])
@pytest.mark.alone
def test_cold_file_delays_no_other_request(
    tls: str, disk: SlowDisk, tmp_path: Path
) -> None:
    store = launch_store(
        tmp_path,
        MSRV_LIBRARY=str(disk.mount),
        MSRV_DEMO_PAYMENTS="1",
        MSRV_TLS=tls,
    )
    try:
        item = store.request_json("/catalog")["releases"][0]["items"][0][
            "item_id"
        ]
        bought = store.request_json("/purchases", [("item", item)])
        link = "/" + bought["downloads"][item].split("/", 3)[3]
        fetch(store, "/")
        usual = sorted(page_seconds(store) for _ in range(CONTROLS))
        disk.slow()
        got: list[bytes] = []
        buyer = threading.Thread(target=lambda: got.append(fetch(store, link)))
        started = time.monotonic()
        buyer.start()
        waits = []
        while buyer.is_alive():
            waits.append(page_seconds(store))
        buyer.join()
        # The download was slow, and others were served meanwhile.
        assert time.monotonic() - started > 4 * READ_SECONDS
        assert got == [FILE]
        # A request that waits for the disk takes two seconds; on a busy
        # machine, all take as long as they do without the download.
        waits.sort()
        most = max(READ_SECONDS / 2, 3 * upper_quartile(usual))
        assert upper_quartile(waits) < most
    finally:
        store.stop()

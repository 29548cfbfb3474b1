"""A disk that has to wake up keeps its own buyer waiting, and nobody else."""

import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import require
from tests.downloads.contents import noise
from tests.store_process import ROOT, START_SECONDS, StoreProcess, launch_store

FILE = noise(1_000_000)
READ_SECONDS = 2.0
"""Of the slow disk: for each 128 KiB or less."""
CONTROLS = 30


@dataclass(slots=True)
class SlowDisk:
    """A mounted folder; `slow` makes it so."""

    mount: Path
    delay: Path

    def slow(self) -> None:
        """Have every read take its time from now on."""
        self.delay.write_text(str(READ_SECONDS), "utf-8")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SlowDisk]:
    """A library on a disk that is fast as yet."""
    require(
        "fuse",
        there=Path("/dev/fuse").exists() and can_mount(tmp_path),
        lack="nothing can be mounted here (FUSE)",
    )
    folder, mount = tmp_path / "real", tmp_path / "mount"
    (folder / "Long").mkdir(parents=True)
    (folder / "Long" / "long.bin").write_bytes(FILE)
    with mounted(folder, mount, tmp_path / "delay"):
        yield SlowDisk(mount, tmp_path / "delay")


def can_mount(folder: Path) -> bool:
    """Try it."""
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
    """What a quarter of them reach."""
    return ordered[len(ordered) * 3 // 4]


def waited(store: StoreProcess) -> float:
    """Get the front page; the seconds that it took."""
    asked = time.monotonic()
    fetch(store, "/")
    return time.monotonic() - asked


def fetch(store: StoreProcess, path: str) -> bytes:
    """Get a path's bytes."""
    with urllib.request.urlopen(
        store.url + path, timeout=60, context=store.tls
    ) as answer:
        data: bytes = answer.read()
    return data


@pytest.mark.parametrize("tls", ["auto", "off"])
@pytest.mark.alone
def test_a_cold_file_delays_nobody_else(
    tls: str, disk: SlowDisk, tmp_path: Path
) -> None:
    """One buyer of an old record stops the whole store for each piece."""
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
        usual = sorted(waited(store) for _ in range(CONTROLS))
        disk.slow()
        got: list[bytes] = []
        buyer = threading.Thread(target=lambda: got.append(fetch(store, link)))
        began = time.monotonic()
        buyer.start()
        waits = []
        while buyer.is_alive():
            waits.append(waited(store))
        buyer.join()
        # It was slow indeed, and many others were served meanwhile.
        assert time.monotonic() - began > 4 * READ_SECONDS
        assert got == [FILE]
        # Whoever waits for the disk waits two seconds each time; on a busy
        # machine, everyone waits as long as without it.
        waits.sort()
        most = max(READ_SECONDS / 2, 3 * upper_quartile(usual))
        assert upper_quartile(waits) < most
    finally:
        store.stop()

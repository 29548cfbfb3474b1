# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Slow readers in every slot, and an honest buyer that is served."""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest

from tests.downloads.contents import noise
from tests.hostile.attack import HOST
from tests.hostile.crowd import connect_from
from tests.store_process import StoreProcess, launch_store
from tests.wav_files import write_wav

LARGE: Final = noise(6_000_000)
SLOTS: Final = 20
BUFFER_BYTES: Final = 4096
PATIENCE_SECONDS: Final = 90


@contextmanager
def running_store(
    folder: Path, option: str, *, slow_seconds: int
) -> Iterator[StoreProcess]:
    """Run a store with few slots and one free file."""
    release = folder / "library" / "Free"
    release.mkdir(parents=True)
    (release / "free.bin").write_bytes(LARGE)
    (release / "release.toml").write_text(
        'title = "Free"\n[items."free.bin"]\nid = "free"\nprice = "0"\n',
        encoding="utf-8",
    )
    with launch_store(
        folder,
        option,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_MAX_DOWNLOADS=str(SLOTS),
        MSRV_MAX_DOWNLOADS_PER_CLIENT="16",
        MSRV_SLOW_SECONDS=str(slow_seconds),
        MSRV_SLOW_BYTES_PER_SECOND="100000",
        MSRV_DRAIN_SECONDS="1",
    ) as running:
        yield running
    assert "traceback" not in running.log.read_text("utf-8").lower()


@pytest.fixture(params=["--no-tls", "--tls"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[StoreProcess]:
    """Store in which a download is slow within seconds."""
    with running_store(tmp_path, request.param, slow_seconds=2) as running:
        yield running


@pytest.fixture(params=["--no-tls", "--tls"])
def patient_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[StoreProcess]:
    """Store in which no download of a test is slow, on any machine."""
    with running_store(tmp_path, request.param, slow_seconds=600) as running:
        yield running


def link(store: StoreProcess) -> str:
    """Order the free item; return its link's path."""
    bought = store.request_json("/purchases", [("item", "free")])
    url: str = bought["downloads"]["free"]
    return "/" + url.split("/", 3)[3]


def request_download(
    store: StoreProcess, path: str, host: str, *, buffer_bytes: int = 0
) -> socket.socket:
    """Request a download, and read none of it."""
    connection = connect_from(
        store, host, buffer_bytes=buffer_bytes, seconds=PATIENCE_SECONDS
    )
    connection.sendall(
        b"GET "
        + path.encode()
        + b" HTTP/1.1\r\n"
        + HOST
        + b"Accept: application/json\r\nConnection: close\r\n\r\n"
    )
    return connection


def read_response(connection: socket.socket) -> tuple[int, bytes, bytes]:
    """Read a response to its end: status, headers, body."""
    got = bytearray()
    with connection, suppress(ConnectionError):
        while piece := connection.recv(65536):
            got += piece
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
    return int(found[1]) if found else 0, head, body


@contextmanager
def slow_reading(connections: list[socket.socket]) -> Iterator[None]:
    """Read a little of each now and then, while the block lasts."""
    enough = threading.Event()

    def drip() -> None:
        while not enough.wait(0.2):
            for each in connections:
                each.settimeout(0.001)
                with suppress(OSError):
                    each.recv(500)

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def test_slowest_readers_are_evicted_and_can_resume(
    store: StoreProcess,
) -> None:
    path = link(store)
    with ExitStack() as resources:
        slow = [
            resources.enter_context(
                request_download(
                    store, path, f"127.0.1.{n}", buffer_bytes=BUFFER_BYTES
                )
            )
            for n in range(1, SLOTS + 1)
        ]
        for each in slow:
            assert each.recv(12) == b"HTTP/1.1 200"
        with slow_reading(slow):
            until = time.monotonic() + PATIENCE_SECONDS
            status = 0
            while status != 200:
                assert time.monotonic() < until, "no slow reader is evicted"
                status, head, body = read_response(
                    request_download(store, path, "127.0.0.77")
                )
                if status == 503:
                    assert b"Retry-After: " in head
                    assert json.loads(body)["error"] == "store_is_full"
            assert body == LARGE


def test_second_buyer_of_a_household_gets_a_slot(
    patient_store: StoreProcess,
) -> None:
    """Sixteen downloads from one address, and another buyer there."""
    first, second, home = (
        link(patient_store),
        link(patient_store),
        "127.0.0.88",
    )
    with ExitStack() as resources:
        for _ in range(16):
            each = resources.enter_context(
                request_download(
                    patient_store, first, home, buffer_bytes=BUFFER_BYTES
                )
            )
            assert each.recv(12) == b"HTTP/1.1 200"
        status, head, body = read_response(
            request_download(patient_store, first, home)
        )
        assert status == 503
        assert b"Retry-After: " in head
        assert json.loads(body)["error"] == "enough_at_once"
        status, _, body = read_response(
            request_download(patient_store, second, home)
        )
        assert status == 200
        assert body == LARGE


@pytest.mark.ffmpeg
@pytest.mark.usefixtures("ffmpeg")
def test_previews_have_limited_slots_and_memory(tmp_path: Path) -> None:
    readers, limit = 80, 200
    write_wav(tmp_path / "library" / "Long" / "Long.wav", seconds=120)
    with launch_store(
        tmp_path,
        MSRV_LIBRARY=str(tmp_path / "library"),
        MSRV_MAX_DOWNLOADS=str(limit),
        MSRV_MAX_DOWNLOADS_PER_CLIENT=str(readers),
        MSRV_DRAIN_SECONDS="1",
    ) as store:
        release = store.request_json("/catalog")["releases"][0]["release"]
        item = store.request_json(f"/catalog/{release}")["items"][0]
        path = urlsplit(item["preview"]).path
        status, _, clip = read_response(
            request_download(store, path, "127.0.0.77")
        )
        assert status == 200
        assert len(clip) > 300_000
        wait_for_ledger(store)
        with ExitStack() as resources:
            before = resident_bytes(store)
            for _ in range(readers):
                each = resources.enter_context(
                    request_download(
                        store, path, "127.0.0.88", buffer_bytes=BUFFER_BYTES
                    )
                )
                assert each.recv(12) == b"HTTP/1.1 200"
            each_bytes = (resident_bytes(store) - before) / readers
            assert each_bytes < len(clip) / 2
            status, head, _ = read_response(
                request_download(store, path, "127.0.0.88")
            )
            assert status == 503
            assert b"Retry-After: " in head
            status, _, body = read_response(
                request_download(store, path, "127.0.0.99")
            )
            assert (status, body) == (200, clip)


def wait_for_ledger(store: StoreProcess) -> None:
    """Wait until the ledger's modules are in memory, which takes 20 MB."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        _, _, figures = read_response(
            request_download(store, "/-/metrics", "127.0.0.1")
        )
        if b"msrv_ledger_up 1.0" in figures:
            return
        assert time.monotonic() < until, "the ledger has no database"
        time.sleep(0.05)


def resident_bytes(store: StoreProcess) -> int:
    """Return the resident memory of the store's process."""
    status = Path(f"/proc/{store.process.pid}/status").read_text("utf-8")
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert found
    return int(found[1]) * 1024

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Resumed downloads have the same bytes, with any tool."""

import contextlib
import hashlib
import io
import json
import random
import shutil
import socket
import struct
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import pytest

from tests.downloads.contents import noise
from tests.optional_programs import require
from tests.store_process import StoreProcess, launch_store

CUTS: Final = 200
TOOLS_CUTS: Final = 4
FIRST_BYTES: Final = 40_000
"""More than a server sends before the first bytes of a download are read."""
LONG: Final = noise(3_000_001, "long")
SHORT: Final = noise(70_003, "short")


@dataclass(frozen=True, slots=True)
class Download:
    """Path, hash and size of a download."""

    path: str
    sha256: str
    size_bytes: int


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    """HTTPS store with a release of two files."""
    folder = tmp_path_factory.mktemp("resuming")
    release = folder / "library" / "Noise"
    release.mkdir(parents=True)
    (release / "long.bin").write_bytes(LONG)
    (release / "short.bin").write_bytes(SHORT)
    store = launch_store(
        folder,
        MSRV_LIBRARY=str(folder / "library"),
        MSRV_DEMO_PAYMENTS="1",
    )
    yield store
    assert store.stop() == 0
    assert "traceback" not in store.log.read_text("utf-8").lower()


@pytest.fixture(scope="module", params=["file", "zip"])
def bought(request: pytest.FixtureRequest, store: StoreProcess) -> Download:
    """Link to the long file, and to the release as a ZIP."""
    release = store.request_json("/catalog")["releases"][0]
    if request.param == "file":
        (wanted,) = [
            item["item_id"]
            for item in release["items"]
            if item["size_bytes"] == len(LONG)
        ]
    else:
        wanted = release["item_id"]
    order = store.request_json("/purchases", [("item", wanted)])
    path = urlsplit(order["downloads"][wanted]).path
    if request.param == "file":
        return Download(path, hashlib.sha256(LONG).hexdigest(), len(LONG))
    _, packed = download(store, path)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        contents = {archive.read(name) for name in archive.namelist()}
    assert {LONG, SHORT} < contents
    return Download(path, hashlib.sha256(packed).hexdigest(), len(packed))


def download(
    store: StoreProcess,
    path: str,
    *,
    start_at: int = 0,
    etag: str | None = None,
    cut_after: int | None = None,
) -> tuple[str, bytes]:
    """Download over TLS, and return the ETag and the bytes.

    With `cut_after` the connection is reset after that many bytes.
    """
    connection = store.connect()
    headers = {}
    if etag is not None:
        headers = {"Range": f"bytes={start_at}-", "If-Range": etag}
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        assert response.status == (200 if etag is None else 206)
        got = response.read(cut_after)
        if cut_after is not None:
            reset_at_close(connection.sock)
        response.close()
    return response.headers["ETag"], got


def reset_at_close(plain: socket.socket) -> None:
    """Reset the connection when its socket is closed, as lost networks do."""
    plain.setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )


def test_download_cut_anywhere_resumes_to_the_same_bytes(
    store: StoreProcess, bought: Download
) -> None:
    chance = random.Random(200)  # noqa: S311 - the same cuts each time
    for _ in range(CUTS):
        cut = chance.randrange(1, bought.size_bytes)
        etag, first = download(store, bought.path, cut_after=cut)
        assert len(first) == cut
        again, rest = download(store, bought.path, start_at=cut, etag=etag)
        assert again == etag
        assert hashlib.sha256(first + rest).hexdigest() == bought.sha256, cut


def test_download_cut_200_times_completes(
    store: StoreProcess, bought: Download
) -> None:
    chance = random.Random(201)  # noqa: S311 - the same cuts each time
    cuts = sorted(chance.sample(range(1, bought.size_bytes), CUTS))
    etag, got = download(store, bought.path, cut_after=cuts[0])
    for cut in [*cuts[1:], bought.size_bytes]:
        _, more = download(
            store,
            bought.path,
            start_at=len(got),
            etag=etag,
            cut_after=cut - len(got),
        )
        got += more
    assert hashlib.sha256(got).hexdigest() == bought.sha256


class BrokenNetwork:
    """Proxy between a tool and the store that breaks connections.

    `breaks_after` counts the bytes from the store, TLS's own included; None
    is a network that holds.
    """

    def __init__(self, store: StoreProcess) -> None:
        self._upstream = store.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepting = threading.Thread(target=self._accept)
        self._passing: list[threading.Thread] = []
        self.breaks_after: int | None = None
        self.broke = 0

    @property
    def origin(self) -> str:
        """Origin to use instead of the store's."""
        return f"https://localhost:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._accepting, *self._passing):
            thread.join(20)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._upstream))
                for pass_on in (self._up, self._down):
                    thread = threading.Thread(target=pass_on, args=(near, far))
                    thread.start()
                    self._passing.append(thread)

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(65536):
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

    def _down(self, near: socket.socket, far: socket.socket) -> None:
        left = self.breaks_after
        with near, far, contextlib.suppress(OSError):
            while data := far.recv(65536):
                if left is not None and len(data) >= left:
                    near.sendall(data[:left])
                    self.broke += 1
                    reset_at_close(near)
                    reset_at_close(far)
                    # Ends the read in `_up`, as a close would not.
                    near.shutdown(socket.SHUT_RD)
                    return
                near.sendall(data)
                left = None if left is None else left - len(data)


Resume = Callable[[str, Path, str], list[str]]


def with_curl(url: str, into: Path, ca: str) -> list[str]:
    return [
        *("curl", "--silent", "--show-error", "--fail", "--cacert", ca),
        *("--continue-at", "-", "--output", str(into), url),
    ]


def with_wget(url: str, into: Path, ca: str) -> list[str]:
    return [
        *("wget", "--quiet", "--continue", "--tries=1"),
        *(f"--ca-certificate={ca}", f"--output-document={into}", url),
    ]


def with_aria2c(url: str, into: Path, ca: str) -> list[str]:
    return [
        *("aria2c", "--quiet", "--continue=true", "--max-tries=1"),
        *("--no-conf", "--file-allocation=none", f"--ca-certificate={ca}"),
        *(f"--dir={into.parent}", f"--out={into.name}", url),
    ]


@pytest.mark.parametrize("tool", ["curl", "wget", "aria2c"])
def test_curl_wget_and_aria2c_resume(
    store: StoreProcess, bought: Download, tmp_path: Path, tool: str
) -> None:
    found = shutil.which(tool)
    require(
        tool, available=found is not None, reason=f"{tool} is not installed"
    )
    command: Resume = {
        "curl": with_curl,
        "wget": with_wget,
        "aria2c": with_aria2c,
    }[tool]
    ca = str(Path(store.environ["MSRV_CERTS"], "ca.crt"))
    chance = random.Random(tool)  # noqa: S311 - the same cuts each time
    before = resumed(store)
    with BrokenNetwork(store) as network:
        url = network.origin + bought.path
        for number in range(TOOLS_CUTS):
            into = tmp_path / f"{number}.bin"
            network.breaks_after = chance.randrange(
                FIRST_BYTES, bought.size_bytes
            )
            assert run(command(url, into, ca)) != 0
            assert network.broke == number + 1
            partial_bytes = into.stat().st_size
            assert partial_bytes < bought.size_bytes
            network.breaks_after = None
            assert run(command(url, into, ca)) == 0
            got = hashlib.sha256(into.read_bytes()).hexdigest()
            assert got == bought.sha256, partial_bytes
    # They resumed, and did not start again.
    until = time.monotonic() + 10
    while resumed(store) - before < TOOLS_CUTS:
        assert time.monotonic() < until, "the tool started again"
        time.sleep(0.02)


def run(command: list[str]) -> int:
    """Run a tool, and return its exit status."""
    return subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    ).returncode


def resumed(store: StoreProcess) -> int:
    """Return the number of completed partial downloads so far."""
    lines = map(json.loads, store.log.read_text("utf-8").splitlines())
    return sum(
        line.get("route") == "download" and line["status"] == 206
        for line in lines
    )

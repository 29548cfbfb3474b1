# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Large files, and many downloads at the same time."""

import hashlib
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.containers.buyer import Transfer
from tests.containers.conftest import Stack
from tests.containers.engine import docker, wait_until
from tests.containers.library import (
    HUGE_BYTES,
    LONG_BYTES,
    MARK,
    MARK_AT,
    MIB,
    add_huge_release,
)

DOWNLOADS = 500
START_SECONDS = 300
"""Time limit for all to be in progress, on a busy machine."""
HASH_SECONDS = 600
"""Time limit for both replicas to hash eight gigabytes."""
PACE = 256 * MIB
"""Bytes per second, less than nginx could send."""


@pytest.fixture(scope="module")
def huge_release(stack: Stack) -> Iterator[None]:
    """Release of eight gigabytes, which slows down each start of a store."""
    folder = add_huge_release(stack.library)

    def is_sold() -> bool:
        time.sleep(1)
        # By both replicas, over which nginx balances requests.
        return all(
            stack.buyer.request("/catalog/huge-pack").status == 200
            for _ in range(8)
        )

    wait_until(is_sold, "both replicas sell the release", HASH_SECONDS)
    yield
    shutil.rmtree(folder)


def memory_bytes(name: str) -> int:
    """Return the anonymous memory of a container, without the page cache."""
    script = (
        "cat /proc/[0-9]*/status | awk '/^RssAnon/ {s += $2} END {print s}'"
    )
    return int(docker("exec", name, "sh", "-c", script)) * 1024


def temporary_files(name: str) -> str:
    """Return the files in a container's /tmp, except those of its start."""
    return docker(
        "exec", name, "find", "/tmp", "-type", "f",  # noqa: S108 - its own
        "-not", "-name", "*.conf", "-not", "-name", "nginx.pid",
    )  # fmt: skip


@pytest.mark.usefixtures("huge_release")
def test_eight_gigabytes_to_a_slow_reader_are_not_buffered(
    stack: Stack,
) -> None:
    path = stack.buyer.buy("huge")["huge"]
    edge = stack.project.containers("nginx")[0]
    idle = memory_bytes(edge)
    with closing(Transfer(stack.buyer, path)) as transfer:
        assert int(transfer.response.headers["Content-Length"]) == HUGE_BYTES
        taken = transfer.read_throttled(PACE, HUGE_BYTES // 2)
        assert memory_bytes(edge) - idle < 8 * MIB
        assert temporary_files(edge) == ""
        taken += transfer.read_throttled(PACE * 4, HUGE_BYTES)
    assert taken == HUGE_BYTES
    marked = stack.buyer.request(
        path, {"Range": f"bytes={MARK_AT}-{MARK_AT + len(MARK) - 1}"}
    )
    assert (marked.status, marked.body) == (206, MARK)


@pytest.mark.usefixtures("huge_release")
def test_release_of_eight_gigabytes_is_streamed(stack: Stack) -> None:
    path = stack.buyer.buy("huge-pack")["huge-pack"]
    edge = stack.project.containers("nginx")[0]
    apps = stack.project.containers("app")
    idle = [memory_bytes(each) for each in (edge, *apps)]
    with closing(Transfer(stack.buyer, path)) as transfer:
        size = int(transfer.response.headers["Content-Length"])
        assert size > HUGE_BYTES
        # More than a gigabyte, nginx's default limit of a temporary file.
        wanted = (1 << 30) + 64 * MIB
        assert transfer.read_throttled(PACE, wanted) == wanted
        now = [memory_bytes(each) for each in (edge, *apps)]
        assert all(a - b < 16 * MIB for a, b in zip(now, idle, strict=True))
        assert temporary_files(edge) == ""
    rest = stack.buyer.request(path, {"Range": "bytes=-1000"})
    assert (rest.status, len(rest.body)) == (206, 1000)
    assert b"Tail.bin" in rest.body


def test_five_hundred_concurrent_downloads_are_served(stack: Stack) -> None:
    path = stack.buyer.buy("long")["long"]
    wanted = hashlib.sha256(
        (stack.library / "Long" / "Long.bin").read_bytes()[: MIB // 16]
    ).digest()
    edge = stack.project.containers("nginx")[0]
    all_started = threading.Barrier(DOWNLOADS + 1)

    def download(number: int) -> tuple[int, bytes]:
        with closing(Transfer(stack.buyer, path)) as transfer:
            head = transfer.read(MIB // 16)
            all_started.wait(START_SECONDS)  # until all are in progress
            assert number >= 0
            return transfer.response.status, hashlib.sha256(head).digest()

    with ThreadPoolExecutor(DOWNLOADS) as threads:
        running = [threads.submit(download, each) for each in range(DOWNLOADS)]
        wait_until(
            lambda: all_started.n_waiting == DOWNLOADS,
            "all are in progress",
            START_SECONDS,
        )
        assert memory_bytes(edge) < 200 * MIB
        assert stack.buyer.request("/").status == 200
        all_started.wait(START_SECONDS)
        found = {each.result() for each in running}
    assert found == {(200, wanted)}


@pytest.mark.parametrize("count", [8])
def test_concurrent_downloads_are_complete(stack: Stack, count: int) -> None:
    path = stack.buyer.buy("long")["long"]
    wanted = hashlib.sha256(
        (stack.library / "Long" / "Long.bin").read_bytes()
    ).hexdigest()

    def download(_: int) -> str:
        body = stack.buyer.request(path).body
        assert len(body) == LONG_BYTES
        return hashlib.sha256(body).hexdigest()

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(download, range(count))) == {wanted}

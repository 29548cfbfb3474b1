"""Much at once, and much of one."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.containers.buyer import Transfer
from tests.containers.conftest import Stack
from tests.containers.engine import docker, until
from tests.containers.library import HUGE_BYTES, LONG_BYTES, MARK, MARK_AT, MIB

MANY = 500
START_SECONDS = 300
"""For so many to be under way, on a machine that has other work."""
PACE = 256 * MIB
"""Bytes a second; nginx and this machine could do more."""


def memory_bytes(name: str) -> int:
    """Say what a container holds, without what the page cache does."""
    script = (
        "cat /proc/[0-9]*/status | awk '/^RssAnon/ {s += $2} END {print s}'"
    )
    return int(docker("exec", name, "sh", "-c", script)) * 1024


def written(name: str) -> str:
    """Name what is in a container's memory for files, but for its start."""
    return docker(
        "exec", name, "find", "/tmp", "-type", "f",  # noqa: S108 - its own
        "-not", "-name", "store.conf", "-not", "-name", "nginx.pid",
    )  # fmt: skip


def test_eight_gigabytes_to_a_slow_reader(stack: Stack) -> None:
    """What is large is cut off, or held in memory, or in a file."""
    path = stack.buyer.buy("huge")["huge"]
    edge = stack.project.containers("nginx")[0]
    idle = memory_bytes(edge)
    with closing(Transfer(stack.buyer, path)) as transfer:
        assert int(transfer.answer.headers["Content-Length"]) == HUGE_BYTES
        taken = transfer.read_at(PACE, HUGE_BYTES // 2)
        assert memory_bytes(edge) - idle < 8 * MIB
        assert written(edge) == ""
        taken += transfer.read_at(PACE * 4, HUGE_BYTES)
    assert taken == HUGE_BYTES
    marked = stack.buyer.ask(
        path, {"Range": f"bytes={MARK_AT}-{MARK_AT + len(MARK) - 1}"}
    )
    assert (marked.status, marked.body) == (206, MARK)


def test_a_pack_of_eight_gigabytes_streams_through(stack: Stack) -> None:
    """A release ends after its first gigabyte, or fills nginx's disk."""
    path = stack.buyer.buy("huge-pack")["huge-pack"]
    edge = stack.project.containers("nginx")[0]
    apps = stack.project.containers("app")
    idle = [memory_bytes(each) for each in (edge, *apps)]
    with closing(Transfer(stack.buyer, path)) as transfer:
        size = int(transfer.answer.headers["Content-Length"])
        assert size > HUGE_BYTES
        # More than a gigabyte, which is where nginx's own limit is.
        wanted = (1 << 30) + 64 * MIB
        assert transfer.read_at(PACE, wanted) == wanted
        now = [memory_bytes(each) for each in (edge, *apps)]
        assert all(a - b < 16 * MIB for a, b in zip(now, idle, strict=True))
        assert written(edge) == ""
    rest = stack.buyer.ask(path, {"Range": "bytes=-1000"})
    assert (rest.status, len(rest.body)) == (206, 1000)
    assert b"Tail.bin" in rest.body


def test_five_hundred_at_once(stack: Stack) -> None:
    """On the day of a release, most buyers see an error."""
    path = stack.buyer.buy("long")["long"]
    wanted = hashlib.sha256(
        (stack.library / "Long" / "Long.bin").read_bytes()[: MIB // 16]
    ).digest()
    edge = stack.project.containers("nginx")[0]
    began = threading.Barrier(MANY + 1)

    def download(number: int) -> tuple[int, bytes]:
        with closing(Transfer(stack.buyer, path)) as transfer:
            head = transfer.read(MIB // 16)
            began.wait(START_SECONDS)  # until all are under way
            assert number >= 0
            return transfer.answer.status, hashlib.sha256(head).digest()

    with ThreadPoolExecutor(MANY) as threads:
        running = [threads.submit(download, each) for each in range(MANY)]
        until(
            lambda: began.n_waiting == MANY, "all are under way", START_SECONDS
        )
        assert memory_bytes(edge) < 200 * MIB
        assert stack.buyer.ask("/").status == 200
        began.wait(START_SECONDS)
        found = {each.result() for each in running}
    assert found == {(200, wanted)}


@pytest.mark.parametrize("count", [8])
def test_whole_files_side_by_side(stack: Stack, count: int) -> None:
    """Buyers at the same time get each other's bytes."""
    path = stack.buyer.buy("long")["long"]
    wanted = hashlib.sha256(
        (stack.library / "Long" / "Long.bin").read_bytes()
    ).hexdigest()

    def download(_: int) -> str:
        body = stack.buyer.ask(path).body
        assert len(body) == LONG_BYTES
        return hashlib.sha256(body).hexdigest()

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(download, range(count))) == {wanted}

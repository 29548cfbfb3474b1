"""The kernel sends what it holds, waits for nobody's disk, and lets go."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from msrv.downloads import sendfile
from msrv.downloads.file_reader import OpenFile, is_cached
from msrv.downloads.sendfile import TURN_BYTES, SendfileConnection
from msrv.storage.local import LocalStorage
from tests.downloads.made import known, noise

DATA = noise(6 * TURN_BYTES + 123)


@pytest.fixture(autouse=True)
def _needs_a_kernel_that_tells() -> None:
    if not sendfile._is_supported():
        pytest.skip("this kernel doesn't tell what it has cached")


class FakeFile(OpenFile):
    """Open file whose state a test sets: cached, changed, verified."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(DATA)
        super().__init__(
            path.open("rb", buffering=0),
            known(DATA),
            LocalStorage(path.parent),
        )
        self.cached_stop = len(DATA)
        self.changed: Exception | None = None
        self.verified = True

    def is_cached(self, start: int, size: int) -> bool:
        return start + size <= self.cached_stop

    def is_verified(self) -> bool:
        if self.changed:
            raise self.changed
        return self.verified


@pytest.fixture
def file(tmp_path: Path) -> Iterator[FakeFile]:
    """A file to send."""
    file = FakeFile(tmp_path / "file")
    yield file
    file.close()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection: ours, and a client's with little room."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listening.getsockname())
        ours, _ = listening.accept()
    ours.settimeout(0)
    client.settimeout(0)
    with ours, client:
        yield ours, client


@pytest.fixture
async def wire(
    ends: tuple[socket.socket, socket.socket],
) -> SendfileConnection:
    """Our end's wire."""
    return SendfileConnection(ends[0])


async def take(client: socket.socket, count: int) -> bytes:
    """Receive so many bytes."""
    loop, taken = asyncio.get_running_loop(), bytearray()
    while len(taken) < count:
        taken += await loop.sock_recv(client, 1 << 16)
    return bytes(taken)


async def test_a_stretch_arrives(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    wire: SendfileConnection,
) -> None:
    """A download has other bytes than the file."""
    taking = asyncio.ensure_future(take(ends[1], len(DATA) - 7 - 11))
    count = await wire.send(file, 7, len(DATA) - 11)
    assert count == len(DATA) - 7 - 11 == wire.sent_bytes
    assert await taking == DATA[7:-11]
    wire.close()


async def test_what_is_not_cached_is_left_to_who_can_wait(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    wire: SendfileConnection,
) -> None:
    """A disk that has to wake up stops every other visitor."""
    file.cached_stop = TURN_BYTES
    taking = asyncio.ensure_future(take(ends[1], TURN_BYTES))
    assert await wire.send(file, 0, len(DATA)) == TURN_BYTES
    assert await taking == DATA[:TURN_BYTES]
    assert await wire.send(file, TURN_BYTES, len(DATA)) == 0
    wire.close()


async def test_a_change_ends_it(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    wire: SendfileConnection,
) -> None:
    """Two versions of a file are mixed."""
    sending = asyncio.ensure_future(wire.send(file, 0, len(DATA)))
    await take(ends[1], 1000)
    file.changed = ValueError("changed")
    taking = asyncio.ensure_future(take(ends[1], len(DATA)))
    with pytest.raises(ValueError, match="changed"):
        await sending
    taking.cancel()
    assert 0 < wire.sent_bytes < len(DATA)
    wire.close()


async def test_a_file_to_be_hashed_again_is_sent_no_further(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    wire: SendfileConnection,
) -> None:
    """The kernel stops after the piece at hand, and says how far it came."""
    taking = asyncio.ensure_future(take(ends[1], 1000))
    file.verified = False
    sent = await asyncio.wait_for(wire.send(file, 0, len(DATA)), 60)
    assert 0 < sent < len(DATA)
    assert wire.sent_bytes == sent
    await taking
    wire.close()


async def test_what_has_arrived_is_waited_for(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    wire: SendfileConnection,
) -> None:
    """A file's end follows pages that may still change on their way."""
    stop = 50_000  # more than the client's room
    assert await wire.send(file, 0, stop) == stop
    settling = asyncio.ensure_future(wire.wait_until_acknowledged())
    await asyncio.sleep(0.05)
    assert (settling.done(), wire.is_waiting) == (False, True)
    await take(ends[1], stop)
    await asyncio.wait_for(settling, 60)
    wire.close()


async def test_who_has_gone_is_not_sent_to(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    wire: SendfileConnection,
) -> None:
    """A transfer to nobody holds its file open for ever."""
    sending = asyncio.ensure_future(wire.send(file, 0, len(DATA)))
    await take(ends[1], 1000)
    ends[1].close()
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(sending, 60)
    wire.close()


async def test_an_end_in_the_middle_leaves_nothing(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    wire: SendfileConnection,
) -> None:
    """A loop goes on sending a transfer that was given up."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count
    sending = asyncio.ensure_future(wire.send(file, 0, len(DATA)))
    await take(ends[1], 1000)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    sent = wire.sent_bytes
    assert sent >= 1000
    await take(ends[1], sent - 100_000 if sent > 200_000 else 0)
    await asyncio.sleep(0.05)
    assert wire.sent_bytes == sent
    wire.close()
    assert len(os.listdir("/proc/self/fd")) == before - 1  # noqa: PTH208


def test_the_kernel_tells_what_it_has(tmp_path: Path) -> None:
    """Cold pages are taken for cached ones: the loop waits for the disk."""
    path = tmp_path / "cold"
    path.write_bytes(DATA)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        assert is_cached(file.fileno(), 5, len(DATA) - 5)
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        assert not is_cached(file.fileno(), 5, len(DATA) - 5)
        os.pread(file.fileno(), 1, 0)
        assert is_cached(file.fileno(), 0, 100)
        assert not is_cached(file.fileno(), 0, len(DATA))
        assert not is_cached(file.fileno(), 0, len(DATA) + (1 << 20))
        assert not is_cached(-1, 0, 1)


async def test_tls_has_no_wire() -> None:
    """A file leaves unencrypted in the middle of a TLS connection."""

    class Secure(asyncio.Transport):
        pass

    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert (
            SendfileConnection.of(
                Secure({"socket": ours, "sslcontext": object()})
            )
            is None
        )
        assert SendfileConnection.of(Secure({})) is None
        assert SendfileConnection.of(None) is None
        found = SendfileConnection.of(Secure({"socket": ours}))
        assert found is not None
        found.close()
    gone = Secure({"socket": ours})
    assert SendfileConnection.of(gone) is None

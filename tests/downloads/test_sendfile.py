# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""SendfileConnection: cached slices, changes and disconnects."""

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
from tests.downloads.contents import known, noise

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
    """File to send."""
    file = FakeFile(tmp_path / "file")
    yield file
    file.close()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection: ours, and one with a small receive buffer."""
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
async def connection(
    ends: tuple[socket.socket, socket.socket],
) -> SendfileConnection:
    """Connection of our end."""
    return SendfileConnection(ends[0])


async def receive(client: socket.socket, count: int) -> bytes:
    """Receive so many bytes."""
    loop, taken = asyncio.get_running_loop(), bytearray()
    while len(taken) < count:
        taken += await loop.sock_recv(client, 1 << 16)
    return bytes(taken)


async def test_slice_arrives(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    connection: SendfileConnection,
) -> None:
    taking = asyncio.ensure_future(receive(ends[1], len(DATA) - 7 - 11))
    count = await connection.send(file, 7, len(DATA) - 11)
    assert count == len(DATA) - 7 - 11 == connection.sent_bytes
    assert await taking == DATA[7:-11]
    connection.close()


async def test_uncached_slice_is_not_sent(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    connection: SendfileConnection,
) -> None:
    file.cached_stop = TURN_BYTES
    taking = asyncio.ensure_future(receive(ends[1], TURN_BYTES))
    assert await connection.send(file, 0, len(DATA)) == TURN_BYTES
    assert await taking == DATA[:TURN_BYTES]
    assert await connection.send(file, TURN_BYTES, len(DATA)) == 0
    connection.close()


async def test_change_of_the_file_stops_the_transfer(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    connection: SendfileConnection,
) -> None:
    sending = asyncio.ensure_future(connection.send(file, 0, len(DATA)))
    await receive(ends[1], 1000)
    file.changed = ValueError("changed")
    taking = asyncio.ensure_future(receive(ends[1], len(DATA)))
    with pytest.raises(ValueError, match="changed"):
        await sending
    taking.cancel()
    assert 0 < connection.sent_bytes < len(DATA)
    connection.close()


async def test_unverified_file_is_sent_no_further(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    connection: SendfileConnection,
) -> None:
    """The transfer stops after the current call, and returns the count."""
    taking = asyncio.ensure_future(receive(ends[1], 1000))
    file.verified = False
    sent = await asyncio.wait_for(connection.send(file, 0, len(DATA)), 60)
    assert 0 < sent < len(DATA)
    assert connection.sent_bytes == sent
    await taking
    connection.close()


async def test_acknowledgement_is_awaited(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    connection: SendfileConnection,
) -> None:
    stop = 50_000  # more than the client's room
    assert await connection.send(file, 0, stop) == stop
    settling = asyncio.ensure_future(connection.wait_until_acknowledged())
    await asyncio.sleep(0.05)
    assert (settling.done(), connection.is_waiting) == (False, True)
    await receive(ends[1], stop)
    await asyncio.wait_for(settling, 60)
    connection.close()


async def test_disconnect_raises_connection_error(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    connection: SendfileConnection,
) -> None:
    sending = asyncio.ensure_future(connection.send(file, 0, len(DATA)))
    await receive(ends[1], 1000)
    ends[1].close()
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(sending, 60)
    connection.close()


async def test_cancellation_stops_sending_and_closes_the_descriptor(
    file: FakeFile,
    ends: tuple[socket.socket, socket.socket],
    connection: SendfileConnection,
) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count
    sending = asyncio.ensure_future(connection.send(file, 0, len(DATA)))
    await receive(ends[1], 1000)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    sent = connection.sent_bytes
    assert sent >= 1000
    await receive(ends[1], sent - 100_000 if sent > 200_000 else 0)
    await asyncio.sleep(0.05)
    assert connection.sent_bytes == sent
    connection.close()
    assert len(os.listdir("/proc/self/fd")) == before - 1  # noqa: PTH208


@pytest.mark.slow  # needs a disk: make test-fast writes to memory
def test_is_cached_reports_cached_pages(tmp_path: Path) -> None:
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


async def test_tls_connection_has_no_sendfile() -> None:
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

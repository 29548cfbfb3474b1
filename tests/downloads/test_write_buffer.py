# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Write buffer: adaptive size, fair scheduling, and reuse."""

import asyncio

import pytest

from msrv.connections.send_buffer import HoldingTransport
from msrv.downloads import write_buffer
from msrv.downloads.write_buffer import (
    FULL_BYTES,
    SLOW_BYTES,
    BufferPool,
    FairScheduler,
    WriteBuffer,
)


class FakeTransport(asyncio.Transport):
    """Open transport that accepts every write.

    `held_bytes` is the size of its own buffer.
    """

    def __init__(self, seconds: float = 0) -> None:
        super().__init__()
        self.seconds = seconds
        self.held_bytes = 0
        self.got: list[memoryview] = []

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self.held_bytes

    def write(self, data: object) -> None:
        assert isinstance(data, memoryview)
        self.got.append(data)


class FakeHoldingTransport(FakeTransport, HoldingTransport):
    """Transport that can wait for its socket, and counts how often it did."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = 0

    def pause_until_writable(self) -> None:
        self.pauses += 1

    def write(self, data: object) -> None:
        assert isinstance(data, memoryview)
        self.got.append(memoryview(bytes(data)))


class FakeWriter:
    """The part of aiohttp's writer that is used."""

    def __init__(self, line: FakeTransport) -> None:
        self._line = line
        self.output_size = 0
        self.drains = 0

    async def drain(self) -> None:
        self.drains += 1
        if self._line.seconds:
            await asyncio.sleep(self._line.seconds)


class FakeRequest:
    """The part of a request that is used."""

    def __init__(self, line: FakeTransport) -> None:
        self.transport: FakeTransport | None = line
        self.writer = FakeWriter(line)


def buffer_to(
    line: FakeTransport, request: FakeRequest | None = None
) -> WriteBuffer:
    return WriteBuffer(
        request or FakeRequest(line),  # type: ignore[arg-type] # a fake
        BufferPool(),
        FairScheduler(),
    )


async def test_fast_client_lets_other_tasks_run() -> None:
    request = FakeRequest(FakeTransport())
    assert request.transport
    buffer = buffer_to(request.transport, request)
    others = 0

    async def other() -> None:
        nonlocal others
        while True:
            others += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(other())
    await buffer.write(bytes(100 * FULL_BYTES))
    await buffer.flush()
    task.cancel()
    assert others >= 100
    assert request.writer.output_size == 100 * FULL_BYTES
    request.transport = None
    with pytest.raises(ConnectionError):
        await buffer.write(bytes(FULL_BYTES))


async def test_small_chunks_are_sent_together() -> None:
    """A ZIP of a thousand small files is not two thousand packets."""
    buyer = FakeTransport()
    buffer = buffer_to(buyer)
    for _ in range(2000):
        await buffer.write(bytes(100))
    await buffer.flush()
    assert buffer.sent_bytes == 200_000
    assert min(map(len, buyer.got[:-1])) >= SLOW_BYTES - 100


async def test_buffer_size_follows_the_speed() -> None:
    buyer = FakeTransport()
    buffer = buffer_to(buyer)
    while len(buyer.got[-1] if buyer.got else b"") < FULL_BYTES:
        await buffer.write(bytes(FULL_BYTES))
    assert len(buyer.got[0]) == SLOW_BYTES
    buyer.seconds = 0.2
    await buffer.write(bytes(2 * FULL_BYTES))
    assert len(buyer.got[-1]) < FULL_BYTES
    buyer.seconds = 0.06
    for _ in range(10):
        await buffer.write(bytes(FULL_BYTES // 64))
        await buffer.flush()
    await buffer.write(bytes(SLOW_BYTES))
    assert len(buyer.got[-1]) == SLOW_BYTES


async def test_fast_client_gets_full_buffers_soon() -> None:
    buyer = FakeTransport()
    await buffer_to(buyer).write(bytes(64 * FULL_BYTES))
    assert {len(each) for each in buyer.got[-30:-1]} == {FULL_BYTES}


async def test_kernel_buffer_does_not_make_a_client_fast() -> None:
    class Room(FakeTransport):
        def get_write_buffer_size(self) -> int:
            return max(0, sum(map(len, self.got)) - 20 * SLOW_BYTES)

    buyer = Room()
    await buffer_to(buyer).write(bytes(2 * FULL_BYTES))
    assert {len(each) for each in buyer.got} == {SLOW_BYTES}


async def test_buffer_held_by_the_transport_is_not_reused() -> None:
    buyer = FakeTransport()
    buffer = buffer_to(buyer)
    for number in range(20):
        buyer.held_bytes = number % 2
        await buffer.write(bytes([number]) * FULL_BYTES)
        await buffer.flush()
        if number % 2:
            held = buyer.got[-1]
            await buffer.write(b"x" * FULL_BYTES)
            assert set(held) == {number}


async def test_slow_client_is_sent_what_its_socket_accepts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In one write after each wait, from buffers that all share."""
    monkeypatch.setattr(write_buffer, "free_bytes", lambda _: 100_000)
    buyer = FakeHoldingTransport()
    request = FakeRequest(buyer)
    buffer = buffer_to(buyer, request)
    shared = buffer._buffers.acquire()
    buffer._buffers.release(shared)
    for number in range(3):
        await buffer.wait_for_space()
        assert buyer.pauses == number
        space = buffer.free_space()
        assert len(space) == 100_000
        assert space.obj is shared
        await buffer.commit(len(space))
        assert request.writer.drains == number
    # There is no more to be sent, but the transport may hold a rest of it.
    await buffer.flush()
    assert (buyer.pauses, request.writer.drains) == (2, 3)
    assert [*map(len, buyer.got)] == 3 * [100_000]


async def test_unknown_space_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_buffer, "free_bytes", lambda _: None)
    buyer = FakeHoldingTransport()
    await buffer_to(buyer).write(bytes(4 * SLOW_BYTES))
    assert [*map(len, buyer.got)] == 4 * [SLOW_BYTES]
    assert buyer.pauses == 0


async def test_little_memory_is_held_while_a_disk_is_awaited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_buffer, "free_bytes", lambda _: 100_000)
    buyer = FakeHoldingTransport()
    buffer = buffer_to(buyer)
    buffer.shrink()
    await buffer.write(b"the headers of a member")
    buffer.shrink()
    space = buffer.free_space()
    assert isinstance(space.obj, bytearray)
    assert len(space.obj) == SLOW_BYTES
    assert len(buffer._buffers._spare) == 1
    space[:] = bytes(len(space))
    await buffer.commit(len(space))
    assert bytes(buyer.got[0]).rstrip(b"\0") == b"the headers of a member"
    assert len(buyer.got[0]) == SLOW_BYTES


async def test_many_fast_clients_have_one_turn_together() -> None:
    turns = FairScheduler()
    rounds = sent = 0

    async def download() -> None:
        nonlocal sent
        for _ in range(10):
            await turns.wait()
            sent += 1

    async def other() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(other())
    downloads = [asyncio.ensure_future(download()) for _ in range(10)]
    await asyncio.sleep(0)
    downloads[0].cancel()
    await asyncio.wait(downloads)
    task.cancel()
    assert sent == 90
    assert rounds >= 80

"""One buyer's buffer is as large as the buyer is fast, and only theirs."""

import asyncio

import pytest

from msrv.downloads.write_buffer import (
    FULL_BYTES,
    SLOW_BYTES,
    BufferPool,
    FairScheduler,
    WriteBuffer,
)


class Line(asyncio.Transport):
    """A connection that stands, and takes all as fast as it is told to.

    `held_bytes` is how much of what it got it still holds.
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


class Writer:
    """As much of aiohttp's writer as sending uses."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.output_size = 0

    async def drain(self) -> None:
        if self._line.seconds:
            await asyncio.sleep(self._line.seconds)


class FakeRequest:
    """As much of a request as sending looks at."""

    def __init__(self, line: Line) -> None:
        self.transport: Line | None = line
        self.writer = Writer(line)


def buffer_to(line: Line, request: FakeRequest | None = None) -> WriteBuffer:
    return WriteBuffer(
        request or FakeRequest(line),  # type: ignore[arg-type] # a fake
        BufferPool(),
        FairScheduler(),
    )


async def test_a_fast_buyer_lets_others_in() -> None:
    """Else the shop stands still while one buyer has a fast line."""
    request = FakeRequest(Line())
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


async def test_headers_of_a_pack_do_not_travel_alone() -> None:
    """Else a pack of a thousand small files is two thousand packets."""
    buyer = Line()
    buffer = buffer_to(buyer)
    for _ in range(2000):
        await buffer.write(bytes(100))
    await buffer.flush()
    assert buffer.sent_bytes == 200_000
    assert min(map(len, buyer.got[:-1])) >= SLOW_BYTES - 100


async def test_the_buffer_follows_the_line() -> None:
    """Else slow buyers take up the memory, or fast ones the processor."""
    buyer = Line()
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


async def test_a_fast_line_is_known_at_once() -> None:
    """Else half of a file that takes half a second leaves in small pieces."""
    buyer = Line()
    await buffer_to(buyer).write(bytes(64 * FULL_BYTES))
    assert {len(each) for each in buyer.got[-30:-1]} == {FULL_BYTES}


async def test_the_room_in_a_kernel_is_not_a_fast_line() -> None:
    """Else whoever comes and reads nothing holds a full buffer."""

    class Room(Line):
        def get_write_buffer_size(self) -> int:
            return max(0, sum(map(len, self.got)) - 20 * SLOW_BYTES)

    buyer = Room()
    await buffer_to(buyer).write(bytes(2 * FULL_BYTES))
    assert {len(each) for each in buyer.got} == {SLOW_BYTES}


async def test_what_the_transport_still_holds_is_not_written_over() -> None:
    """Else a buyer gets the bytes of another's file, under their own name."""
    buyer = Line()
    buffer = buffer_to(buyer)
    for number in range(20):
        buyer.held_bytes = number % 2
        await buffer.write(bytes([number]) * FULL_BYTES)
        await buffer.flush()
        if number % 2:
            held = buyer.got[-1]
            await buffer.write(b"x" * FULL_BYTES)
            assert set(held) == {number}


async def test_many_fast_buyers_let_others_in_as_one_does() -> None:
    """Else a page takes the longer, the more downloads there are."""
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

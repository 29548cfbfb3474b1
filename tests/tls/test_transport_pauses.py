# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""TLSTransport: pauses of writing and of reading."""

import asyncio

import pytest

pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")

from msrv.connections.send_buffer import (
    UNSENT_BYTES,
    free_bytes,
    limit_unsent_bytes,
)
from msrv.tls.records import MAX_BYTES
from tests.tls.recorded_connections import LARGE, Listener


async def test_slow_clients_get_their_own_bytes(listener: Listener) -> None:
    """Connections share the memory for encryption."""
    sizes = [
        size + more
        for size in (1, 8 << 10, 16 << 10, 64 << 10, MAX_BYTES, 1 << 20)
        for more in (0, 1)
    ]
    visits = [await listener.visit() for _ in range(2)]
    for size in sizes:
        for mark, (recorder, _, _) in zip(b"ab", visits, strict=True):
            assert recorder.transport
            recorder.transport.write(bytes([mark]) * size)
    for mark, (_, reader, writer) in zip(b"ab", visits, strict=True):
        got = await reader.readexactly(sum(sizes))
        assert got.count(mark) == len(got)
        writer.close()


async def test_writing_resumes_after_a_pause(listener: Listener) -> None:
    recorder, reader, writer = await listener.visit()
    assert recorder.transport
    recorder.transport.write(LARGE)
    assert recorder.paused == 1
    await reader.readexactly(len(LARGE))
    await recorder.resumed.wait()
    assert recorder.paused == 0
    assert recorder.transport.get_write_buffer_size() == 0
    writer.close()


async def test_reading_can_be_paused(listener: Listener) -> None:
    recorder, _, writer = await listener.visit()
    assert recorder.transport
    recorder.transport.pause_reading()
    assert not recorder.transport.is_reading()
    writer.write(b"x" * 40_000)
    await asyncio.sleep(0.05)
    assert recorder.got == b""
    recorder.transport.resume_reading()
    while len(recorder.got) < 40_000:
        recorder.heard.clear()
        await recorder.heard.wait()
    writer.close()
    await recorder.lost


async def test_pause_lasts_until_the_socket_is_writable(
    listener: Listener,
) -> None:
    """A pause with nothing unsent, for which the kernel's buffer counts."""
    recorder, reader, writer = await listener.visit()
    assert recorder.transport
    limit_unsent_bytes(recorder.transport.get_extra_info("socket"))
    recorder.transport.pause_until_writable()
    assert recorder.paused == 1
    await asyncio.wait_for(recorder.resumed.wait(), 60)  # nothing is buffered
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.pause_reading()
    recorder.resumed.clear()
    sent = 0
    while not recorder.paused:
        part = max(1000, free_bytes(recorder.transport) or 0)
        recorder.transport.write(bytes(part))
        sent += part
    unsent = recorder.transport.get_write_buffer_size()
    recorder.transport.pause_until_writable()
    assert recorder.paused == 1  # once, for both
    free = free_bytes(recorder.transport)
    assert free is not None
    assert free < UNSENT_BYTES // 4
    writer.transport.resume_reading()
    await reader.readexactly(sent)
    await asyncio.wait_for(recorder.resumed.wait(), 60)
    assert recorder.paused == 0
    assert unsent >= recorder.transport.get_write_buffer_size() == 0
    recorder.transport.write(LARGE[:100_000])
    assert await reader.readexactly(100_000) == LARGE[:100_000]
    writer.close()


async def test_close_during_a_pause_sends_close_notify_at_once(
    listener: Listener,
) -> None:
    recorder, reader, writer = await listener.visit()
    assert recorder.transport
    recorder.transport.write(b"the end")
    recorder.transport.pause_until_writable()
    recorder.transport.close()
    # The socket isn't watched any more: it would be writable forever.
    descriptor = recorder.transport.get_extra_info("socket").fileno()
    assert not recorder.transport._loop.remove_writer(descriptor)
    assert await reader.read() == b"the end"
    assert await recorder.lost is None
    recorder.transport.pause_until_writable()
    assert not recorder.transport._is_writer_added
    writer.close()

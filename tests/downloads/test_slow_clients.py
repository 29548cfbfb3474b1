# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Downloads of slow clients over TLS, on real sockets."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

pytest.importorskip("OpenSSL", reason="pyOpenSSL is not installed")

from msrv.connections.admission import Admission, ConnectionLimits
from msrv.connections.request_handler import factory
from msrv.connections.send_buffer import UNSENT_BYTES, free_bytes
from msrv.downloads.file_reader import OpenFile
from msrv.downloads.write_buffer import SLOW_BYTES
from msrv.tls.openssl import OpenSSLServer
from msrv.tls.transport import TLSTransport
from tests.certificates import issue_pair
from tests.downloads.contents import noise
from tests.downloads.file_shop import Shop

HUGE = noise(8_000_000)
"""More than the buffers of both sockets hold."""
WAIT_SECONDS = 30


class SecureShop:
    """Shop behind TLS, and the sizes of what it writes to its clients."""

    def __init__(self, folder: Path) -> None:
        library = folder / "library"
        library.mkdir()
        self.shop = Shop(library)
        self.shop.sell("huge", HUGE)
        self.written: list[int] = []
        self.pair, self.trust = issue_pair(folder)
        self.listening = socket.create_server(("127.0.0.1", 0))

    def connect(self) -> ssl.SSLSocket:
        """Return a connection with a small receive buffer that asked."""
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        plain.settimeout(WAIT_SECONDS)
        plain.connect(self.listening.getsockname())
        secure = self.trust.wrap_socket(plain, server_hostname="localhost")
        secure.sendall(
            b"GET /huge HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: close\r\n\r\n"
        )
        return secure


@pytest.fixture
async def secure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[SecureShop]:
    """Secure shop, as the store serves."""
    secure = SecureShop(tmp_path)
    write = TLSTransport.write

    def recording(transport: TLSTransport, data: bytes) -> None:
        secure.written.append(len(data))
        write(transport, data)

    monkeypatch.setattr(TLSTransport, "write", recording)
    app = web.Application()
    app.router.add_get("/{name}", secure.shop.get)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    assert runner.server is not None
    acceptor = OpenSSLServer(secure.pair).listen(
        secure.listening,
        factory(runner.server),
        Admission(ConnectionLimits(total=100, per_network=100)),
    )
    yield secure
    acceptor.close()
    await runner.cleanup()
    assert secure.shop.storage.still_open() == 0


def read_slowly(client: ssl.SSLSocket) -> bytes:
    """Read the whole response, 8 KiB at a time."""
    got = bytearray()
    with client:
        while part := client.recv(8192):
            got += part
    return bytes(got).partition(b"\r\n\r\n")[2]


async def in_thread(call: Callable[[], bytes]) -> bytes:
    """Call in a thread, with a limit."""
    return await asyncio.wait_for(asyncio.to_thread(call), WAIT_SECONDS)


def record_pauses(monkeypatch: pytest.MonkeyPatch) -> list[TLSTransport]:
    """Return a list to which transports are added when they pause."""
    pauses: list[TLSTransport] = []
    pause = TLSTransport.pause_until_writable

    def recording(transport: TLSTransport) -> None:
        pauses.append(transport)
        pause(transport)

    monkeypatch.setattr(TLSTransport, "pause_until_writable", recording)
    return pauses


@pytest.mark.slow  # needs a disk: make test-fast writes to memory
async def test_slow_client_gets_large_writes(
    secure: SecureShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write is what the kernel accepts, and the bytes are the file's."""
    pauses = record_pauses(monkeypatch)
    client = await asyncio.to_thread(secure.connect)
    async with asyncio.timeout(WAIT_SECONDS):
        # How much the kernel accepts at first is its own choice.
        while not pauses:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    # The first write is the headers'.
    assert max(secure.written[1:]) >= 4 * SLOW_BYTES
    assert await in_thread(lambda: read_slowly(client)) == HUGE


@pytest.mark.parametrize("disk", ["cached", "slow"])
async def test_nothing_is_held_for_a_client_that_reads_nothing(
    secure: SecureShop, disk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's buffer is bounded, and there is hardly any other."""
    if disk == "slow":
        monkeypatch.setattr(OpenFile, "read_cached", lambda *_: 0)
    transports = record_pauses(monkeypatch)
    client = await asyncio.to_thread(secure.connect)
    async with asyncio.timeout(WAIT_SECONDS):
        while (  # noqa: ASYNC110 - nothing tells
            not transports
            or (free_bytes(transports[0]) or 0) > UNSENT_BYTES // 2
        ):
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert transports[0].get_write_buffer_size() <= 2 * SLOW_BYTES
    assert sum(secure.written) < len(HUGE)
    assert await in_thread(lambda: read_slowly(client)) == HUGE


async def test_stall_during_a_pause_is_aborted(secure: SecureShop) -> None:
    secure.shop.stall_seconds = 0.2
    with await asyncio.to_thread(secure.connect):
        await asyncio.wait_for(secure.shop.over.wait(), WAIT_SECONDS)
    (sent,) = secure.shop.sent
    assert 0 < sent.stop < len(HUGE)


async def test_disconnect_during_a_pause_ends_the_transfer(
    secure: SecureShop,
) -> None:
    client = await asyncio.to_thread(secure.connect)
    async with asyncio.timeout(WAIT_SECONDS):
        while sum(secure.written) < UNSENT_BYTES // 2:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    client.close()
    await asyncio.wait_for(secure.shop.over.wait(), WAIT_SECONDS)
    (sent,) = secure.shop.sent
    assert 0 < sent.stop < len(HUGE)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A TLS listener that records the events of its connections."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from msrv.connections.admission import ConnectionSlot
from msrv.tls.openssl import OpenSSLServer
from msrv.tls.transport import TLSTransport
from tests.certificates import issue_pair

LARGE = bytes(range(256)) * 100_000


class Recorder(asyncio.Protocol):
    """Records the events of one connection."""

    def __init__(self) -> None:
        self.transport: TLSTransport | None = None
        self.got = b""
        self.paused = 0
        self.lost: asyncio.Future[Exception | None] = (
            asyncio.get_running_loop().create_future()
        )
        self.heard = asyncio.Event()
        self.ready = asyncio.Event()
        self.resumed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, TLSTransport)
        self.transport = transport
        self.ready.set()

    def data_received(self, data: bytes) -> None:
        self.got += data
        self.heard.set()

    def pause_writing(self) -> None:
        self.paused += 1

    def resume_writing(self) -> None:
        self.paused -= 1
        self.resumed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


class Listener:
    """Listener, and its connections."""

    def __init__(self, folder: Path) -> None:
        self.pair, self.trust = issue_pair(folder)
        self.tls_server = OpenSSLServer(self.pair)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.guests: asyncio.Queue[Recorder] = asyncio.Queue()

    def made(self, slot: ConnectionSlot) -> Recorder:  # noqa: ARG002
        recorder = Recorder()
        self.guests.put_nowait(recorder)
        return recorder

    async def visit(
        self,
    ) -> tuple[Recorder, asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.trust, server_hostname="localhost"
        )
        recorder = await self.guests.get()
        await recorder.ready.wait()
        return recorder, reader, writer

    async def in_thread(
        self, visit: Callable[[ssl.SSLSocket], object]
    ) -> object:
        """Visit with a blocking socket, which can do what asyncio's can't."""

        def call() -> object:
            plain = socket.create_connection(("127.0.0.1", self.port), 10)
            with self.trust.wrap_socket(
                plain, server_hostname="localhost"
            ) as secure:
                return visit(secure)

        return await asyncio.wait_for(asyncio.to_thread(call), 20)

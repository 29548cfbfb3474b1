# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Relay between a gate and the engine, which a test can interrupt.

It passes bytes on, and reads the first line of each request. A test can
silence it, respond instead of the engine, or run code before a request is
passed on, or once the engine has responded and before its response is.
"""

import asyncio
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

ENGINE: Final = "/var/run/docker.sock"
_LINE: Final = re.compile(rb"(GET|POST|DELETE) (\S+) HTTP/1\.1\r\n")

Look = Callable[[str], None]
Answer = Callable[[str], bytes | None]


class EngineRelay:
    """Relay in a thread of its own, with an event loop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.before: Look = lambda _: None
        self.after: Look = lambda _: None
        self.instead: Answer = lambda _: None
        self.flows = threading.Event()
        self.flows.set()
        self.requests: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._ready = threading.Event()
        self._stop = asyncio.Event()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *args: object) -> None:
        self.flows.set()
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        tasks: set[asyncio.Task[None]] = set()

        def connected(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            task = asyncio.ensure_future(self._relay(reader, writer))
            tasks.add(task)

        server = await asyncio.start_unix_server(connected, self.path)
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        up_reader, up_writer = await asyncio.open_unix_connection(ENGINE)
        asked: list[str] = []
        tasks = [
            asyncio.create_task(self._up(reader, up_writer, writer, asked)),
            asyncio.create_task(self._down(up_reader, writer, asked)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in (writer, up_writer):
                each.close()

    async def _flowing(self) -> None:
        # The test's thread sets it.
        await asyncio.to_thread(self.flows.wait)

    async def _up(
        self,
        reader: asyncio.StreamReader,
        up: asyncio.StreamWriter,
        down: asyncio.StreamWriter,
        asked: list[str],
    ) -> None:
        while data := await reader.read(65_536):
            await self._flowing()
            line = _LINE.match(data)
            if line:
                request = f"{line[1].decode()} {line[2].decode()}"
                self.requests.append(request)
                await asyncio.to_thread(self.before, request)
                answer = self.instead(request)
                if answer is not None:
                    down.write(
                        b"HTTP/1.1 500 Internal Server Error\r\n"
                        b"Content-Type: application/json\r\n"
                        b"Connection: close\r\n"
                        + f"Content-Length: {len(answer)}\r\n\r\n".encode()
                        + answer
                    )
                    await down.drain()
                    return
                asked.append(request)
            up.write(data)
            await up.drain()

    async def _down(
        self,
        up: asyncio.StreamReader,
        down: asyncio.StreamWriter,
        asked: list[str],
    ) -> None:
        while data := await up.read(65_536):
            while asked:
                await asyncio.to_thread(self.after, asked.pop(0))
            await self._flowing()
            down.write(data)
            await down.drain()

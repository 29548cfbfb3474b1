# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A store in miniature: a page, and an end with a drain.

MODE is how it fares: `well`, `crash` (it ends at once), `never` (it is never
healthy). LINGER is how many seconds it answers on when it is told to end. It
runs in a container, on the standard library alone.
"""

import asyncio
import os
import pathlib
import signal
import sys

VERSION = os.environ["VERSION"]
MODE = os.environ["MODE"]
LINGER_SECONDS = float(os.environ.get("LINGER", "0"))
HEALTHY = pathlib.Path("/tmp/healthy")  # noqa: S108 - its own tmpfs


class Store:
    def __init__(self) -> None:
        self.under_way = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self.draining = False

    async def answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while await self.answer_one(reader, writer):
                pass
        except (OSError, EOFError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def answer_one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        await reader.readuntil(b"\r\n\r\n")
        self.under_way += 1
        self.idle.clear()
        try:
            lasts = "close" if self.draining else "keep-alive"
            writer.write(
                f"HTTP/1.1 200 OK\r\nContent-Length: {len(VERSION)}\r\n"
                f"Connection: {lasts}\r\n\r\n{VERSION}".encode()
            )
            await writer.drain()
        finally:
            self.under_way -= 1
            if not self.under_way:
                self.idle.set()
        return not self.draining


async def main() -> None:
    sys.stdout.write(f"version {VERSION}, {MODE}\n")
    sys.stdout.flush()
    if MODE == "crash":
        sys.exit("this one can't start: no such shelf")
    store = Store()
    server = await asyncio.start_server(store.answer, None, 8000)
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    if MODE == "well":
        await asyncio.to_thread(HEALTHY.touch)
    await told.wait()
    store.draining = True
    server.close()
    # For connections that are kept and for packets on their way.
    await asyncio.sleep(LINGER_SECONDS)
    await store.idle.wait()


asyncio.run(main())

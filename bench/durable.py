# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Floor of a purchase in Python: aiohttp, one signature, one durable append.

`python -m bench.durable FOLDER PORT`. A POST is answered once a line with its
signature (Ed25519) is on the disk; lines of requests at the same time share
one `fdatasync`.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
)

KEY: Final = Ed25519PrivateKey.generate()


class Journal:
    """File that lines are appended to."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def append(self, line: bytes) -> None:
        """Append a line; return once it is on the disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        await done

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            lines = b"".join(line for line, _ in batch)
            await asyncio.to_thread(self._write, lines)
            for _, done in batch:
                done.set_result(None)

    def _write(self, lines: bytes) -> None:
        os.write(self._file, lines)
        os.fdatasync(self._file)


def main(folder: str, port: str) -> None:
    """Serve until the end."""
    journal: list[Journal] = []

    async def buy(request: web.Request) -> web.Response:
        form = await request.post()
        line = str(form["item"]).encode() * 20 + b"\n"
        signature = KEY.sign(line)
        await journal[0].append(line + signature)
        return web.json_response({"receipt": signature.hex()})

    async def start(_app: web.Application) -> None:
        journal.append(Journal(Path(folder, "journal")))

    app = web.Application()
    app.on_startup.append(start)
    app.router.add_post("/purchases", buy)
    web.run_app(
        app, host="127.0.0.1", port=int(port), print=None, access_log=None
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Shop of a few files on a real socket."""

import asyncio
from datetime import date
from pathlib import Path
from typing import BinaryIO

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from msrv.downloads.body import Body
from msrv.downloads.ranges import ByteRange
from msrv.downloads.representation import Representation
from msrv.downloads.sender import DirectSender, SendOptions
from msrv.downloads.zip import MEDIA_TYPE, ZipArchive, ZipMember
from msrv.storage.local import LocalStorage
from msrv.storage.model import Content, StorageError
from tests.downloads.contents import NOW, add_file, noise

LARGE = noise(3_000_000)
SMALL = noise(5_000, "small")
PRIVATE = "private, no-store"

Client = TestClient[web.Request, web.Application]


class RecordingStorage(LocalStorage):
    """Storage that records the files it opens."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened: list[BinaryIO] = []

    def open(self, content: Content) -> BinaryIO:
        self.opened.append(super().open(content))
        return self.opened[-1]

    def still_open(self) -> int:
        return sum(not file.closed for file in self.opened)


class Shop:
    """Shop that sends `things` by name, and records the ranges sent."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.storage = RecordingStorage(root)
        self.things: dict[str, tuple[Representation, Body]] = {}
        self.sent: list[ByteRange] = []
        self.over = asyncio.Event()
        self.stall_seconds = 60.0

    def sell(self, name: str, data: bytes) -> Content:
        content = add_file(self.root, name, data)
        self.things[name] = (
            Representation.of_file(content, name),
            Body.of_file(content),
        )
        return content

    def pack(self, name: str, members: list[ZipMember]) -> None:
        archive = ZipArchive.plan(members, date(2026, 3, 6))
        self.things[name] = (
            Representation(
                archive.body.size_bytes, archive.etag, 0, MEDIA_TYPE, name
            ),
            archive.body,
        )

    async def get(self, request: web.Request) -> web.StreamResponse:
        representation, body = self.things[request.match_info["name"]]
        try:
            return await DirectSender(self.storage, self.stall_seconds).send(
                request,
                representation,
                body,
                SendOptions(NOW, PRIVATE, on_sent=self.sent.append),
            )
        except StorageError as error:
            raise web.HTTPServiceUnavailable from error
        finally:
            self.over.set()

    def server(self) -> TestServer:
        app = web.Application()
        app.router.add_get("/{name}", self.get)
        return TestServer(app)

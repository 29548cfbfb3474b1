# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""DirectSender with missing and changing files, and stalled clients."""

import asyncio
import os
import socket

import aiohttp
import pytest

from msrv.downloads.file_reader import OpenFile
from msrv.downloads.zip import ZipMember
from tests.downloads.contents import add_file, noise
from tests.downloads.file_shop import LARGE, SMALL, Client, Shop


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("name", ["large", "small", "pack"])
@pytest.mark.parametrize("what", ["gone", "changed", "no file"])
async def test_missing_file_is_an_error_before_the_first_byte(
    method: str, name: str, what: str, client: Client, shop: Shop
) -> None:
    # of a pack, a member that is not the first
    path = shop.root / ("small" if name == "pack" else name)
    if what == "changed":
        path.write_bytes(path.read_bytes() + b"!")
    else:
        path.unlink()
    if what == "no file":
        os.mkfifo(path)
    async with client.request(method, f"/{name}") as answer:
        assert answer.status == 503
        assert "ETag" not in answer.headers
    assert shop.sent == []


class ReadGate:
    """Blocks each read but the first until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened = asyncio.Event()
        read, reads = OpenFile.read_into, 0

        async def gated(file: OpenFile, room: memoryview, start: int) -> int:
            nonlocal reads
            reads += 1
            if reads > 1:
                await self.opened.wait()
            return await read(file, room, start)

        monkeypatch.setattr(OpenFile, "read_into", gated)
        # As of a disk that has to be waited for.
        monkeypatch.setattr(OpenFile, "read_cached", lambda *_: 0)
        monkeypatch.setattr(OpenFile, "is_cached", lambda *_: False)


HUGE = noise(30_000_000)
"""More than the buffers of both sockets hold."""


async def test_file_replaced_during_a_transfer_is_sent_unchanged(
    client: Client, shop: Shop
) -> None:
    shop.sell("huge", HUGE)
    async with client.get("/huge") as answer:
        start = await answer.content.readexactly(1000)
        add_file(shop.root, "new", noise(30_000_000, "new"))
        (shop.root / "new").replace(shop.root / "huge")
        assert start + await answer.read() == HUGE


@pytest.mark.parametrize("how", ["shorter", "over", "over the end", "gone"])
async def test_failed_transfer_aborts_the_connection(
    how: str,
    client: Client,
    shop: Shop,
    caplog: pytest.LogCaptureFixture,
) -> None:
    huge = shop.sell("huge", HUGE)
    small = shop.sell("small", SMALL)
    shop.pack(
        "hugepack", [ZipMember("P/huge", huge), ZipMember("P/small", small)]
    )
    name = "hugepack" if how == "gone" else "huge"
    async with client.get(f"/{name}") as answer:
        await answer.content.readexactly(1000)
        if how == "shorter":
            os.truncate(shop.root / "huge", 1_000_000)
        elif how == "gone":
            (shop.root / "small").unlink()
        else:
            with (shop.root / "huge").open("r+b") as file:
                file.seek(-100 if how == "over the end" else 0, os.SEEK_END)
                file.seek(0 if how == "over" else file.tell())
                file.write(b"new")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    await shop.over.wait()
    (sent,) = shop.sent
    assert 0 < sent.stop < shop.things[name][0].size_bytes
    assert "aborted a download" in caplog.text


async def test_disconnect_closes_the_files(client: Client, shop: Shop) -> None:
    shop.sell("huge", HUGE)
    async with client.get("/huge") as answer:
        await answer.content.readexactly(1000)
        assert shop.storage.still_open() == 1
        answer.close()
    await asyncio.wait_for(shop.over.wait(), 60)
    assert shop.storage.still_open() == 0
    (sent,) = shop.sent
    assert sent.start == 0
    assert 1000 <= sent.stop < 30_000_000


async def test_slow_disk_is_not_a_stall(
    client: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.stall_seconds = 0.2
    gate = ReadGate(monkeypatch)
    async with client.get("/large") as answer:
        await answer.content.readexactly(1000)
        await asyncio.sleep(0.6)
        gate.opened.set()
        assert len(await answer.read()) == len(LARGE) - 1000


@pytest.mark.parametrize("counted_by", ["kernel", "us"])
async def test_stalled_client_is_aborted(
    counted_by: str,
    client: Client,
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if counted_by == "us":
        monkeypatch.delattr(socket, "TCP_INFO")
    shop.stall_seconds = 0.2
    shop.sell("huge", HUGE)
    async with client.get("/huge") as answer:
        await asyncio.wait_for(shop.over.wait(), 10)
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()

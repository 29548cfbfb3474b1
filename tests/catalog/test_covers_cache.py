# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cache of covers: in memory and on disk, with bounded concurrency."""

import asyncio
import logging
import os
import threading
from typing import BinaryIO

import pytest
from PIL import Image

from msrv.catalog import covers as covers_module
from msrv.catalog.covers import WIDTHS
from msrv.storage.local import LocalStorage
from msrv.storage.model import Changed, Content, Gone
from tests.catalog.cover_pictures import RED, PictureLibrary, encode
from tests.catalog.cover_pictures import covers as covers_of
from tests.polling import wait_until


async def test_changed_picture_is_not_cached_under_the_old_hash(
    picture_library: PictureLibrary,
) -> None:
    cover = picture_library.put(encode(Image.new("RGB", (500, 500), RED)))
    path = picture_library.root / "cover.png"
    path.write_bytes(encode(Image.new("RGB", (50, 50), RED)))
    with pytest.raises(Changed):
        await picture_library.covers.image(cover, 160)
    path.unlink()
    with pytest.raises(Gone):
        await picture_library.covers.image(cover, 160)


async def test_cover_is_cached_in_memory_and_on_disk(
    picture_library: PictureLibrary,
) -> None:
    cover = picture_library.put(encode(Image.new("RGB", (500, 500), RED)))
    first = await picture_library.covers.image(cover, 160)
    assert first.media_type == "image/webp"
    (picture_library.root / "cover.png").unlink()
    assert await picture_library.covers.image(cover, 160) is first
    restarted = covers_of(
        LocalStorage(picture_library.root), picture_library.cache
    )
    assert await restarted.image(cover, 160) == first
    (path,) = picture_library.cache.iterdir()
    assert await asyncio.to_thread(path.read_bytes) == first.data


async def test_cache_in_memory_is_bounded(
    picture_library: PictureLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    arts = [
        picture_library.put(
            encode(Image.new("RGB", (9, 9), (n, n, n))), f"{n}.png"
        )
        for n in range(5)
    ]
    size = len((await picture_library.covers.image(arts[0], 160)).data)
    monkeypatch.setattr(covers_module, "_MEMORY_BYTES", size * 3)
    for art in [*arts, arts[2], arts[0]]:
        await picture_library.covers.image(art, 160)
    held = [each.data for each in picture_library.covers._in_memory.values()]
    assert (
        sum(map(len, held))
        == picture_library.covers._in_memory_bytes
        <= size * 3
    )
    digests = {key[0] for key in picture_library.covers._in_memory}
    assert arts[0].content.sha256 in digests
    assert arts[3].content.sha256 not in digests


class Gate:
    """Storage whose files open only once the test allows it."""

    def __init__(self, folder: LocalStorage) -> None:
        self.folder = folder
        self.open_now = threading.Event()
        self.waiting = 0
        self.most = 0
        self.opened = 0
        self.lock = threading.Lock()

    def open(self, content: Content) -> BinaryIO:
        with self.lock:
            self.opened += 1
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        assert self.open_now.wait(20)
        with self.lock:
            self.waiting -= 1
        return self.folder.open(content)

    def is_verified(self, descriptor: int, content: Content) -> bool:
        return self.folder.is_verified(descriptor, content)

    async def verify(
        self, content: Content, descriptor: int | None = None
    ) -> None:
        await self.folder.verify(content, descriptor)


async def test_concurrent_requests_share_one_resize(
    picture_library: PictureLibrary,
) -> None:
    """A request that is cancelled doesn't stop it for the others."""
    cover = picture_library.put(encode(Image.new("RGB", (500, 500), RED)))
    gate = Gate(LocalStorage(picture_library.root))
    covers = covers_of(gate, picture_library.cache)
    asked = [asyncio.create_task(covers.image(cover, 160)) for _ in range(20)]
    await wait_until(lambda: gate.opened == 1)
    asked[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
    gate.open_now.set()
    pictures = await asyncio.gather(*asked[1:])
    assert len({id(picture) for picture in pictures}) == 1
    assert gate.opened == 1


async def test_two_covers_are_resized_at_a_time(
    picture_library: PictureLibrary,
) -> None:
    arts = [
        picture_library.put(
            encode(Image.new("RGB", (9, 9), (n, n, n))), f"{n}.png"
        )
        for n in range(6)
    ]
    gate = Gate(LocalStorage(picture_library.root))
    covers = covers_of(gate, picture_library.cache)
    asked = [asyncio.create_task(covers.image(art, 160)) for art in arts]
    await wait_until(lambda: gate.waiting == 2)
    gate.open_now.set()
    await asyncio.gather(*asked)
    assert gate.most == 2
    assert gate.opened == 6


async def test_closing_waits_for_the_resizes_in_progress(
    picture_library: PictureLibrary,
) -> None:
    cover = picture_library.put(encode(Image.new("RGB", (500, 500), RED)))
    gate = Gate(LocalStorage(picture_library.root))
    covers = covers_of(gate, picture_library.cache)
    asked = asyncio.create_task(covers.image(cover, 160))
    await wait_until(lambda: gate.opened == 1)
    asked.cancel()
    gate.open_now.set()
    await covers.aclose()
    assert not covers._making
    assert len(list(picture_library.cache.iterdir())) == 1


async def test_full_disk_costs_no_covers_and_is_logged_once(
    picture_library: PictureLibrary,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    cover = picture_library.put(encode(Image.new("RGB", (500, 500), RED)))
    with caplog.at_level(logging.WARNING):
        for width in WIDTHS:
            assert (await picture_library.covers.image(cover, width)).data
    assert len(caplog.records) == 1
    assert os.strerror(28) in caplog.text
    assert list(picture_library.cache.iterdir()) == []


async def test_covers_are_made_without_a_cache_folder(
    picture_library: PictureLibrary,
) -> None:
    picture_library.cache.write_bytes(b"a file in its place")
    cover = picture_library.put(encode(Image.new("RGB", (500, 500), RED)))
    assert (await picture_library.covers.image(cover, 160)).data

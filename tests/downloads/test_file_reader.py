# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reading files: any file system, changes, and closing."""

import asyncio
import errno
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from msrv.downloads import file_reader
from msrv.downloads.body import Chunk, FileSlice
from msrv.downloads.file_reader import OpenFile, read_chunks, run_in_thread
from msrv.storage.local import LocalStorage
from msrv.storage.model import Changed, Content, Gone
from tests.downloads.contents import add_file, noise

DATA = noise(600_000)


def failing_preadv(number: int) -> object:
    """Return a `preadv` that fails with an error number."""

    def preadv(
        _fd: int, _buffers: Sequence[memoryview], _offset: int, _flags: int = 0
    ) -> int:
        raise OSError(number, os.strerror(number))

    return preadv


def opened(root: Path, content: Content) -> OpenFile:
    folder = LocalStorage(root)
    return OpenFile(folder.open(content), content, folder)


async def read(file: OpenFile, start: int, most: int) -> bytes:
    room = bytearray(most)
    count = await file.read_into(memoryview(room), start)
    assert count
    return bytes(room[:count])


async def everything(file: OpenFile, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += await read(file, len(found), size - len(found))
    return found


@pytest.mark.parametrize(
    "refusal", [errno.EAGAIN, errno.EOPNOTSUPP, errno.EIO, None]
)
async def test_file_is_read_without_nowait_support(
    refusal: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = add_file(tmp_path, "a", DATA)
    if refusal is None:
        monkeypatch.setattr(file_reader, "_NOWAIT", None)  # as on macOS
    else:
        monkeypatch.setattr(
            os, "preadv", failing_preadv(refusal), raising=False
        )
    file = opened(tmp_path, content)
    try:
        assert await everything(file, len(DATA)) == DATA
    finally:
        file.close()


async def test_short_reads_are_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = add_file(tmp_path, "a", DATA)
    preadv = os.preadv

    def short(
        fd: int, buffers: Sequence[memoryview], offset: int, flags: int = 0
    ) -> int:
        few = bytearray(10_000)
        count = preadv(fd, [few], offset, flags)
        buffers[0][:count] = few[:count]
        return count

    monkeypatch.setattr(os, "preadv", short)
    file = opened(tmp_path, content)
    try:
        assert await everything(file, len(DATA)) == DATA
    finally:
        file.close()


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize("how", ["shorter", "longer", "over"])
async def test_file_changed_in_place_raises_changed(
    how: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    cold: bool,
) -> None:
    if cold:
        monkeypatch.setattr(os, "preadv", failing_preadv(errno.EAGAIN))
    content = add_file(tmp_path, "a", DATA)
    file = opened(tmp_path, content)
    try:
        assert DATA.startswith(await read(file, 0, 100))
        with (tmp_path / "a").open("r+b") as other:
            if how == "shorter":
                other.truncate(200)
            else:
                other.seek(0, 2 if how == "longer" else 0)
                other.write(b"new")
        with pytest.raises(Changed):
            await read(file, 100, 100)
    finally:
        file.close()


async def test_replaced_file_is_read_to_its_end(tmp_path: Path) -> None:
    content = add_file(tmp_path, "a", DATA)
    file = opened(tmp_path, content)
    try:
        start = await read(file, 0, 100)
        add_file(tmp_path, "new", b"new" * 200_000)
        (tmp_path / "new").replace(tmp_path / "a")
        rest = await everything_after(file, len(start))
        assert start + rest == DATA
    finally:
        file.close()


async def everything_after(file: OpenFile, start: int) -> bytes:
    found = b""
    while start + len(found) < len(DATA):
        at = start + len(found)
        found += await read(file, at, len(DATA) - at)
    return found


async def test_disk_error_raises_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = add_file(tmp_path, "a", DATA)
    file = opened(tmp_path, content)

    def broken(_fd: int, _size: int, _offset: int) -> bytes:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "preadv", failing_preadv(errno.EIO))
    monkeypatch.setattr(os, "pread", broken)
    with pytest.raises(Gone):
        await read(file, 0, 100)
    file.close()
    with pytest.raises(Gone):
        read_chunks(LocalStorage(tmp_path), [b"x", FileSlice(content, 0, 10)])


async def test_file_is_closed_after_its_reading_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A descriptor closed under a thread could be reused for another file."""
    content = add_file(tmp_path, "a", DATA)
    folder = LocalStorage(tmp_path)
    raw = folder.open(content)
    file = OpenFile(raw, content, folder)
    begun, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    pread = os.pread

    def slow(fd: int, size: int, offset: int) -> bytes:
        loop.call_soon_threadsafe(begun.set)
        go.wait()
        return pread(fd, size, offset)

    monkeypatch.setattr(os, "preadv", failing_preadv(errno.EAGAIN))
    monkeypatch.setattr(os, "pread", slow)
    task = asyncio.ensure_future(read(file, 0, 100))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    file.close()
    assert not raw.closed
    go.set()
    assert file._reading
    await file._reading
    await asyncio.sleep(0)
    assert raw.closed


async def test_file_opened_after_a_cancellation_is_closed(
    tmp_path: Path,
) -> None:
    content = add_file(tmp_path, "a", DATA)
    begun, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    closed = asyncio.Event()

    def opening() -> BinaryIO:
        loop.call_soon_threadsafe(begun.set)
        go.wait()
        return LocalStorage(tmp_path).open(content)

    def close(file: BinaryIO) -> None:
        file.close()
        closed.set()

    task = asyncio.ensure_future(run_in_thread(opening, on_abandoned=close))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    await asyncio.wait_for(closed.wait(), 60)


def test_read_all_returns_small_chunks_whole(tmp_path: Path) -> None:
    content = add_file(tmp_path, "a", DATA)
    pieces: list[Chunk] = [
        b"<",
        FileSlice(content, 5, 400_000),
        FileSlice(content, 0, 3),
    ]
    found = read_chunks(LocalStorage(tmp_path), pieces)
    assert found == b"<" + DATA[5:400_000] + DATA[:3]

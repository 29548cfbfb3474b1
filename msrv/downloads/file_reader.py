# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reading stored files without blocking the event loop on a disk.

Bytes in the page cache are read at once; a read that would wait fails instead
(`RWF_NOWAIT`, Linux) and is done in a thread.
"""

import asyncio
import ctypes
import mmap
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import BinaryIO, Final, TypeVar

from msrv.downloads.body import Chunk, FileSlice
from msrv.storage.model import Changed, Content, Gone, Storage, Unverified
from msrv.storage.verification import verified

COLD_BYTES: Final = 256 * 1024
"""Limit of one read in a thread."""

_NOWAIT: Final[int | None] = getattr(os, "RWF_NOWAIT", None)
_CACHESTAT: Final = 451
"""Number of cachestat(2) (Linux 6.5), the same on every architecture."""

_Result = TypeVar("_Result")


class OpenFile:
    """File of the library, open for the time of a transfer.

    Implements OpenSlice.

    Only bytes that were hashed are sent: a file that is overwritten in place
    has another status, which is checked after each read and before its bytes
    are used. Where that may be a `chmod` or other bytes, the file is hashed
    again before the next read. (A file replaced by another of the same name is
    unchanged for a process that has it open.)
    """

    def __init__(
        self, file: BinaryIO, content: Content, storage: Storage
    ) -> None:
        self._file = file
        self._storage = storage
        self._reading: asyncio.Future[bytes] | None = None
        self.content = content

    async def read_into(self, buffer: memoryview, start: int) -> int:
        """Read from `start` into a buffer; return the count, at least 1.

        Raises Changed where the file was changed or truncated since it was
        opened, and Gone where it can't be read.
        """
        while True:
            count = self.read_cached(buffer, start)
            if count:
                return count
            # Shielded, so that close() knows of the thread after a
            # cancellation: a descriptor closed meanwhile could be reused for
            # another file. Into bytes of its own, since the buffer could be
            # reused as well.
            self._reading = asyncio.ensure_future(
                asyncio.to_thread(
                    self.read_blocking, start, min(len(buffer), COLD_BYTES)
                )
            )
            try:
                data = await asyncio.shield(self._reading)
            except Unverified:
                await self.verify()
                continue
            buffer[: len(data)] = data
            return len(data)

    def is_cached(self, start: int, size: int) -> bool:
        """Return whether the page cache holds a slice; see `is_cached`."""
        return is_cached(self._file.fileno(), start, size)

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._file.fileno()

    def read_blocking(self, start: int, size: int) -> bytes:
        """Read in this thread; see `read_into`. Raises Unverified, too."""
        try:
            data = os.pread(self._file.fileno(), size, start)
            is_verified = self.is_verified()
        except OSError as error:
            raise Gone(self.content.path) from error
        if not is_verified:
            raise Unverified(self.content)
        if not data:
            raise Changed(self.content.path)
        return data

    def close(self) -> None:
        """Close the file once no thread reads from it. Never blocks."""
        if self._reading is None or self._reading.done():
            self._file.close()
        else:
            self._reading.add_done_callback(self._close_after)

    def _close_after(self, reading: "asyncio.Future[bytes]") -> None:
        self._file.close()
        if not reading.cancelled():
            reading.exception()  # retrieved, so that asyncio doesn't log it

    def read_cached(self, buffer: memoryview, start: int) -> int:
        """Read from the page cache; return 0 where a thread has to read."""
        if _NOWAIT is None:
            return 0
        try:
            count = os.preadv(self._file.fileno(), [buffer], start, _NOWAIT)
            is_verified = self.is_verified()
        except OSError:
            # Not cached (EAGAIN), or not supported by the file system
            # (EOPNOTSUPP). Any other error recurs in the thread.
            return 0
        return count if is_verified else 0

    def is_verified(self) -> bool:
        """Return whether the file is known to be the one that was hashed.

        Raises Changed and OSError; see Storage.
        """
        # A write sets the time before it copies a byte, so that new bytes
        # can't be read under the old time.
        return self._storage.is_verified(self._file.fileno(), self.content)

    async def verify(self) -> None:
        """Hash the file again unless it is known to be unchanged.

        Raises Changed and Gone.
        """
        try:
            while not self.is_verified():
                await self._storage.verify(self.content, self._file.fileno())
        except OSError as error:
            raise Gone(self.content.path) from error


class FileReader:
    """Files of one transfer, of which one is open. Implements Reader."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._open: OpenFile | None = None

    async def check(self, chunks: Iterable[Chunk]) -> None:
        """Open each file of a body once; the first stays open.

        Raises Gone or Changed.
        """
        contents = dict.fromkeys(
            chunk.content for chunk in chunks if isinstance(chunk, FileSlice)
        )
        if not contents:
            return
        first, *others = contents

        def open_all() -> BinaryIO:
            # Resumes at the same file, where one has to be hashed first.
            while others:
                self._storage.open(others[-1]).close()
                others.pop()
            return self._storage.open(first)

        await self._open_in_thread(first, open_all)

    async def open_slice(self, wanted: FileSlice) -> OpenFile:
        """Return the file of a slice, as `open` does."""
        return await self.open(wanted.content)

    async def read_all(self, chunks: Iterable[Chunk]) -> bytes:
        """Return the bytes of a small body. Raises Gone or Changed."""
        return await verified(
            self._storage,
            lambda: asyncio.to_thread(read_chunks, self._storage, chunks),
        )

    async def open(self, content: Content) -> OpenFile:
        """Return a file, opened unless it is the one that is open.

        Raises Gone or Changed.
        """
        if self._open is None or content != self._open.content:
            self.close()
            await self._open_in_thread(
                content, lambda: self._storage.open(content)
            )
        assert self._open is not None  # noqa: S101 - for the type checker
        return self._open

    def close(self) -> None:
        """Close the open file, if any. Never blocks."""
        if self._open is not None:
            self._open.close()
            self._open = None

    async def _open_in_thread(
        self, content: Content, opening: Callable[[], BinaryIO]
    ) -> None:
        file = await verified(
            self._storage, lambda: run_in_thread(opening, on_abandoned=_close)
        )
        self._open = OpenFile(file, content, self._storage)


def read_chunks(storage: Storage, chunks: Iterable[Chunk]) -> bytes:
    """Return the bytes of chunks. Blocks: for a small body, in a thread.

    Raises Gone, Changed and Unverified.
    """
    read = []
    for chunk in chunks:
        if isinstance(chunk, bytes):
            read.append(chunk)
            continue
        at = chunk.start
        with closing(
            OpenFile(storage.open(chunk.content), chunk.content, storage)
        ) as file:
            while at < chunk.stop:
                read.append(file.read_blocking(at, chunk.stop - at))
                at += len(read[-1])
    return b"".join(read)


async def run_in_thread(
    call: Callable[[], _Result], *, on_abandoned: Callable[[_Result], None]
) -> _Result:
    """Call in a thread; after a cancellation, pass the result to a callback.

    A thread can't be cancelled: a file that it opens after its caller has
    been cancelled would stay open.
    """
    future = asyncio.ensure_future(asyncio.to_thread(call))

    def clean_up(done: "asyncio.Future[_Result]") -> None:
        if not done.cancelled() and done.exception() is None:
            on_abandoned(done.result())

    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        future.add_done_callback(clean_up)
        raise


def is_cached(descriptor: int, start: int, size: int) -> bool:
    """Return whether the page cache holds a slice; False where unknown.

    Pages may be dropped at any time, so ask for less than the kernel drops
    before they are used.
    """
    first, last = start // mmap.PAGESIZE, (start + size - 1) // mmap.PAGESIZE
    wanted = _CachestatRange(
        first * mmap.PAGESIZE, (last - first + 1) * mmap.PAGESIZE
    )
    found = _Cachestat()
    failed = _libc.syscall(
        _CACHESTAT, descriptor, ctypes.byref(wanted), ctypes.byref(found), 0
    )
    return not failed and found.cached_pages > last - first


class _CachestatRange(ctypes.Structure):
    """struct cachestat_range, linux/mman.h."""

    _fields_ = [("start", ctypes.c_uint64), ("size", ctypes.c_uint64)]


class _Cachestat(ctypes.Structure):
    """struct cachestat, linux/mman.h."""

    _fields_ = [
        ("cached_pages", ctypes.c_uint64),
        ("dirty_pages", ctypes.c_uint64),
        ("writeback_pages", ctypes.c_uint64),
        ("evicted_pages", ctypes.c_uint64),
        ("recently_evicted_pages", ctypes.c_uint64),
    ]


def _close(file: BinaryIO) -> None:
    file.close()


_libc: Final = ctypes.CDLL(None, use_errno=True)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reading objects of a bucket for one transfer, in ranges.

A slice is one request, whose response is read at the pace of the client: no
more than a chunk is held, and what the connection received besides. Where a
response ends early or fails, another request continues at the same byte. A
transfer fails once several in a row got nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

from msrv.display_text import printable
from msrv.downloads.body import Chunk, FileSlice
from msrv.storage.model import Changed, Gone, StorageError
from msrv.storage.objects.bucket import Bucket
from msrv.storage.objects.errors import (
    BucketError,
    ObjectChanged,
    ObjectMissing,
)

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 20.0
"""Time to wait for bytes before a request is sent again."""
TRIES: Final = 5
"""Requests in a row without a byte, after which a transfer fails."""
_FIRST_PAUSE_SECONDS: Final = 0.1

KeyOf = Callable[[bytes], str]
"""Returns the key of an object by its SHA-256."""


class Unavailable(StorageError):
    """The bucket doesn't send the object at present."""


class OpenObject:
    """Slice of an object, read from start to end. Implements OpenSlice."""

    def __init__(self, bucket: Bucket, key: str, wanted: FileSlice) -> None:
        self._bucket = bucket
        self._key = key
        self._path = wanted.content.path
        self._size_bytes = wanted.content.size_bytes
        self._at, self._stop = wanted.start, wanted.stop
        self._stream: AsyncIterator[bytes] | None = None
        self._chunk = memoryview(b"")

    def read_cached(self, buffer: memoryview, _start: int) -> int:
        """Copy bytes that were received into a buffer; return the count."""
        count = min(len(buffer), len(self._chunk))
        buffer[:count] = self._chunk[:count]
        self._chunk = self._chunk[count:]
        return count

    async def read_into(self, buffer: memoryview, start: int) -> int:
        """Read the next bytes into a buffer; return the count, at least 1.

        Raises Gone, Changed and Unavailable.
        """
        await self.receive()
        return self.read_cached(buffer, start)

    async def receive(self) -> None:
        """Wait until bytes have been received. Raises like `read_into`."""
        pause, reason = _FIRST_PAUSE_SECONDS, ""
        for number in range(TRIES):
            if self._chunk:
                return
            if number:
                await asyncio.sleep(pause)
                pause *= 2
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await self._receive_chunk()
            except ObjectMissing as error:
                raise Gone(self._path) from error
            except ObjectChanged as error:
                raise Changed(self._path) from error
            except TimeoutError:
                reason = "it sends nothing"
            except BucketError as error:
                reason = str(error)
            if not self._chunk:
                self._stream = None
        if not self._chunk:
            log.warning(
                "bucket: reading %s failed: %s",
                printable(self._path),
                reason or "it sends nothing",
            )
            raise Unavailable(self._path)

    async def _receive_chunk(self) -> None:
        if self._stream is None:
            self._stream = self._bucket.stream(
                self._key, self._at, self._stop, self._size_bytes
            )
        chunk = await anext(self._stream, b"")
        if len(chunk) > self._stop - self._at:
            raise ObjectChanged("it is longer than it was")
        self._at += len(chunk)
        self._chunk = memoryview(chunk)

    def close(self) -> None:
        """End the request."""
        self._stream, self._chunk = None, memoryview(b"")


class ObjectReader:
    """Objects of one transfer, of which one at a time is open.

    Implements Reader. `key_of` returns the key of an object.
    """

    def __init__(self, bucket: Bucket, key_of: KeyOf) -> None:
        self._bucket = bucket
        self._key_of = key_of
        self._open: OpenObject | None = None
        self._checked: FileSlice | None = None
        """The slice that is open, while nothing of it has been read."""

    async def check(self, chunks: Iterable[Chunk]) -> None:
        """Request the first slice, which stays open.

        Others are only requested in their turn: objects never change. Raises
        Gone, Changed and Unavailable.
        """
        first = next(
            (each for each in chunks if isinstance(each, FileSlice)), None
        )
        if first is not None:
            await (await self.open_slice(first)).receive()
            self._checked = first

    async def open_slice(self, wanted: FileSlice) -> OpenObject:
        """Return a slice of an object, open at its start."""
        if self._open is None or self._checked != wanted:
            self.close()
            key = self._key_of(wanted.content.sha256)
            self._open = OpenObject(self._bucket, key, wanted)
        self._checked = None
        return self._open

    async def read_all(self, chunks: Iterable[Chunk]) -> bytes:
        """Return the bytes of a small body. Raises as `check`."""
        read = bytearray()
        for chunk in chunks:
            if isinstance(chunk, bytes):
                read += chunk
                continue
            file, left = await self.open_slice(chunk), chunk.size_bytes
            while left:
                buffer = memoryview(bytearray(left))
                count = await file.read_into(buffer, 0)
                read += buffer[:count]
                left -= count
        return bytes(read)

    def close(self) -> None:
        """End the open request, if any."""
        if self._open is not None:
            self._open.close()
            self._open = None

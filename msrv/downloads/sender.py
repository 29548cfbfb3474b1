# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Senders of downloads: their protocol, and the one that sends by itself.

`DirectSender` streams files through this process. Memory is flat: one chunk of
a transfer is held, and what the transport has not sent yet. After each chunk,
other requests have a turn.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import hdrs, web

from msrv.downloads.body import Body, Chunk, FileSlice
from msrv.downloads.conditions import has_current_tag
from msrv.downloads.file_reader import FileReader, OpenFile
from msrv.downloads.ranges import ByteRange
from msrv.downloads.representation import Disposition, Representation
from msrv.downloads.response import ResponsePlan, plan_response
from msrv.downloads.response_cache import (
    SMALL_BYTES,
    CachedResponse,
    ResponseCache,
    is_cacheable,
)
from msrv.downloads.write_buffer import BufferPool, FairScheduler, WriteBuffer
from msrv.storage.model import Storage, StorageError

log = logging.getLogger(__name__)

OnSent = Callable[[ByteRange], None]
"""Called with a range of a representation that was sent."""

_WITH_BODY: Final = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})


@dataclass(frozen=True, slots=True)
class SendOptions:
    """Options of a response.

    `now_seconds` is Unix time; `cache_control` is sent as it is. `on_sent` is
    called once for each range of the representation that was passed to the
    transport, when the transfer ends in whatever way. Such bytes may still be
    lost on their way.
    """

    now_seconds: int
    cache_control: str
    disposition: Disposition = "attachment"
    on_sent: OnSent | None = None

    def plan(
        self, request: web.Request, representation: Representation
    ) -> ResponsePlan:
        """Return the plan of the response to a request."""
        return plan_response(
            request.method,
            request.headers,
            representation,
            now_seconds=self.now_seconds,
            cache_control=self.cache_control,
            disposition=self.disposition,
        )

    def report(self, plan: ResponsePlan, sent_bytes: int) -> None:
        """Call `on_sent` for the ranges in the first `sent_bytes`."""
        if self.on_sent is not None:
            for sent in plan.ranges_sent(sent_bytes):
                self.on_sent(sent)


class OpenSlice(Protocol):
    """Slice of a file or an object, open for reading: OpenFile, OpenObject."""

    def read_cached(self, buffer: memoryview, start: int) -> int:
        """Read what needs no waiting; return the count, 0 for none."""
        ...

    async def read_into(self, buffer: memoryview, start: int) -> int:
        """Read from `start` into a buffer; return the count, at least 1.

        Raises StorageError.
        """
        ...


class Reader(Protocol):
    """Reader of the bytes of one transfer: FileReader, ObjectReader."""

    async def check(self, chunks: Iterable[Chunk]) -> None:
        """Raise StorageError where the bytes aren't there."""
        ...

    async def open_slice(self, wanted: FileSlice) -> OpenSlice:
        """Return an open slice, of which there is one at a time."""
        ...

    async def read_all(self, chunks: Iterable[Chunk]) -> bytes:
        """Return the bytes of a small body. Raises StorageError."""
        ...

    def close(self) -> None:
        """Close what is open. Never blocks."""
        ...


class Sender(Protocol):
    """Responds to a request with a representation, or a part of it."""

    def streams(self, request: web.Request, body: Body) -> bool:
        """Return whether a response would stream through this process.

        It needs a slot of the concurrency limit then, for as long as the
        client takes.
        """
        ...

    def cached(
        self, representation: Representation, *, cache_control: str
    ) -> CachedResponse | None:
        """Return the cached response to a plain request, if there is one.

        As `send` would respond, for an attachment.
        """
        ...

    async def resumes(
        self,
        request: web.Request,
        representation: Representation,
        body: Body,
    ) -> bool:
        """Return whether a request continues what was sent of it before.

        It must have a current validator, of the store or of another server
        that sent it. Raises StorageError.
        """
        ...

    async def send(
        self,
        request: web.Request,
        representation: Representation,
        body: Body,
        options: SendOptions,
    ) -> web.StreamResponse:
        """Respond as RFC 9110 says: 200, 206, 304, 412 or 416.

        `body` has the bytes of `representation`. Raises the storage's Gone or
        Changed before anything has been sent, where the files are not those
        of the body, for a HEAD too. A transfer that fails later aborts the
        connection, so that a partial body can't look whole.
        """
        ...


class DirectSender:
    """Sends files of a storage through this process. Implements Sender.

    `open_reader` returns the reader of a transfer, by default of files.
    A client that receives nothing for `stall_seconds` is aborted.
    """

    def __init__(
        self,
        storage: Storage | None,
        stall_seconds: float,
        *,
        open_reader: Callable[[], Reader] | None = None,
    ) -> None:
        if open_reader is None:
            assert storage is not None  # noqa: S101 - one of both is given
            open_reader = partial(FileReader, storage)
        self._open_reader = open_reader
        self._stall_seconds = stall_seconds
        self._cache = ResponseCache()
        self._buffers = BufferPool()
        self._scheduler = FairScheduler()

    def streams(self, request: web.Request, body: Body) -> bool:  # noqa: ARG002
        """Return whether the body is too large to be sent at once."""
        return body.size_bytes > SMALL_BYTES

    def cached(
        self, representation: Representation, *, cache_control: str
    ) -> CachedResponse | None:
        """Return a cached response; see Sender."""
        return self._cache.get((representation, cache_control))

    async def resumes(
        self,
        request: web.Request,
        representation: Representation,
        body: Body,  # noqa: ARG002
    ) -> bool:
        """Return whether a request has the store's validator; see Sender."""
        return has_current_tag(request.headers, representation.etag)

    async def send(
        self,
        request: web.Request,
        representation: Representation,
        body: Body,
        options: SendOptions,
    ) -> web.StreamResponse:
        """Respond to a request; see Sender."""
        plan = options.plan(request, representation)
        if plan.status not in _WITH_BODY:
            return web.Response(status=plan.status, headers=plan.headers)
        chunks = list(_chunks(plan, body))
        has_body = request.method != hdrs.METH_HEAD
        if has_body and plan.size_bytes <= SMALL_BYTES:
            key = representation, options.cache_control
            # Read whole, it is sent in one write with its headers.
            reading = self._read_all(chunks)
            if options.disposition == "attachment" and is_cacheable(request):
                response: web.Response = await self._cache.respond(
                    key, plan, reading
                )
            else:
                response = web.Response(
                    status=plan.status,
                    headers=plan.headers,
                    body=await reading,
                )
            options.report(plan, plan.size_bytes)
            return response
        with closing(self._open_reader()) as files:
            await files.check(chunks)
            if not has_body:
                return web.Response(status=plan.status, headers=plan.headers)
            stream = web.StreamResponse(
                status=plan.status, headers=plan.headers
            )
            await stream.prepare(request)
            buffer = WriteBuffer(request, self._buffers, self._scheduler)
            try:
                with buffer.transfer(self._stall_seconds):
                    await _stream(chunks, files, buffer)
            finally:
                options.report(plan, buffer.sent_bytes)
        return stream

    async def _read_all(self, chunks: Iterable[Chunk]) -> bytes:
        with closing(self._open_reader()) as files:
            return await files.read_all(chunks)


async def _stream(
    chunks: Iterable[Chunk], files: Reader, buffer: WriteBuffer
) -> None:
    """Send the chunks; abort the connection where a file fails."""
    try:
        for chunk in chunks:
            await _send_chunk(chunk, files, buffer)
        await buffer.flush()
    except ConnectionError:
        return  # disconnected; the client may resume with a Range
    except StorageError as error:
        buffer.abort()
        log.warning(
            "aborted a download: %s: %r", type(error).__name__, error.path
        )


async def _send_chunk(
    chunk: Chunk, files: Reader, buffer: WriteBuffer
) -> None:
    """Send one chunk. Raises Gone, Changed or ConnectionError."""
    if isinstance(chunk, bytes):
        await buffer.write(chunk)
        return
    buffer.shrink()
    start, held_back = chunk.start, chunk.stop - SMALL_BYTES
    file = await files.open_slice(chunk)
    if (
        isinstance(file, OpenFile)
        and buffer.can_sendfile
        and start < held_back
    ):
        while start < held_back:
            count = await buffer.sendfile(file, start, held_back)
            await file.verify()
            start += count or await _copy(file, start, held_back, buffer)
        # The kernel sends the file's own pages until they are acknowledged.
        await buffer.wait_until_acknowledged()
        await file.verify()
    while start < chunk.stop:
        start += await _copy(file, start, chunk.stop, buffer)


async def _copy(
    file: OpenSlice, start: int, stop: int, buffer: WriteBuffer
) -> int:
    """Read and send as much as the buffer has space for; return the count."""
    await buffer.wait_for_space()
    # Not assigned to a name, which would keep the memory while the client
    # receives.
    count = file.read_cached(buffer.free_space()[: stop - start], start)
    if not count:
        buffer.shrink()
        count = await file.read_into(
            buffer.free_space()[: stop - start], start
        )
    await buffer.commit(count)
    return count


def _chunks(plan: ResponsePlan, body: Body) -> Iterator[Chunk]:
    """Return the chunks of a response body, with multipart framing."""
    for part in plan.parts:
        if isinstance(part, ByteRange):
            yield from body.slice(part)
        else:
            yield part

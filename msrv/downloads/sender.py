"""Senders of downloads: the protocol, and the one that sends by itself.

`DirectSender` streams files through this process. Memory is flat: one chunk of
a transfer is held, and what the transport has not sent yet. After each chunk,
other requests are served.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Final, Protocol

from aiohttp import hdrs, web

from msrv.downloads.body import Body, Chunk
from msrv.downloads.file_reader import FileReader, OpenFile, read_all
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
from msrv.storage.verification import verified

log = logging.getLogger(__name__)

_WITH_BODY: Final = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})


OnSent = Callable[[ByteRange], None]
"""Told which bytes of a representation have left."""


class Sender(Protocol):
    """Answers a request with a representation, or a part of it."""

    def carries(self, request: web.Request, body: Body) -> bool:
        """Whether the bytes of an answer would go through this process.

        They take a place then, for as long as the client takes.
        """
        ...

    def at_hand(
        self, representation: Representation, *, cache_control: str
    ) -> CachedResponse | None:
        """Give the whole answer to a plain request, if it is at hand.

        As `send` would, for an attachment; None says nothing.
        """
        ...

    async def send(
        self,
        request: web.Request,
        representation: Representation,
        body: Body,
        *,
        now_seconds: int,
        cache_control: str,
        disposition: Disposition = "attachment",
        on_sent: OnSent | None = None,
    ) -> web.StreamResponse:
        """Answer as RFC 9110 says: 200, 206, 304, 412 or 416.

        `body` holds the bytes of `representation`. `now_seconds` is since
        1970; `cache_control` is sent as it is.

        Raises storage's Gone or Changed before anything has been sent, where
        the files are not what the body says, for a HEAD too. A transfer that
        fails later ends the connection, so that nothing short looks whole.

        `on_sent` is called once for each range of the representation that was
        handed to the transport, when the transfer ends in whatever way. What
        was handed over may still be lost on its way.
        """
        ...


class DirectSender:
    """Sends what a storage holds. Satisfies Sender.

    A client that takes nothing for `stall_seconds` is cut off.
    """

    def __init__(self, storage: Storage, stall_seconds: float) -> None:
        self._storage = storage
        self._stall_seconds = stall_seconds
        self._small = ResponseCache()
        self._buffers = BufferPool()
        self._turns = FairScheduler()

    def carries(self, request: web.Request, body: Body) -> bool:  # noqa: ARG002
        """Whether there is something to be carried for long; see Sender."""
        return body.size_bytes > SMALL_BYTES

    def at_hand(
        self, representation: Representation, *, cache_control: str
    ) -> CachedResponse | None:
        """Give what is at hand; see Sender."""
        return self._small.again((representation, cache_control))

    async def send(
        self,
        request: web.Request,
        representation: Representation,
        body: Body,
        *,
        now_seconds: int,
        cache_control: str,
        disposition: Disposition = "attachment",
        on_sent: OnSent | None = None,
    ) -> web.StreamResponse:
        """Answer a request; see Sender.send."""
        answer = plan_response(
            request.method,
            request.headers,
            representation,
            now_seconds=now_seconds,
            cache_control=cache_control,
            disposition=disposition,
        )
        if answer.status not in _WITH_BODY:
            return web.Response(status=answer.status, headers=answer.headers)
        pieces = list(_pieces(answer, body))
        reads = request.method != hdrs.METH_HEAD
        if reads and answer.size_bytes <= SMALL_BYTES:
            # Read whole, it leaves in one write with its headers.
            read = verified(
                self._storage,
                lambda: asyncio.to_thread(read_all, self._storage, pieces),
            )
            if disposition == "attachment" and is_cacheable(request):
                key = representation, cache_control
                response: web.Response = await self._small.first(
                    key, answer, read
                )
            else:
                response = web.Response(
                    status=answer.status,
                    headers=answer.headers,
                    body=await read,
                )
            _report(on_sent, answer, answer.size_bytes)
            return response
        with closing(FileReader(self._storage)) as files:
            await files.check(pieces)
            if not reads:
                return web.Response(
                    status=answer.status, headers=answer.headers
                )
            stream = web.StreamResponse(
                status=answer.status, headers=answer.headers
            )
            await stream.prepare(request)
            outbox = WriteBuffer(request, self._buffers, self._turns)
            try:
                with outbox.watched(self._stall_seconds):
                    await _stream(pieces, files, outbox)
            finally:
                _report(on_sent, answer, outbox.sent_bytes)
        return stream


async def _stream(
    pieces: Iterable[Chunk], files: FileReader, outbox: WriteBuffer
) -> None:
    """Send the pieces; what can't be sent whole ends the connection."""
    try:
        for piece in pieces:
            await _send(piece, files, outbox)
        await outbox.flush()
    except ConnectionError:
        return  # the buyer went away, and comes back with a Range, or not
    except StorageError as error:
        outbox.break_off()
        log.warning(
            "a download was broken off: %s: %r",
            type(error).__name__,
            error.path,
        )


async def _send(piece: Chunk, files: FileReader, outbox: WriteBuffer) -> None:
    """Send one piece; raises Gone, Changed or ConnectionError."""
    if isinstance(piece, bytes):
        await outbox.put(piece)
        return
    file = await files.file(piece.content)
    start, last = piece.start, piece.stop - SMALL_BYTES
    if outbox.can_pass and start < last:
        while start < last:
            count = await outbox.pass_on(file, start, last)
            await file.verify()
            start += count or await _copy(file, start, last, outbox)
        # The kernel's bytes are the file's own until they have arrived.
        await outbox.settle()
        await file.verify()
    while start < piece.stop:
        start += await _copy(file, start, piece.stop, outbox)


async def _copy(
    file: OpenFile, start: int, stop: int, outbox: WriteBuffer
) -> int:
    """Read and send as much as there is room for; say how much."""
    # Under no name of its own: a name would hold the room while the client
    # takes its time.
    count = await file.read_into(outbox.room()[: stop - start], start)
    await outbox.filled(count)
    return count


def _pieces(answer: ResponsePlan, body: Body) -> Iterator[Chunk]:
    """Give the body of an answer: framing, and what it frames."""
    for part in answer.parts:
        if isinstance(part, ByteRange):
            yield from body.slice(part)
        else:
            yield part


def _report(
    on_sent: OnSent | None, answer: ResponsePlan, sent_bytes: int
) -> None:
    if on_sent is not None:
        for sent in answer.ranges_sent(sent_bytes):
            on_sent(sent)

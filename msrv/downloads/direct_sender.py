"""Sending through this process: files to the transport, piece by piece.

Memory is flat: one piece of a transfer is held, and what the transport has
not yet passed on. Each piece gives way to other requests.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import closing
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from msrv.downloads.body import Body, Piece
from msrv.downloads.file_reader import Files, OpenFile, read_all
from msrv.downloads.ranges import ByteRange
from msrv.downloads.representation import Disposition, Representation
from msrv.downloads.response import Answer, decide
from msrv.downloads.response_cache import (
    SMALL_BYTES,
    Ready,
    SmallAnswers,
    is_plain,
)
from msrv.downloads.sender import OnSent
from msrv.downloads.write_buffer import Buffers, Outbox, Turns
from msrv.storage.model import Storage, StorageError
from msrv.storage.verification import verified

log = logging.getLogger(__name__)

_WITH_BODY: Final = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})


class Direct:
    """Sends what a storage holds. Satisfies Sender.

    A client that takes nothing for `stall_seconds` is cut off.
    """

    def __init__(self, storage: Storage, stall_seconds: float) -> None:
        self._storage = storage
        self._stall_seconds = stall_seconds
        self._small = SmallAnswers()
        self._buffers = Buffers()
        self._turns = Turns()

    def carries(self, request: web.Request, body: Body) -> bool:  # noqa: ARG002
        """Whether there is something to be carried for long; see Sender."""
        return body.size_bytes > SMALL_BYTES

    def at_hand(
        self, representation: Representation, *, cache_control: str
    ) -> Ready | None:
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
        answer = decide(
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
            if disposition == "attachment" and is_plain(request):
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
        with closing(Files(self._storage)) as files:
            await files.check(pieces)
            if not reads:
                return web.Response(
                    status=answer.status, headers=answer.headers
                )
            stream = web.StreamResponse(
                status=answer.status, headers=answer.headers
            )
            await stream.prepare(request)
            outbox = Outbox(request, self._buffers, self._turns)
            try:
                with outbox.watched(self._stall_seconds):
                    await _stream(pieces, files, outbox)
            finally:
                _report(on_sent, answer, outbox.sent_bytes)
        return stream


async def _stream(
    pieces: Iterable[Piece], files: Files, outbox: Outbox
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


async def _send(piece: Piece, files: Files, outbox: Outbox) -> None:
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


async def _copy(file: OpenFile, start: int, stop: int, outbox: Outbox) -> int:
    """Read and send as much as there is room for; say how much."""
    # Under no name of its own: a name would hold the room while the client
    # takes its time.
    count = await file.read_into(outbox.room()[: stop - start], start)
    await outbox.filled(count)
    return count


def _pieces(answer: Answer, body: Body) -> Iterator[Piece]:
    """Give the body of an answer: framing, and what it frames."""
    for part in answer.parts:
        if isinstance(part, ByteRange):
            yield from body.cut(part)
        else:
            yield part


def _report(on_sent: OnSent | None, answer: Answer, sent_bytes: int) -> None:
    if on_sent is not None:
        for sent in answer.within(sent_bytes):
            on_sent(sent)

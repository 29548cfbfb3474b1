"""Sending through this process: files to the transport, piece by piece.

Memory is flat: one piece of a transfer is held, and what the transport has
not yet passed on. Each piece gives way to other requests.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web

from msrv.downloads.answers import Answer, decide
from msrv.downloads.body import Body, Piece
from msrv.downloads.ranges import ByteRange
from msrv.downloads.reading import PIECE_BYTES, Files, read_all
from msrv.downloads.representation import Disposition, Representation
from msrv.downloads.sending import OnSent
from msrv.downloads.stalls import watched
from msrv.storage.model import Storage, StorageError

log = logging.getLogger(__name__)

# Up to this an answer is read whole and leaves in one write with its headers;
# above, less than this is not written alone while more follows (a ZIP's
# headers, small members).
_SMALL_BYTES: Final = 64 * 1024

_WITH_BODY: Final = frozenset({HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT})


class Direct:
    """Sends what a storage holds. Satisfies Sender.

    A client that takes nothing for `stall_seconds` is cut off.
    """

    def __init__(self, storage: Storage, stall_seconds: float) -> None:
        self._storage = storage
        self._stall_seconds = stall_seconds

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
        if reads and answer.size_bytes <= _SMALL_BYTES:
            data = await asyncio.to_thread(read_all, self._storage, pieces)
            _report(on_sent, answer, len(data))
            return web.Response(
                status=answer.status, headers=answer.headers, body=data
            )
        with closing(Files(self._storage)) as files:
            await files.check(pieces)
            if not reads:
                return web.Response(
                    status=answer.status, headers=answer.headers
                )
            response = web.StreamResponse(
                status=answer.status, headers=answer.headers
            )
            await response.prepare(request)
            outbox = _Outbox(request, response)
            try:
                with outbox.watched(self._stall_seconds):
                    await _stream(pieces, files, outbox)
            finally:
                _report(on_sent, answer, outbox.sent_bytes)
        return response


class _Outbox:
    """Passes bytes on to one buyer, and counts what was passed on.

    Holds back what is too little to travel alone, until `flush`.
    """

    def __init__(
        self, request: web.Request, response: web.StreamResponse
    ) -> None:
        self._request = request
        self._response = response
        self._held: list[bytes | bytearray] = []
        self._held_bytes = 0
        self.sent_bytes = 0

    async def put(self, data: bytes | bytearray) -> None:
        """Take bytes, and pass on what has come together.

        Raises ConnectionError where nobody is there to take them.
        """
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= _SMALL_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Pass on what is held; raises ConnectionError."""
        if not self._held:
            return
        transport = self._request.transport
        if transport is None or transport.is_closing():
            # Going on would be reading and encrypting for nobody.
            raise ConnectionResetError
        data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
        self.sent_bytes += self._held_bytes
        self._held, self._held_bytes = [], 0
        await self._response.write(data)
        # While the socket keeps up, a write never waits: without this, one
        # fast buyer would keep everyone else out.
        await asyncio.sleep(0)

    def watched(self, stall_seconds: float) -> AbstractContextManager[None]:
        """Cut the buyer off who takes nothing for so long."""
        transport = self._request.transport
        if transport is None:
            return nullcontext()
        return watched(transport, stall_seconds, lambda: self.sent_bytes)

    def break_off(self) -> None:
        """End the connection, so that nothing short looks whole."""
        transport = self._request.transport
        if transport is not None:
            transport.abort()


async def _stream(
    pieces: Iterable[Piece], files: Files, outbox: _Outbox
) -> None:
    """Send the pieces; what can't be sent whole ends the connection."""
    try:
        for piece in pieces:
            await _copy(piece, files, outbox)
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


async def _copy(piece: Piece, files: Files, outbox: _Outbox) -> None:
    """Send one piece; raises Gone, Changed or ConnectionError."""
    if isinstance(piece, bytes):
        for at in range(0, len(piece), PIECE_BYTES):
            await outbox.put(piece[at : at + PIECE_BYTES])
        return
    file = await files.file(piece.content)
    at = piece.start
    while at < piece.stop:
        data = await file.read(at, piece.stop - at)
        await outbox.put(data)
        at += len(data)


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

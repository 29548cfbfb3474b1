"""Reading stored files without keeping the loop waiting for a disk.

What the page cache holds is read at once; a look that would wait says so
instead (`RWF_NOWAIT`, Linux), and a thread reads then.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import BinaryIO, Final, TypeVar

from msrv.downloads.body import Chunk, FileSlice
from msrv.downloads.sendfile import SendfileConnection, is_cached
from msrv.storage.model import Changed, Content, Gone, Storage, Unverified
from msrv.storage.verification import verified

COLD_BYTES: Final = 256 * 1024
"""The most that a thread reads at a time."""

_NOWAIT: Final[int | None] = getattr(os, "RWF_NOWAIT", None)

_Result = TypeVar("_Result")


class OpenFile:
    """One file of the library, open, while it is sent.

    Sends only what was hashed: a file that is written over in place while it
    is read has another status, which is looked at after each piece is read
    and before it is used. Where that may mean a `chmod` or other bytes, it is
    hashed again before it is read on. (A file that is replaced by another of
    the same name stays as it was to who has it open.)
    """

    def __init__(
        self, file: BinaryIO, content: Content, storage: Storage
    ) -> None:
        self._file = file
        self._content = content
        self._storage = storage
        self._reading: asyncio.Future[bytes] | None = None

    async def read_into(self, room: memoryview, start: int) -> int:
        """Read from `start` on into `room`; say how much, at least one byte.

        Raises Changed where the file has been changed or cut short since it
        was opened, and Gone where it can't be read any more.
        """
        while True:
            count = self._read_cached(room, start)
            if count:
                return count
            # Shielded, so that after a cancellation close() still knows of
            # the thread: a number closed under it could by then be another
            # file's. Into bytes of its own, since by then the room is
            # another's, too.
            self._reading = asyncio.ensure_future(
                asyncio.to_thread(
                    self.read_waiting, start, min(len(room), COLD_BYTES)
                )
            )
            try:
                piece = await asyncio.shield(self._reading)
            except Unverified:
                await self.verify()
                continue
            room[: len(piece)] = piece
            return len(piece)

    def is_cached(self, start: int, size: int) -> bool:
        """Whether reading a stretch would wait for nothing."""
        return is_cached(self._file.fileno(), start, size)

    async def send_on(
        self, wire: SendfileConnection, start: int, stop: int
    ) -> int:
        """Have the kernel send what is cached; say how much that was.

        Sends no more once the file has to be hashed again; what was sent by
        then may have changed on its way. So `verify` before more is sent, and
        once all of it has arrived. Raises Changed and Gone as `read_into`,
        and ConnectionError.
        """
        try:
            return await wire.send(self, start, stop)
        except ConnectionError:
            raise
        except OSError as error:
            raise Gone(self._content.path) from error

    def fileno(self) -> int:
        """Give the descriptor, for the kernel."""
        return self._file.fileno()

    def read_waiting(self, start: int, size: int) -> bytes:
        """Do as `read_into`, in the calling thread. Raises Unverified, too."""
        try:
            piece = os.pread(self._file.fileno(), size, start)
            is_verified = self.is_verified()
        except OSError as error:
            raise Gone(self._content.path) from error
        if not is_verified:
            raise Unverified(self._content)
        if not piece:
            raise Changed(self._content.path)
        return piece

    def close(self) -> None:
        """Close the file, once nobody reads from it. Never waits."""
        if self._reading is None or self._reading.done():
            self._file.close()
        else:
            self._reading.add_done_callback(self._close_after)

    def _close_after(self, reading: "asyncio.Future[bytes]") -> None:
        self._file.close()
        if not reading.cancelled():
            reading.exception()  # nobody is left to hear of it

    def _read_cached(self, room: memoryview, start: int) -> int:
        """Read what is in the page cache; 0 where there may be more."""
        if _NOWAIT is None:
            return 0
        try:
            count = os.preadv(self._file.fileno(), [room], start, _NOWAIT)
            is_verified = self.is_verified()
        except OSError:
            # Not cached (EAGAIN), or a file system that can't tell
            # (EOPNOTSUPP). What is really wrong shows in the thread.
            return 0
        return count if is_verified else 0

    def is_verified(self) -> bool:
        """Whether the file is known to be what was hashed.

        Raises Changed and OSError; see Storage.
        """
        # A write sets the time before it puts a byte, so that new bytes can't
        # be read under the old time.
        return self._storage.is_verified(self._file.fileno(), self._content)

    async def verify(self) -> None:
        """See that the file is what was hashed; hash it if that isn't known.

        Raises Changed and Gone.
        """
        try:
            while not self.is_verified():
                await self._storage.verify(self._content, self._file.fileno())
        except OSError as error:
            raise Gone(self._content.path) from error


class FileReader:
    """The files of one transfer, of which one at a time is open."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._open: OpenFile | None = None
        self._content: Content | None = None

    async def check(self, pieces: Iterable[Chunk]) -> None:
        """See that all files can be had; the first is left open.

        Raises Gone or Changed.
        """
        contents = dict.fromkeys(
            piece.content for piece in pieces if isinstance(piece, FileSlice)
        )
        if not contents:
            return
        first, *others = contents

        def check_all() -> BinaryIO:
            # Where one has to be hashed again, it goes on with that one.
            while others:
                self._storage.open(others[-1]).close()
                others.pop()
            return self._storage.open(first)

        await self._keep(first, check_all)

    async def file(self, content: Content) -> OpenFile:
        """Give a file, opened if it is not the one that is open.

        Raises Gone or Changed.
        """
        if self._open is None or content != self._content:
            self.close()
            await self._keep(content, lambda: self._storage.open(content))
        assert self._open is not None  # noqa: S101 - for the type checker
        return self._open

    def close(self) -> None:
        """Close what is open. Never waits."""
        if self._open is not None:
            self._open.close()
            self._open = None

    async def _keep(
        self, content: Content, opening: Callable[[], BinaryIO]
    ) -> None:
        file = await verified(
            self._storage, lambda: in_thread(opening, left_over=_close)
        )
        self._open = OpenFile(file, content, self._storage)
        self._content = content


def read_all(storage: Storage, pieces: Iterable[Chunk]) -> bytes:
    """Read pieces into one. Blocks: call it in a thread, for a few bytes.

    Raises Gone, Changed and Unverified.
    """
    read = []
    for piece in pieces:
        if isinstance(piece, bytes):
            read.append(piece)
            continue
        at = piece.start
        with closing(
            OpenFile(storage.open(piece.content), piece.content, storage)
        ) as file:
            while at < piece.stop:
                read.append(file.read_waiting(at, piece.stop - at))
                at += len(read[-1])
    return b"".join(read)


async def in_thread(
    call: Callable[[], _Result], *, left_over: Callable[[_Result], None]
) -> _Result:
    """Call in a thread; a result that nobody awaits any more is `left_over`.

    A thread can't be cancelled: what it opens after its caller has gone would
    stay open.
    """
    future = asyncio.ensure_future(asyncio.to_thread(call))

    def clean_up(done: "asyncio.Future[_Result]") -> None:
        if not done.cancelled() and done.exception() is None:
            left_over(done.result())

    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        future.add_done_callback(clean_up)
        raise


def _close(file: BinaryIO) -> None:
    file.close()

"""Sign-ins: which links were used, and who was signed out.

Tickets are proved by NONCE; what a proof can't know is kept here, twice. In
the data folder, so that it holds without the database and after any restart;
and in the database, so that it holds on every replica.

A link is used when either says so, and so is a session signed out. Everyone
is signed out since the later of the two. Where nothing can be written at all,
a link opens nothing.
"""

import asyncio
import contextlib
import importlib
import os
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from msrv.files import sync_folder, write_file
from msrv.ledger.errors import (
    CannotRemember,
    DatabaseError,
    LinkUsed,
    Unreachable,
)

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

FOLDER_NAME: Final = "studio"
LOOK_SECONDS: Final = 2.0
"""How old may be what is known of a sign-out: it reaches replicas in this."""
_ASK_SECONDS: Final = 4.0
_CLOSED: Final = "closed"
_USED: Final = "used"
_ENDED: Final = "ended"


class Books(Protocol):
    """A database that may be away: both raise DatabaseError then."""

    def reading(self) -> "AbstractAsyncContextManager[AsyncConnection]":
        """Read within one transaction."""
        ...

    def writing(self) -> "AbstractAsyncContextManager[AsyncConnection]":
        """Write within one transaction, alone."""
        ...


class Door:
    """Remembers in a data folder, and in `books` where they can be had."""

    def __init__(self, data: Path, books: Books) -> None:
        self._used = data / FOLDER_NAME / _USED
        self._closed = data / FOLDER_NAME / _CLOSED
        self._ended_here = data / FOLDER_NAME / _ENDED
        self._ended: set[str] = set()
        self._books = books
        self._closed_at = 0
        self._looked: float | None = None
        self._looking = asyncio.Lock()

    async def is_used(self, number: str) -> bool:
        """Whether a link was used, as far as that can be known now."""
        if await asyncio.to_thread((self._used / number).exists):
            return True
        with contextlib.suppress(DatabaseError):
            async with self._reading() as (marking, connection):
                return bool(await marking.is_used(connection, number))
        return False

    async def use(self, number: str, expires_at: int, now: int) -> None:
        """Use a link up. Raises LinkUsed, CannotRemember.

        `number` is hexadecimal, times are in Unix seconds. Once on each data
        folder, whatever the database does; once in all, where it answers.
        """
        try:
            is_first = await asyncio.to_thread(
                _mark, self._used / number, expires_at, now
            )
        except OSError:
            kept_here = False
        else:
            kept_here = True
            if not is_first:
                raise LinkUsed
        try:
            async with self._writing() as (marking, connection):
                is_first = await marking.use(
                    connection, number, expires_at, now
                )
        except DatabaseError as error:
            if not kept_here:
                raise CannotRemember from error
            return
        if not is_first:
            raise LinkUsed

    async def closed_at(self) -> int:
        """Say when everyone was last signed out, in Unix seconds.

        The last that is known, where the database is away. 0 for never.
        """
        async with self._looking:
            now = time.monotonic()
            if self._looked is None or now - self._looked > LOOK_SECONDS:
                await self._look()
                self._looked = time.monotonic()
        return self._closed_at

    async def is_ended(self, number: str) -> bool:
        """Whether a session was signed out, as far as is known here."""
        await self.closed_at()
        return number in self._ended

    async def end(self, number: str, expires_at: int, now: int) -> None:
        """Sign a session out, in Unix seconds.

        It holds in this process at once; on this data folder when this
        returns or raises DatabaseError; on every replica within LOOK_SECONDS
        when it returns. Raises OSError where the folder can't be written to.
        """
        self._ended.add(number)
        await asyncio.to_thread(
            _mark, self._ended_here / number, expires_at, now
        )
        async with self._writing() as (marking, connection):
            await marking.end(connection, number, expires_at, now)

    async def close(self, at: int) -> None:
        """Sign everyone out who came at `at` or earlier, in Unix seconds.

        It holds on this data folder when this returns or raises
        DatabaseError, and on every replica within LOOK_SECONDS when it
        returns. Raises OSError where the folder can't be written to.
        """
        self._closed_at = max(self._closed_at, at)
        await asyncio.to_thread(self._keep, self._closed_at)
        async with self._writing() as (marking, connection):
            await marking.close(connection, at)

    async def _look(self) -> None:
        here = await asyncio.to_thread(self._read)
        there = 0
        self._ended |= await asyncio.to_thread(_names, self._ended_here)
        with contextlib.suppress(DatabaseError):
            async with self._reading() as (marking, connection):
                there = await marking.closed_at(connection)
                self._ended |= await marking.ended(connection)
        self._closed_at = max(self._closed_at, here, there)
        if here < self._closed_at:
            # For when the database is away; if it can't be kept, it is known
            # for as long as this process lives.
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._keep, self._closed_at)

    @contextlib.asynccontextmanager
    async def _reading(self) -> AsyncIterator[tuple[Any, Any]]:
        async with _in_time(), self._books.reading() as connection:
            yield _marking(), connection

    @contextlib.asynccontextmanager
    async def _writing(self) -> AsyncIterator[tuple[Any, Any]]:
        async with _in_time(), self._books.writing() as connection:
            yield _marking(), connection

    def _read(self) -> int:
        try:
            return int(self._closed.read_text("ascii"))
        except FileNotFoundError:
            return 0
        except ValueError:
            # Whatever was to stand there, it was to keep someone out.
            return int(self._closed.stat().st_mtime)

    def _keep(self, at: int) -> None:
        folder = self._closed.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self._closed, f"{at}\n".encode("ascii"))


def _mark(path: Path, expires_at: int, now: int) -> bool:
    """Create a file that marks something; False where it is there already.

    Deletes those beside it that have expired. Raises OSError.
    """
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in folder.iterdir():
        # Another process may tidy at the same time.
        with contextlib.suppress(FileNotFoundError):
            if each.stat().st_mtime < now:
                each.unlink()
    try:
        # The kernel lets one of two through, in whichever process.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    os.close(file)
    os.utime(path, (expires_at, expires_at))
    sync_folder(folder)
    return True


def _names(folder: Path) -> set[str]:
    try:
        return {each.name for each in folder.iterdir()}
    except FileNotFoundError:
        return set()


@contextlib.asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """Wait for no longer than an operator would. Raises Unreachable."""
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            yield
    except TimeoutError as error:
        raise Unreachable(
            f"the database did not answer within {_ASK_SECONDS:g} s"
        ) from error


def _marking() -> Any:  # noqa: ANN401 - a module
    """Import what imports SQLAlchemy: who has a connection has that."""
    return importlib.import_module("msrv.ledger.db.used_links")

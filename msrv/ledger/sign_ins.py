# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sign-ins to the studio: used links, and signed-out sessions.

Sign-in tickets are proved by NONCE. State that a proof can't have is stored
here, in two places: in the data folder, so that it holds without the database
and after any restart; and in the database, so that it holds on every replica.

A link is used, and a session is signed out, when either place says so. Of the
two times at which everyone was signed out, the later counts. Where neither
place can be written to, links are refused.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msrv.files import sync_folder, write_file
from msrv.ledger.errors import DatabaseError, LinkNotRecorded, LinkUsed
from msrv.ledger.operators.directory import OperatorDirectory, TokenDirectory
from msrv.ledger.timeouts import SIGN_IN_SECONDS

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from msrv.ledger.db.database import Database
    from msrv.ledger.db.sign_in_rows import SignInRows
    from msrv.ledger.ledger import Ledger

FOLDER_NAME: Final = "studio"
REFRESH_SECONDS: Final = 2.0
"""Maximum age of the known sign-outs: other replicas follow within this."""
_CLOSED: Final = "closed"
_USED: Final = "used"
_ENDED: Final = "ended"


class SignInStore:
    """Store of sign-in state, in a data folder and in `database`.

    `operators` and `tokens` are those of the database.
    """

    def __init__(self, data: Path, database: "Database | Ledger") -> None:
        folder = data / FOLDER_NAME
        self._used_folder = folder / _USED
        self._sessions_folder = folder / _ENDED
        self._all_file = folder / _CLOSED
        self._sessions: set[str] = set()
        self._database = database
        self.operators = OperatorDirectory(database)
        self.tokens = TokenDirectory(database)
        self._all_at = 0
        self._refreshed_at: float | None = None
        self._refreshing = asyncio.Lock()

    async def is_link_used(self, number: str) -> bool:
        """Return whether a link is used, as far as is known now."""
        if await asyncio.to_thread((self._used_folder / number).exists):
            return True
        with contextlib.suppress(DatabaseError):
            async with self._read() as rows:
                return await rows.is_link_used(number)
        return False

    async def use_link(self, number: str, expires_at: int, now: int) -> None:
        """Mark a link as used. Raises LinkUsed, LinkNotRecorded.

        Succeeds once for each data folder whatever the database does, and
        once for all replicas where the database answers. `number` is
        hexadecimal, times are in Unix seconds.
        """
        try:
            is_first = await asyncio.to_thread(
                _create_marker, self._used_folder / number, expires_at, now
            )
        except OSError:
            is_recorded_here = False
        else:
            is_recorded_here = True
            if not is_first:
                raise LinkUsed
        try:
            async with self._write() as rows:
                is_first = await rows.use_link(number, expires_at, now)
        except DatabaseError as error:
            if not is_recorded_here:
                raise LinkNotRecorded from error
            return
        if not is_first:
            raise LinkUsed

    async def all_signed_out_at(self) -> int:
        """Return when everyone was last signed out, in Unix seconds.

        The last time known here, where the database is unavailable. 0 for
        never.
        """
        async with self._refreshing:
            now = time.monotonic()
            if (
                self._refreshed_at is None
                or now - self._refreshed_at > REFRESH_SECONDS
            ):
                await self._refresh()
                self._refreshed_at = time.monotonic()
        return self._all_at

    async def is_session_signed_out(self, number: str) -> bool:
        """Return whether a session was signed out, as far as is known here."""
        await self.all_signed_out_at()
        return number in self._sessions

    async def sign_out_session(
        self, number: str, expires_at: int, now: int
    ) -> None:
        """Sign a session out. Times are in Unix seconds.

        Takes effect in this process at once; in this data folder when this
        returns or raises DatabaseError; and on every replica within
        REFRESH_SECONDS when it returns. Raises OSError where the folder can't
        be written to.
        """
        self._sessions.add(number)
        await asyncio.to_thread(
            _create_marker, self._sessions_folder / number, expires_at, now
        )
        async with self._write() as rows:
            await rows.sign_out_session(number, expires_at, now)

    async def sign_out_all(self, at: int) -> None:
        """Sign out every session from `at` or earlier, in Unix seconds.

        Takes effect in this data folder when this returns or raises
        DatabaseError, and on every replica within REFRESH_SECONDS when it
        returns. Raises OSError where the folder can't be written to.
        """
        self._all_at = max(self._all_at, at)
        await asyncio.to_thread(self._save, self._all_at)
        async with self._write() as rows:
            await rows.sign_out_all(at)

    async def _refresh(self) -> None:
        """Read both places, as far as they are available."""
        here = await asyncio.to_thread(self._load)
        there = 0
        self._sessions |= await asyncio.to_thread(
            _marker_names, self._sessions_folder
        )
        with contextlib.suppress(DatabaseError):
            async with self._read() as rows:
                there = await rows.all_signed_out_at()
                self._sessions |= await rows.signed_out_sessions()
        self._all_at = max(self._all_at, here, there)
        if here < self._all_at:
            # For restarts without the database. If the disk refuses, it is
            # known for as long as this process lives.
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._save, self._all_at)

    @contextlib.asynccontextmanager
    async def _read(self) -> AsyncIterator["SignInRows"]:
        async with self._database.read_transaction(
            SIGN_IN_SECONDS
        ) as connection:
            yield _rows(connection)

    @contextlib.asynccontextmanager
    async def _write(self) -> AsyncIterator["SignInRows"]:
        async with self._database.write_transaction(
            SIGN_IN_SECONDS
        ) as connection:
            yield _rows(connection)

    def _load(self) -> int:
        try:
            return int(self._all_file.read_text("ascii"))
        except FileNotFoundError:
            return 0
        except ValueError:
            # Damaged. The time at which it was written is the latest that it
            # may have held, so no session that was signed out is valid again.
            return int(self._all_file.stat().st_mtime)

    def _save(self, at: int) -> None:
        folder = self._all_file.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self._all_file, f"{at}\n".encode("ascii"))


def _rows(connection: "AsyncConnection") -> "SignInRows":
    # SQLAlchemy takes 0.3 s to import, and is imported already wherever there
    # is a connection.
    from msrv.ledger.db.sign_in_rows import SignInRows  # noqa: PLC0415 - slow to import

    return SignInRows(connection)


def _create_marker(path: Path, expires_at: int, now: int) -> bool:
    """Create a marker file, and return whether it is new.

    Deletes markers in the same folder that have expired. Raises OSError.
    """
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in folder.iterdir():
        # Another process may delete the same one.
        with contextlib.suppress(FileNotFoundError):
            if each.stat().st_mtime < now:
                each.unlink()
    try:
        # Of several processes, the kernel lets one succeed.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    os.close(file)
    os.utime(path, (expires_at, expires_at))
    sync_folder(folder)
    return True


def _marker_names(folder: Path) -> set[str]:
    try:
        return {each.name for each in folder.iterdir()}
    except FileNotFoundError:
        return set()

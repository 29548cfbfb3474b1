# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Restoration of a backup into an empty data folder and an empty database.

Nothing that exists is overwritten, except for files that a store generates at
its first start, which are kept beside. Everything is written to a draft in
the data folder first, and is moved to its place at the end, the ledger last.
A restore that was interrupted is simply run again: until then the draft keeps
stores from starting.
"""

import asyncio
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.backup import tables
from msrv.backup.errors import BackupError, DamagedBackup, RestoreRefused
from msrv.backup.manifest import Manifest
from msrv.backup.reader import BackupFile, table_of
from msrv.backup.restore_draft import Draft, RestoreResult
from msrv.backup.writer import Progress
from msrv.display_text import reason_of
from msrv.files import make_private_folder
from msrv.ledger.connection_rules import DEFAULT_RULES, ConnectionRules
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import FILE_NAME as LEDGER_NAME
from msrv.ledger.db.database import Database
from msrv.ledger.errors import DatabaseUnusable
from msrv.ledger.timeouts import UPGRADE_SECONDS
from msrv.storage.data_folder import exclusive_lock
from msrv.text_table import plural

_MAX_REASONS: Final = 5
_SPARE_BYTES: Final = 16 * 1024 * 1024
_TIMES: Final = 3
"""Free space that is required: so many times what the backup has. Rows take
more space in a database than in a backup."""


@dataclass(frozen=True, slots=True)
class RestoreTarget:
    """Place that a backup is restored to.

    Without `with_mail`, waiting mails are kept where no store sends them.
    """

    data: Path
    database_url: str | None = None
    rules: ConnectionRules = DEFAULT_RULES
    with_mail: bool = True


def restore(
    backup: BackupFile,
    target: RestoreTarget,
    progress: Progress = lambda _: None,
) -> tuple[Manifest, RestoreResult]:
    """Restore a backup; return its manifest, and what was done.

    Raises BackupError, DataFolderLocked and LedgerError. Nothing has changed
    then, except where the disk fails in the last moment: the draft that is
    left keeps stores from starting, and the restore can be run again.
    """
    manifest = backup.verify(progress)
    try:
        make_private_folder(target.data)
        with exclusive_lock(target.data):
            work = _Restoration(backup, manifest, target, progress)
            asyncio.run(work.run())
    except OSError as error:
        raise _error(target, error) from error
    return manifest, work.done


def _error(target: RestoreTarget, error: OSError) -> BackupError:
    return BackupError(f"can't restore to {target.data}: {reason_of(error)}")


class _Restoration:
    """Restore of one backup to one target, whose lock is held."""

    def __init__(
        self,
        backup: BackupFile,
        manifest: Manifest,
        target: RestoreTarget,
        progress: Progress,
    ) -> None:
        self._backup = backup
        self._manifest = manifest
        self._target = target
        self._progress = progress
        self._draft = Draft(target.data, with_mail=target.with_mail)
        text = manifest.model_dump_json()
        self._id = hashlib.sha256(text.encode()).hexdigest()
        self.done = RestoreResult()

    async def run(self) -> None:
        """Restore. Raises BackupError, LedgerError, and OSError."""
        counts = await self._count_rows()
        if await asyncio.to_thread(self._is_moved, counts):
            # It was killed after it had finished all but this.
            self.done.rows = self._manifest.rows
        else:
            await asyncio.to_thread(self._check, counts)
            await asyncio.to_thread(self._draft.start)
            try:
                await self._restore()
            except BaseException:
                if self._draft.moved_id is None:
                    self._draft.remove()
                raise
        await asyncio.to_thread(self._draft.remove)

    async def _count_rows(self) -> dict[str, int]:
        """Return the numbers of rows that would be lost, by table."""
        target = self._target
        path = target.data / LEDGER_NAME
        if target.database_url is None and not path.exists():
            return {}
        database = Database.open(
            target.database_url, target.data, target.rules
        )
        try:
            async with database.read_transaction() as connection:
                counts = await tables.count_rows(connection)
        except DatabaseUnusable as error:
            if target.database_url is not None:
                raise
            reason = f"{path} can't be read ({error}): move it away"
            raise RestoreRefused([reason]) from error
        finally:
            await database.close()
        return counts

    def _is_moved(self, counts: dict[str, int]) -> bool:
        """Return whether the ledger, which is moved last, is in its place.

        A server's database has the backup's rows then. Without any, nothing
        shows it, and the restore is done again, which does no harm.
        """
        if self._draft.moved_id != self._id:
            return False
        if self._target.database_url is None:
            return not self._draft.has_ledger
        return bool(counts) and all(
            counts.get(name, 0) == rows
            for name, rows in self._manifest.rows.items()
            if name not in tables.NEW_ROWS
        )

    def _check(self, counts: dict[str, int]) -> None:
        """Raise RestoreRefused where something would be lost."""
        target = self._target
        reasons = self._draft.conflicts(self._manifest)
        if counts:
            found = ", ".join(
                f"{rows:,} in {name}" for name, rows in counts.items()
            )
            reasons.insert(
                0,
                f"{target.data / LEDGER_NAME} has rows ({found}): move it away"
                if target.database_url is None
                else f"the database of MSRV_DATABASE has rows ({found}): set "
                "it to an empty one",
            )
        if len(reasons) > _MAX_REASONS:
            more = plural(len(reasons) - _MAX_REASONS, "other file")
            reasons[_MAX_REASONS:] = [f"and so on for {more}"]
        if reasons:
            raise RestoreRefused(reasons)
        needed = self._manifest.size_bytes * _TIMES + _SPARE_BYTES
        free = shutil.disk_usage(target.data).free
        if free < needed:
            raise BackupError(
                f"{target.data} has {free >> 20:,} MB of free space, and the "
                f"restore needs {needed >> 20:,} MB"
            )

    async def _restore(self) -> None:
        target, manifest = self._target, self._manifest
        is_embedded = target.database_url is None
        database = Database.open(
            target.database_url, self._draft.folder, target.rules
        )
        try:
            # The tables as they were, so that migrations change their rows.
            previous = await schema_upgrade.upgrade_schema(
                database, manifest.revision
            )
            async with database.write_transaction(
                UPGRADE_SECONDS
            ) as connection:
                await self._write(connection)
                if self.done.rows != manifest.rows:
                    raise DamagedBackup(
                        "the backup has other rows than its manifest states"
                    )
                if not is_embedded:
                    await self._move_files()
            if previous is None:
                await schema_upgrade.upgrade_schema(database)
        finally:
            await database.close()
        if is_embedded:
            await self._call(self._draft.complete_ledger)
            await self._move_files()
            await asyncio.to_thread(self._draft.move_ledger)

    async def _move_files(self) -> None:
        await self._call(self._draft.move_files, self._id, self.done)

    async def _call(
        self, work: Callable[..., None], *arguments: object
    ) -> None:
        """Work on the disk in a thread. Raises BackupError.

        Within a transaction an OSError would be taken for the database's.
        """
        try:
            await asyncio.to_thread(work, *arguments)
        except OSError as error:
            raise _error(self._target, error) from error

    async def _write(self, connection: AsyncConnection) -> None:
        """Write everything to the draft and the database."""
        existing = await tables.read_columns(connection)
        expected = self._manifest.tables
        if not all(
            set(each.columns) <= set(existing.get(name, ()))
            for name, each in expected.items()
        ):
            raise DamagedBackup("the backup has tables that no version has")
        self.done.rows = dict.fromkeys(expected, 0)
        if expected:
            await tables.clear_new(connection)
        for member in self._backup.members(self._manifest):
            name = table_of(member.name)
            if name is None:
                await self._call(self._draft.write, member)
                continue
            if name not in expected:
                raise DamagedBackup(
                    "the backup has a table that its manifest doesn't have"
                )
            self.done.rows[name] += await tables.write_chunk(
                connection, name, expected[name].columns, member.read()
            )
            self._progress(f"{name}: {self.done.rows[name]:,}")
        await tables.complete_lines(
            connection, {name: each.columns for name, each in expected.items()}
        )

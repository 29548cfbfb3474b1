# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Writer of backups: one file with everything that can't be made again.

It reads while stores are running, and none of them waits. Everything that was
acknowledged before it started is in the file: `data_files` gives the order.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv import __version__
from msrv.backup import encryption
from msrv.backup.archive import HEADER_NAME, MANIFEST_NAME, ArchiveWriter
from msrv.backup.data_files import Part, open_files, read_marks
from msrv.backup.errors import BackupError
from msrv.backup.manifest import Contents, Manifest, TableRows, format_header
from msrv.backup.tables import read_chunks, read_columns
from msrv.display_text import reason_of
from msrv.files import sync_folder
from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import FILE_NAME as LEDGER_NAME
from msrv.ledger.db.database import Database, await_file
from msrv.ledger.db.schema import orders, refunds

PREFIX: Final = "msrv-backup-"
SUFFIX: Final = ".tar.gz"
ENCRYPTED_SUFFIX: Final = ".age"
NAMES: Final = re.compile(
    rf"{re.escape(PREFIX)}[0-9]{{8}}T[0-9]{{6}}Z"
    rf"{re.escape(SUFFIX)}(?:{re.escape(ENCRYPTED_SUFFIX)})?"
)
"""Names that `file_name` returns."""
SETTINGS_NAME: Final = "settings.env"
_DRAFT_PREFIX: Final = f".{PREFIX}"
_DRAFT_SECONDS: Final = 24 * 3600
_MARKS_EACH: Final = 10_000

Progress = Callable[[str], None]
"""Called now and then with what is being done."""


@dataclass(frozen=True, slots=True)
class BackupSource:
    """Source of a backup: a data folder, a database, and what is named here.

    `settings` is the text of the settings, without secrets. `secrets` are
    those that were asked for, by name. `keys` are the ids of the receipt keys.
    """

    data: Path
    database_url: str | None
    rules: ConnectionRules
    settings: str
    keys: Sequence[str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def file_name(made_at: int, *, is_encrypted: bool) -> str:
    """Return the name of a backup; names sort by time."""
    stamp = f"{datetime.fromtimestamp(made_at, UTC):%Y%m%dT%H%M%SZ}"
    end = ENCRYPTED_SUFFIX if is_encrypted else ""
    return f"{PREFIX}{stamp}{SUFFIX}{end}"


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Create a file that has its name once it is complete and on disk.

    Only its owner can read it. Raises BackupError where the name is in use,
    or the folder can't be written to.
    """
    folder = path.parent
    draft = folder / f"{_DRAFT_PREFIX}{secrets.token_hex(8)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_old_drafts(folder)
        descriptor = os.open(
            draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
        )
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                raise BackupError(f"{path} exists already")
            draft.rename(path)
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise BackupError(
            f"can't write to {folder}: {reason_of(error)}; "
            "--output names another place"
        ) from error


def write_backup(
    file: BinaryIO,
    source: BackupSource,
    recipients: Sequence[Any] = (),
    progress: Progress = lambda _: None,
) -> Manifest:
    """Write a backup to a file, encrypted if there are recipients.

    Raises BackupError and LedgerError, and OSError where the file can't be
    written: what can't be read is a BackupError.
    """
    if source.secrets and not recipients:
        raise BackupError(
            "NONCE goes into an encrypted backup only: add --recipient"
        )
    if not recipients:
        return asyncio.run(_write(file, source, progress))
    with encryption.encrypt(file, recipients) as encrypted:
        return asyncio.run(_write(encrypted, source, progress))


async def _write(
    file: BinaryIO, source: BackupSource, progress: Progress
) -> Manifest:
    try:
        await asyncio.to_thread(_check_source, source)
        backup = _Backup(ArchiveWriter(file), source, progress)
        await asyncio.to_thread(backup.add, HEADER_NAME, format_header())
        await asyncio.to_thread(backup.add_files, Part.INBOX)
        await asyncio.to_thread(backup.add_files, Part.SPOOL)
        await backup.add_ledger()
        await asyncio.to_thread(backup.add_files, Part.OUTBOX)
        await asyncio.to_thread(backup.add_marks)
        await asyncio.to_thread(backup.add_files, Part.STATE)
        return await asyncio.to_thread(backup.finish)
    except _CannotWrite as error:
        raise error.reason from None
    except OSError as error:
        # Only what is opened here has a name: not the backup's file.
        if error.filename is None:
            raise
        raise BackupError(
            f"MSRV_DATA: can't read {error.filename}: {reason_of(error)}; run "
            "this as the store's user"
        ) from error


class _CannotWrite(Exception):
    """The backup's file can't be written.

    Within a transaction an OSError would be taken for the database's.
    """

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason


class _Backup:
    """Backup that is being written. Methods that aren't async block."""

    def __init__(
        self, archive: ArchiveWriter, source: BackupSource, progress: Progress
    ) -> None:
        self._archive = archive
        self._source = source
        self._progress = progress
        self._made_at = int(time.time())
        self._counts = dict.fromkeys(Part, 0)
        self._events = 0
        self._spools: set[str] = set()
        self._tables: dict[str, TableRows] = {}
        self._refunds = 0
        self._newest_sale: int | None = None
        self._revision = ""
        self._database = Database.open(
            source.database_url, source.data, source.rules
        )

    def add(self, name: str, data: bytes) -> None:
        """Add a member of this moment. Raises _CannotWrite."""
        try:
            self._archive.add(name, data, self._made_at)
        except OSError as error:
            raise _CannotWrite(error) from error

    def add_files(self, part: Part) -> None:
        """Add the files of a part of the data folder."""
        self._progress(part.value)
        for each in open_files(self._source.data, part):
            self._archive.add_file(
                f"data/{each.path}",
                each.file,
                each.size_bytes,
                each.modified_at,
            )
            self._counts[part] += each.path.endswith(".json")
            self._events += each.events
            if each.events:
                self._spools.add(str(Path(each.path).parent))

    async def add_ledger(self) -> None:
        """Add the rows of all tables, as they are at one moment."""
        try:
            async with self._database.snapshot() as connection:
                found = await schema_upgrade.read_revision(connection)
                if found is None and self._database.is_embedded:
                    # The store was killed before it had created them.
                    self._revision = schema_upgrade.HEAD
                    return
                # An older one is backed up as it is: before an update.
                if found not in schema_upgrade.REVISIONS:
                    schema_upgrade.check_revision(found)
                self._revision = found or ""
                for name, columns in (await read_columns(connection)).items():
                    await self._add_table(connection, name, columns)
                await self._read_summary(connection)
        finally:
            await self._database.close()

    async def _read_summary(self, connection: AsyncConnection) -> None:
        self._newest_sale = await connection.scalar(
            select(func.max(orders.c.sold_at))
        )
        revoked = select(func.count()).select_from(refunds)
        found = await connection.scalar(revoked.where(refunds.c.revoked))
        self._refunds = int(found or 0)

    async def _add_table(
        self, connection: AsyncConnection, name: str, columns: list[str]
    ) -> None:
        number = count = 0
        async for chunk, rows in read_chunks(connection, name, columns):
            number += 1
            await asyncio.to_thread(
                self.add, f"ledger/{name}/{number:06d}.jsonl", chunk
            )
            count += rows
            self._progress(f"{name}: {count:,}")
        self._tables[name] = TableRows(columns=columns, rows=count)

    def add_marks(self) -> None:
        """Add the names and times of the marks."""
        lines = [
            json.dumps(each).encode("ascii") + b"\n"
            for each in read_marks(self._source.data)
        ]
        for number, at in enumerate(range(0, len(lines), _MARKS_EACH), 1):
            self.add(
                f"marks/{number:06d}.jsonl",
                b"".join(lines[at : at + _MARKS_EACH]),
            )

    def finish(self) -> Manifest:
        """Add settings, secrets and the manifest, and end the archive."""
        self.add(SETTINGS_NAME, self._source.settings.encode("utf-8"))
        for name, value in self._source.secrets.items():
            self.add(f"secrets/{name}", value.encode("utf-8"))
        rows = {name: each.rows for name, each in self._tables.items()}
        manifest = Manifest(
            store_version=__version__,
            made_at=self._made_at,
            database=self._database.dialect.kind,
            revision=self._revision,
            tables=self._tables,
            contents=Contents(
                orders=rows.get("orders", 0),
                refunds=self._refunds,
                newest_sale=self._newest_sale,
                events=self._events,
                spools=len(self._spools),
                mails=self._counts[Part.OUTBOX],
                webhooks=self._counts[Part.INBOX],
            ),
            keys=list(self._source.keys),
            secrets=sorted(self._source.secrets),
            members=self._archive.digests,
        )
        self.add(MANIFEST_NAME, manifest.model_dump_json().encode("ascii"))
        self._archive.close()
        return manifest


def _check_source(source: BackupSource) -> None:
    """Raise BackupError where there is no store to back up."""
    if not source.data.is_dir():
        raise BackupError(f"MSRV_DATA: {source.data} is not a folder")
    if source.database_url is not None:
        return
    # Connecting to it would create it.
    if not await_file(source.data / LEDGER_NAME, source.data):
        raise BackupError(
            f"MSRV_DATA: {source.data} has no {LEDGER_NAME}: it is not "
            "the data folder of a store that has run"
        )


def _remove_old_drafts(folder: Path) -> None:
    """Remove what a backup left that was killed a day ago, or earlier."""
    for each in folder.glob(f"{_DRAFT_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - each.stat().st_mtime > _DRAFT_SECONDS:
                each.unlink()

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Persistent index of hashes and metadata, so that each file is read once.

An SQLite file in the data folder, keyed by path and identity (size, times,
inode). Everything in it can be computed again: a file that is corrupt, of
another program or of another version is deleted and rebuilt, and where the
data folder isn't writable the index is held in memory.
"""

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from msrv.catalog.library.found_files import FoundFile
from msrv.catalog.scanning.index_database import (
    ForeignIndex,
    connect_index_database,
)
from msrv.catalog.texts.track_text_table import TrackTextTable
from msrv.display_text import printable, reason_of
from msrv.storage.model import FileIdentity

log = logging.getLogger(__name__)

FILE_NAME: Final = "index.sqlite3"
_SELECT_FOLDER: Final = (
    "SELECT path, identity, sha256, crc32, facts FROM files "
    "WHERE path >= ? AND path < ? AND instr(substr(path, ?), x'2f') = 0"
)
_REFUSED: Final = (
    OverflowError,
    ValueError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""Errors of a row that SQLite doesn't store."""


PARSER_CRASHED: Final = "stops_parser"
"""Name of the fact that a file crashed its parser and may be retried."""


TEXTS: Final = "texts"
"""Name of the fact with a track's lyrics and credits."""


class IndexEntry(NamedTuple):
    """Hashes and facts of one file, valid for one identity.

    The facts stay JSON until they are needed: decoded, those of 100,000 files
    would take a hundred megabytes. `texts_json` are the lyrics and credits
    of a file that was just read, empty for none; they are written and not
    kept. None leaves those that are written as they are.
    """

    identity: FileIdentity
    sha256: bytes
    crc32: int
    facts_json: str
    texts_json: str | None = None

    @classmethod
    def of(
        cls, file: FoundFile, sha256: bytes, crc32: int, facts: dict[str, Any]
    ) -> Self:
        """Return the entry of a file that has just been read."""
        texts = facts.pop(TEXTS, None)
        return cls(
            file.identity,
            sha256,
            crc32,
            json.dumps(facts) if facts else "{}",
            json.dumps(texts) if texts else "",
        )

    def with_facts(self, facts: dict[str, Any]) -> Self:
        """Return a copy with other facts."""
        return self._replace(facts_json=json.dumps(facts))

    @property
    def stops_parser(self) -> bool:
        """True for a file without metadata, since it crashed its parser."""
        return (
            PARSER_CRASHED in self.facts_json and PARSER_CRASHED in self.facts
        )

    @property
    def facts(self) -> dict[str, Any]:
        """Metadata of the file, as JSON values by name."""
        if self.facts_json == "{}":
            return {}
        facts: dict[str, Any] = json.loads(self.facts_json)
        return facts


class FileIndex:
    """Index entries by path; `save` writes the changes.

    Those of one folder are in memory, and those that aren't written yet: all
    of a large library would take hundreds of bytes each, and they are read
    once. Not thread-safe.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._texts = TrackTextTable(connection)
        self._pending: dict[str, IndexEntry] = {}
        self._changed: set[str] = set()
        self._folder: str | None = None
        self._entries: dict[str, IndexEntry] = {}
        self._warned = False
        self._ignores_status = False

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the index of a data folder, in memory if need be.

        Never raises an error of the disk or of SQLite.
        """
        path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                return cls._at(path)
            except sqlite3.OperationalError:
                # Read-only, locked or full: the file itself is intact.
                raise
            except (
                sqlite3.DatabaseError,
                ForeignIndex,
                AttributeError,
                TypeError,
                ValueError,
            ) as error:
                log.warning("rebuilding the index: %s", error)
                for each in (path, f"{path}-wal", f"{path}-shm"):
                    Path(each).unlink(missing_ok=True)
                return cls._at(path)
        except (OSError, sqlite3.Error) as error:
            log.warning(
                "the index can only be held in memory, so all files will be "
                "read again at the next start: %s: %s",
                path,
                reason_of(error),
            )
            return cls._at(":memory:")

    @classmethod
    def _at(cls, path: Path | str) -> Self:
        connection = connect_index_database(path)
        try:
            return cls(connection)
        except BaseException:
            connection.close()
            raise

    def find(self, file: FoundFile) -> IndexEntry | None:
        """Return a file's entry if the file is unchanged, else None."""
        known = self._entry(file.path)
        if known is None:
            return None
        # Compared without making an identity: most files are as they were.
        if known.identity == file[1:] or known.identity.is_same(file.identity):
            return known
        if self._ignores_status and self.has_same_size_and_date(file):
            return known
        return None

    @contextmanager
    def ignoring_status(self) -> Iterator[None]:
        """Make `find` return entries of files whose status alone changed.

        Such an entry has the old identity, so that storage hashes the file
        before it is sent.
        """
        self._ignores_status = True
        try:
            yield
        finally:
            self._ignores_status = False

    def has_path(self, path: str) -> bool:
        """Return whether there is an entry for this path."""
        return self._entry(path) is not None

    def has_same_size_and_date(self, file: FoundFile) -> bool:
        """Return whether a file's size and date are those of its entry."""
        known = self._entry(file.path)
        return known is not None and known.identity[:2] == file.identity[:2]

    def add(self, path: str, known: IndexEntry) -> None:
        """Add or replace the entry of a file that was read.

        If only its inode differs and the bytes are the same, the file
        system's inodes aren't stable: this file's is not compared again.
        """
        old = self._entry(path)
        if (
            old is not None
            and old.sha256 == known.sha256
            and old.identity[:3] == known.identity[:3]
            and old.identity.inode != known.identity.inode
        ):
            known = known._replace(identity=known.identity._replace(inode=0))
        if known.texts_json is not None:
            self._texts.add(path, known.sha256, known.texts_json)
        self._pending[path] = known._replace(texts_json=None)
        self._changed.add(path)

    def save(self) -> None:
        """Write the changes to disk, in the table's order.

        A full disk is logged and not raised: everything here can be computed
        again.
        """
        if not self._changed:
            return
        rows = sorted(_row(key, self._pending[key]) for key in self._changed)
        statement = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)"
        refused: set[str] = set()
        if self._write(statement, rows, self._texts.save, refused):
            self._changed.clear()
            self._texts.clear()
            self._pending = {path: self._pending[path] for path in refused}

    def retain(self, paths: Iterable[str]) -> None:
        """Remove all entries except those of these paths."""
        wanted = {os.fsencode(path) for path in paths}
        try:
            rows = self._connection.execute("SELECT path FROM files")
            known = {row[0] for row in rows}
        except sqlite3.Error as error:
            self._warn("read", error)
            return
        known.update(map(os.fsencode, self._pending))
        self.remove(map(os.fsdecode, known - wanted))

    def remove(self, paths: Iterable[str]) -> None:
        """Remove the entries of these paths."""
        gone = set(paths)
        if not gone:
            return
        for path in gone:
            self._pending.pop(path, None)
        self._changed -= gone
        self._write(
            "DELETE FROM files WHERE path = ?",
            [(os.fsencode(path),) for path in gone],
            lambda: self._texts.remove(gone),
            set(),
        )

    def _entry(self, path: str) -> IndexEntry | None:
        """Return the entry of a path, whatever its file is now."""
        found = self._pending.get(path)
        if found is not None:
            return found
        folder = path.rpartition("/")[0]
        if folder != self._folder:
            self._entries, self._folder = dict(self._read(folder)), folder
        return self._entries.get(path)

    def _read(self, folder: str) -> Iterator[tuple[str, IndexEntry]]:
        """Yield the entries of a folder, without those of its subfolders."""
        prefix = os.fsencode(f"{folder}/" if folder else "")
        end = prefix[:-1] + b"0" if prefix else b"\xff" * 8  # "/" + 1
        try:
            rows = self._connection.execute(
                _SELECT_FOLDER, (prefix, end, len(prefix) + 1)
            ).fetchall()
        except sqlite3.Error as error:
            self._warn("read", error)
            return
        for path, identity, *columns in rows:
            try:
                numbers = FileIdentity(*map(int, identity.split()))
            except (TypeError, ValueError):
                continue  # read again from the file
            yield os.fsdecode(path), IndexEntry(numbers, *columns)

    def _warn(self, what: str, error: sqlite3.Error) -> None:
        if not self._warned:
            log.warning("can't %s the index: %s", what, error)
        self._warned = True

    def _write(
        self,
        statement: str,
        rows: list[tuple[Any, ...]],
        write_texts: Callable[[], None],
        refused: set[str],
    ) -> bool:
        """Write rows; add the paths of those to `refused` that can't be."""
        self._folder, self._entries = None, {}
        try:
            with self._connection:
                try:
                    self._connection.executemany(statement, rows)
                except _REFUSED:
                    for row in rows:
                        if not self._write_one(statement, row):
                            refused.add(os.fsdecode(row[0]))
                write_texts()
        except sqlite3.Error as error:
            self._warn("write", error)
            return False
        self._warned = False
        return True

    def _write_one(self, statement: str, row: tuple[Any, ...]) -> bool:
        """Write one row; a row that SQLite refuses is logged and skipped."""
        try:
            self._connection.execute(statement, row)
        except _REFUSED as error:
            log.warning(
                "the index can't store %s, which will be read again at each "
                "start: %s",
                printable(os.fsdecode(row[0])),
                error,
            )
            return False
        return True

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Return the index, which is closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the database."""
        self.close()


def _row(path: str, known: IndexEntry) -> tuple[Any, ...]:
    identity = " ".join(map(str, known.identity))
    return (os.fsencode(path), identity, *known[1:4])

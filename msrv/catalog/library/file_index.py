"""What is known of the library's files, so that each is read once.

An SQLite file in the data folder, keyed by path and identity (size, times,
inode): hashes, and facts such as tags. It holds nothing that can't be had
again: a file that is broken, or not ours, or another version's, is thrown
away and made anew, and where the data folder can't be written the index lives
in memory.
"""

import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from msrv.catalog.library.found_files import FoundFile
from msrv.display_text import printable
from msrv.storage.model import FileIdentity

log = logging.getLogger(__name__)

FILE_NAME: Final = "index.sqlite3"
_APPLICATION: Final = int.from_bytes(b"MSRV", "big")
_VERSION: Final = 4
"""Raise it when the columns or the facts change."""
_TABLE: Final = (
    # Two processes may begin at once.
    "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, "
    # Text: SQLite's integers end in 2262, and at half of an inode's.
    "identity TEXT NOT NULL, "
    "sha256 BLOB NOT NULL, crc32 INTEGER NOT NULL, "
    "facts TEXT NOT NULL) WITHOUT ROWID"
)


PARSER_CRASHED: Final = "stops_parser"
"""The fact of a file that stopped its parser, and may be tried again."""


class IndexEntry(NamedTuple):
    """Hashes and facts of one file, as of its identity.

    The facts stay JSON until they are asked for: of 100,000 files they would
    fill a hundred megabytes otherwise.
    """

    identity: FileIdentity
    sha256: bytes
    crc32: int
    facts_json: str

    @classmethod
    def of(
        cls, file: FoundFile, sha256: bytes, crc32: int, facts: dict[str, Any]
    ) -> Self:
        """Know a file that has just been read."""
        said = json.dumps(facts) if facts else "{}"
        return cls(file.identity, sha256, crc32, said)

    def with_facts(self, facts: dict[str, Any]) -> Self:
        """Return the same with other facts."""
        return self._replace(facts_json=json.dumps(facts))

    @property
    def stops_parser(self) -> bool:
        """Whether it was not parsed, since it stopped its parser."""
        return (
            PARSER_CRASHED in self.facts_json and PARSER_CRASHED in self.facts
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What the file says of itself, as `facts` read it."""
        facts: dict[str, Any] = json.loads(self.facts_json)
        return facts


class _ForeignIndex(Exception):
    """The file is no index, or not this version's."""


class FileIndex:
    """The known files, in memory; changes are written when it is saved.

    One thread at a time.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._changed: set[str] = set()
        self._known: dict[str, IndexEntry] = {}
        self._warned = False
        self._ignores_status = False
        rows = connection.execute(
            "SELECT path, identity, sha256, crc32, facts FROM files"
        )
        for path, identity, *columns in rows:
            self._known[os.fsdecode(path)] = IndexEntry(
                FileIdentity(*map(int, identity.split())), *columns
            )

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the index of a data folder; never fails."""
        path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                return cls._at(path)
            except sqlite3.OperationalError:
                # Read-only, locked, full: nothing is wrong with the file.
                raise
            except (
                sqlite3.DatabaseError,
                _ForeignIndex,
                AttributeError,
                TypeError,
                ValueError,
            ) as error:
                log.warning("making the index anew: %s", error)
                for each in (path, f"{path}-wal", f"{path}-shm"):
                    Path(each).unlink(missing_ok=True)
                return cls._at(path)
        except (OSError, sqlite3.Error) as error:
            log.warning(
                "the index is kept in memory, so that all files are read "
                "again at the next start: %s: %s",
                path,
                getattr(error, "strerror", None) or error,
            )
            return cls._at(":memory:")

    @classmethod
    def _at(cls, path: Path | str) -> Self:
        connection = _connect(path)
        try:
            return cls(connection)
        except BaseException:
            connection.close()
            raise

    def find(self, file: FoundFile) -> IndexEntry | None:
        """Find what is known of a file, if it still is that file."""
        known = self._known.get(file.path)
        if known is None:
            return None
        is_same = known.identity.is_same(file.identity)
        if is_same or (
            self._ignores_status and self.has_same_size_and_date(file)
        ):
            return known
        return None

    @contextmanager
    def ignoring_status(self) -> Iterator[None]:
        """Find also what only a status tells from what was last read.

        What is found so has the identity of then, so that storage hashes the
        file before it sends it.
        """
        self._ignores_status = True
        try:
            yield
        finally:
            self._ignores_status = False

    def has_path(self, path: str) -> bool:
        """Whether there was a file of this path."""
        return path in self._known

    def has_same_size_and_date(self, file: FoundFile) -> bool:
        """Whether a file had this size and date when it was last read."""
        known = self._known.get(file.path)
        return known is not None and known.identity[:2] == file.identity[:2]

    def add(self, path: str, known: IndexEntry) -> None:
        """Remember a file that was read.

        Where nothing but its inode is new, and the bytes are the same, the
        file system's inodes don't last: this file's is not compared again.
        """
        old = self._known.get(path)
        if (
            old is not None
            and old.sha256 == known.sha256
            and old.identity[:3] == known.identity[:3]
            and old.identity.inode != known.identity.inode
        ):
            known = known._replace(identity=known.identity._replace(inode=0))
        self._known[path] = known
        self._changed.add(path)

    def save(self) -> None:
        """Write what is new.

        A disk that is full is logged: nothing is lost that can't be had
        again.
        """
        if not self._changed:
            return
        rows = [_row(path, self._known[path]) for path in self._changed]
        statement = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)"
        if self._write(statement, rows):
            self._changed.clear()

    def retain(self, paths: Iterable[str]) -> None:
        """Let go of the files that aren't in the library any more."""
        self.remove(self._known.keys() - set(paths))

    def remove(self, paths: Iterable[str]) -> None:
        """Delete these files' entries."""
        gone = self._known.keys() & set(paths)
        if not gone:
            return
        for path in gone:
            del self._known[path]
        self._changed -= gone
        self._write(
            "DELETE FROM files WHERE path = ?",
            [(os.fsencode(path),) for path in gone],
        )

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> bool:
        try:
            with self._connection:
                for row in rows:
                    self._write_one(statement, row)
        except sqlite3.Error as error:
            if not self._warned:
                log.warning("the index can't be written: %s", error)
            self._warned = True
            return False
        self._warned = False
        return True

    def _write_one(self, statement: str, row: tuple[Any, ...]) -> None:
        """Write one file's row; one that can't be is no other's matter."""
        try:
            self._connection.execute(statement, row)
        except (
            OverflowError,
            ValueError,
            sqlite3.DataError,
            sqlite3.InterfaceError,
            sqlite3.ProgrammingError,
        ) as error:
            log.warning(
                "the index can't hold %s, which is read again at each start: "
                "%s",
                printable(os.fsdecode(row[0])),
                error,
            )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Be closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def _row(path: str, known: IndexEntry) -> tuple[Any, ...]:
    identity = " ".join(map(str, known.identity))
    return (os.fsencode(path), identity, *known[1:])


def _connect(path: Path | str) -> sqlite3.Connection:
    """Open a database with our table. Raises sqlite3.Error and _NotOurs."""
    # Used by one thread at a time, but not always by the same.
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        mark = tuple(
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        )
        if mark == (0, 0) and not _has_tables(connection):
            with connection:
                connection.execute(_TABLE)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
        elif mark != (_APPLICATION, _VERSION):
            raise _ForeignIndex(
                "it is another program's, or another version's"
            )
        # What a power cut loses is read again.
        connection.execute("PRAGMA synchronous = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def _has_tables(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT count(*) FROM sqlite_master")
    return bool(found.fetchone()[0])

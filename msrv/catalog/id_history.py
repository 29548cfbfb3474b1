# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""History of item and release ids: what each one identified.

An SQLite file in the data folder. It locates purchases whose file or folder
has been renamed. It is not part of the index, which is rebuilt now and then.
The ledger has the records of sold items too, so that none is lost with the
data folder.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from msrv.display_text import reason_of

log = logging.getLogger(__name__)

FILE_NAME: Final = "ids.sqlite3"
_APPLICATION: Final = int.from_bytes(b"MSID", "big")
_VERSION: Final = 1
_TABLE: Final = (
    # Two processes may start at once.
    "CREATE TABLE IF NOT EXISTS ids (item_id TEXT PRIMARY KEY, "
    "kind TEXT NOT NULL, release_id TEXT NOT NULL, title TEXT NOT NULL, "
    "release_title TEXT NOT NULL, path BLOB NOT NULL, sha256 BLOB NOT NULL, "
    "duration_ms INTEGER, members TEXT NOT NULL, changed_at_ms INTEGER "
    "NOT NULL, moved_to TEXT NOT NULL, offered INTEGER NOT NULL, "
    "sold INTEGER NOT NULL) WITHOUT ROWID"
)
_COLUMNS: Final = (
    "item_id, kind, release_id, title, release_title, path, sha256, "
    "duration_ms, members, changed_at_ms, moved_to"
)
_UPDATES: Final = ", ".join(
    f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:]
)
# No part of these statements comes from outside.
_SELECT_BATCH: Final = (
    f"SELECT {_COLUMNS}, sold FROM ids "  # noqa: S608
    "WHERE item_id > ? ORDER BY item_id LIMIT ?"
)
_BATCH_SIZE: Final = 2000
_SELECT_SOLD: Final = f"SELECT {_COLUMNS} FROM ids WHERE sold = 1"  # noqa: S608
_SOLD_IDS: Final = "SELECT item_id FROM ids WHERE sold = 1"
_SELECT_ONE: Final = f"SELECT {_COLUMNS} FROM ids WHERE item_id = ?"  # noqa: S608
_UPSERT: Final = (
    f"INSERT INTO ids ({_COLUMNS}, offered, sold) "  # noqa: S608
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) "
    f"ON CONFLICT DO UPDATE SET {_UPDATES}, offered = excluded.offered"
)
_MERGE: Final = (
    f"INSERT INTO ids ({_COLUMNS}, offered, sold) "  # noqa: S608
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0) "
    f"ON CONFLICT DO UPDATE SET {_UPDATES} "
    "WHERE offered = 0 AND changed_at_ms < excluded.changed_at_ms"
)
_INSERT_STUB: Final = (
    f"INSERT INTO ids ({_COLUMNS}, offered, sold) "  # noqa: S608
    "VALUES (?, '', '', ?, '', x'', x'', NULL, '', 0, '', 0, 1)"
)


class IdRecord(NamedTuple):
    """Last known item or release of an id.

    `kind` is an ItemKind, or empty where only the title is known. `path` is
    the file's, or the release's folder; `sha256` is the file's, and empty for
    a release, whose `members` are the ids of its items. `changed_at_ms` is
    the time of the first sighting, in Unix milliseconds. `moved_to` is the id
    under which it was last found.
    """

    item_id: str
    kind: str
    release_id: str
    title: str
    release_title: str
    path: str
    sha256: bytes
    duration_ms: int | None
    members: tuple[str, ...]
    changed_at_ms: int
    moved_to: str = ""

    @property
    def content(self) -> tuple[object, ...]:
        """The fields that make two records differ: all but the times."""
        return self[:9]


class IdHistory:
    """Records of a data folder. Thread-safe: one call at a time.

    `revision` counts the changes that came from outside of the library:
    after one, aliases have to be computed again.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self.revision = 0

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the records of a data folder, or in memory if that fails."""
        path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                return cls(_connect(path))
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                log.warning(
                    "recreating %s; the records of what was sold are read "
                    "from the ledger again: %s",
                    path,
                    error,
                )
                path.unlink(missing_ok=True)
                return cls(_connect(path))
        except (OSError, sqlite3.Error) as error:
            log.warning(
                "the history of ids is kept in memory, and lost at the next "
                "restart: %s: %s",
                path,
                reason_of(error),
            )
            return cls(_connect(":memory:"))

    @property
    def changes(self) -> int:
        """A number that changes with every write."""
        return self._connection.total_changes

    def records(self) -> Iterator[tuple[IdRecord, bool]]:
        """Yield all records, and whether each was sold.

        They are read in batches, so that memory use is flat.
        """
        after = ""
        while True:
            with self._lock:
                rows = self._connection.execute(
                    _SELECT_BATCH, (after, _BATCH_SIZE)
                ).fetchall()
            for *columns, sold in rows:
                yield _record(columns), bool(sold)
            if len(rows) < _BATCH_SIZE:
                return
            after = rows[-1][0]

    def save(
        self, records: Iterable[IdRecord], gone: Iterable[str] = ()
    ) -> bool:
        """Save the records of offered ids, and mark `gone` as not offered.

        Return whether that was written; a failure is logged.
        """
        with self._lock, self._transaction() as transaction:
            self._connection.executemany(
                _UPSERT, [(*_row(each), not each.moved_to) for each in records]
            )
            self._connection.executemany(
                "UPDATE ids SET offered = 0 WHERE item_id = ? AND offered = 1",
                [(item_id,) for item_id in gone],
            )
        return transaction.is_committed

    def mark_sold(self, titles: Mapping[str, str]) -> None:
        """Mark ids as sold; `titles` are for ids without a record."""
        with self._lock, self._transaction():
            for item_id, title in titles.items():
                known = self._connection.execute(
                    "SELECT sold, offered FROM ids WHERE item_id = ?",
                    (item_id,),
                ).fetchone()
                if known is None:
                    self._connection.execute(_INSERT_STUB, (item_id, title))
                elif not known[0]:
                    self._connection.execute(
                        "UPDATE ids SET sold = 1 WHERE item_id = ?",
                        (item_id,),
                    )
                # An offered id is found in any case.
                if known is None or known == (0, 0):
                    self.revision += 1

    def merge(self, records: Iterable[IdRecord]) -> None:
        """Add other replicas' newer records of ids not offered here."""
        with self._lock, self._transaction():
            before = self._connection.total_changes
            rows = [_row(each) for each in records]
            self._connection.executemany(_MERGE, rows)
            self.revision += self._connection.total_changes > before

    def sold_records(self) -> list[IdRecord]:
        """Return the records of sold items and releases, and their items."""
        with self._lock:
            rows = self._connection.execute(_SELECT_SOLD)
            found = {row[0]: _record(list(row)) for row in rows}
            members = {
                member
                for record in found.values()
                for member in record.members
                if member not in found
            }
            return [*found.values(), *self._find(members)]

    def sold_ids(self) -> set[str]:
        """Return the ids that were sold."""
        with self._lock:
            return {row[0] for row in self._connection.execute(_SOLD_IDS)}

    def find(self, item_ids: Collection[str]) -> list[IdRecord]:
        """Return the records of some ids; ids without one are left out."""
        with self._lock:
            return self._find(item_ids)

    def _find(self, item_ids: Collection[str]) -> list[IdRecord]:
        found = []
        for item_id in item_ids:
            row = self._connection.execute(_SELECT_ONE, (item_id,)).fetchone()
            if row is not None:
                found.append(_record(list(row)))
        return found

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._connection)

    def close(self) -> None:
        """Close the database file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        """Return the history; it is closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the history."""
        self.close()


class _Transaction:
    """Transaction whose failure is logged and ignored.

    A record that isn't written is seen, and written, at the next reading.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.is_committed = False

    def __enter__(self) -> Self:
        """Return this: sqlite3 begins a transaction with the first change."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Commit the changes, or roll them back after an error."""
        try:
            if error is None:
                self._connection.commit()
                self.is_committed = True
                return False
            self._connection.rollback()
        except sqlite3.Error as second:
            error = second
        if isinstance(error, sqlite3.Error):
            log.warning("can't save the history of ids: %s", error)
            return True
        return False


def _record(columns: list[Any]) -> IdRecord:
    columns[5] = os.fsdecode(columns[5])
    columns[8] = tuple(columns[8].split())
    return IdRecord(*columns)


def _row(record: IdRecord) -> tuple[Any, ...]:
    path, members = os.fsencode(record.path), " ".join(record.members)
    return record._replace(path=path, members=members)  # type: ignore[arg-type] # as the columns hold them


def _connect(path: Path | str) -> sqlite3.Connection:
    """Open a database and create the table. Raises sqlite3.Error."""
    # Used by one thread at a time, but not always by the same.
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        marks = tuple(
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        )
        if marks not in {(0, 0), (_APPLICATION, _VERSION)}:
            raise sqlite3.DatabaseError("its format is of another version")
        with connection:
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection

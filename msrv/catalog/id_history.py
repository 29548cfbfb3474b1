"""History of ids: what each stood for while it was offered, and last.

An SQLite file in the data folder, apart from the index, which is made anew
now and then. It is what a purchase is found by when its file or folder has
another name; the ledger holds the same of what was sold, so that a data
folder that is lost takes nothing with it.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

log = logging.getLogger(__name__)

FILE_NAME: Final = "ids.sqlite3"
_APPLICATION: Final = int.from_bytes(b"MSID", "big")
_VERSION: Final = 1
_TABLE: Final = (
    # Two processes may begin at once.
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
# Nothing of these is anybody's but ours.
_SOME: Final = (
    f"SELECT {_COLUMNS}, sold FROM ids "  # noqa: S608
    "WHERE item_id > ? ORDER BY item_id LIMIT ?"
)
_AT_ONCE: Final = 2000
_SOLD: Final = f"SELECT {_COLUMNS} FROM ids WHERE sold = 1"  # noqa: S608
_ONE: Final = f"SELECT {_COLUMNS} FROM ids WHERE item_id = ?"  # noqa: S608
_SAVE: Final = (
    f"INSERT INTO ids ({_COLUMNS}, offered, sold) "  # noqa: S608
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) "
    f"ON CONFLICT DO UPDATE SET {_UPDATES}, offered = excluded.offered"
)
_LEARN: Final = (
    f"INSERT INTO ids ({_COLUMNS}, offered, sold) "  # noqa: S608
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0) "
    f"ON CONFLICT DO UPDATE SET {_UPDATES} "
    "WHERE offered = 0 AND changed_at_ms < excluded.changed_at_ms"
)
_STUB: Final = (
    f"INSERT INTO ids ({_COLUMNS}, offered, sold) "  # noqa: S608
    "VALUES (?, '', '', ?, '', x'', x'', NULL, '', 0, '', 0, 1)"
)


class IdRecord(NamedTuple):
    """Record of what an id last stood for.

    `kind` is one of Kind, or empty where only the title is known. `path` is
    the file's, or the release's folder; `sha256` is the file's, and empty for
    a release, whose `members` are the ids of its items. `changed_at_ms` is
    when this was first seen, in Unix milliseconds. `moved_to` is the id that
    it was last found under.
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
    """The records of a data folder. Any thread, one call at a time.

    `revision` counts what was learned from elsewhere: what follows from the
    records has to be worked out again then.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self.revision = 0

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the records of a data folder; never fails."""
        path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            try:
                return cls(_connect(path))
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                log.warning(
                    "making %s anew; what was sold is read from the ledger "
                    "again: %s",
                    path,
                    error,
                )
                path.unlink(missing_ok=True)
                return cls(_connect(path))
        except (OSError, sqlite3.Error) as error:
            log.warning(
                "which ids were offered is kept in memory, and forgotten at "
                "the next start: %s: %s",
                path,
                getattr(error, "strerror", None) or error,
            )
            return cls(_connect(":memory:"))

    @property
    def changes(self) -> int:
        """A number that changes when anything is written here."""
        return self._connection.total_changes

    def records(self) -> Iterator[tuple[IdRecord, bool]]:
        """Yield all records, and whether each was sold.

        Some at a time: a library's history needs no room in memory.
        """
        after = ""
        while True:
            with self._lock:
                rows = self._connection.execute(
                    _SOME, (after, _AT_ONCE)
                ).fetchall()
            for *columns, sold in rows:
                yield _record(columns), bool(sold)
            if len(rows) < _AT_ONCE:
                return
            after = rows[-1][0]

    def save(
        self, records: Iterable[IdRecord], gone: Iterable[str] = ()
    ) -> None:
        """Write what ids stand for now, and which are not offered any more."""
        with self._lock, self._writing():
            self._connection.executemany(
                _SAVE, [(*_row(each), not each.moved_to) for each in records]
            )
            self._connection.executemany(
                "UPDATE ids SET offered = 0 WHERE item_id = ? AND offered = 1",
                [(item_id,) for item_id in gone],
            )

    def mark_sold(self, titles: Mapping[str, str]) -> None:
        """Remember that these ids were sold, by these titles."""
        with self._lock, self._writing():
            for item_id, title in titles.items():
                known = self._connection.execute(
                    "SELECT sold, offered FROM ids WHERE item_id = ?",
                    (item_id,),
                ).fetchone()
                if known is None:
                    self._connection.execute(_STUB, (item_id, title))
                elif not known[0]:
                    self._connection.execute(
                        "UPDATE ids SET sold = 1 WHERE item_id = ?",
                        (item_id,),
                    )
                # What is offered is found in any case.
                if known is None or known == (0, 0):
                    self.revision += 1

    def merge(self, records: Iterable[IdRecord]) -> None:
        """Store others' records, of ids that aren't offered here now."""
        with self._lock, self._writing():
            before = self._connection.total_changes
            rows = [_row(each) for each in records]
            self._connection.executemany(_LEARN, rows)
            self.revision += self._connection.total_changes > before

    def sold_records(self) -> list[IdRecord]:
        """Return the records of what was sold, and of the items within it."""
        with self._lock:
            rows = self._connection.execute(_SOLD)
            found = {row[0]: _record(list(row)) for row in rows}
            members = {
                member
                for record in found.values()
                for member in record.members
                if member not in found
            }
            return [*found.values(), *self._find(members)]

    def find(self, item_ids: Collection[str]) -> list[IdRecord]:
        """Return the records of some ids, as far as there are any."""
        with self._lock:
            return self._find(item_ids)

    def _find(self, item_ids: Collection[str]) -> list[IdRecord]:
        found = []
        for item_id in item_ids:
            row = self._connection.execute(_ONE, (item_id,)).fetchone()
            if row is not None:
                found.append(_record(list(row)))
        return found

    def _writing(self) -> "_Writing":
        return _Writing(self._connection)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        """Return this, which is closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


class _Writing:
    """A transaction. A disk that refuses it is logged, and all goes on.

    What isn't written is seen, and written, the next time.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        """Enter; sqlite3 starts a transaction with the first change."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Commit, or undo."""
        try:
            if error is None:
                self._connection.commit()
                return False
            self._connection.rollback()
        except sqlite3.Error as second:
            error = second
        if isinstance(error, sqlite3.Error):
            log.warning("which ids were offered can't be written: %s", error)
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
    """Open a database with our table. Raises sqlite3.Error."""
    # Used by one thread at a time, but not always by the same.
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        marks = tuple(
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        )
        if marks not in {(0, 0), (_APPLICATION, _VERSION)}:
            raise sqlite3.DatabaseError("it is of another version")
        with connection:
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Database of the file index: one table of files, opened and checked."""

import sqlite3
from pathlib import Path
from typing import Final

_APPLICATION: Final = int.from_bytes(b"MSRV", "big")
_VERSION: Final = 9
"""Raise it when the columns or the facts change."""
_TABLE: Final = (
    # Two processes may create it at once.
    "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, "
    # Text: SQLite's integers are too small for times after 2262 and for
    # large inodes.
    "identity TEXT NOT NULL, "
    "sha256 BLOB NOT NULL, crc32 INTEGER NOT NULL, "
    "facts TEXT NOT NULL) WITHOUT ROWID"
)
_COUNT_WRONG: Final = (
    # Reads every page: one that is damaged is noticed, too.
    "SELECT count(*) FROM files WHERE typeof(path) <> 'blob' "
    "OR typeof(identity) <> 'text' OR typeof(sha256) <> 'blob' "
    "OR typeof(crc32) <> 'integer' OR typeof(facts) <> 'text'"
)


class ForeignIndex(Exception):
    """The database isn't an index, or is one of another version."""


def connect_index_database(path: Path | str) -> sqlite3.Connection:
    """Open a database with the table.

    Raises sqlite3.Error and ForeignIndex.
    """
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
            raise ForeignIndex("it is of another program or another version")
        if connection.execute(_COUNT_WRONG).fetchone()[0]:
            raise ForeignIndex("it has values of another type")
        # Entries that a power failure loses are read again from the files.
        connection.execute("PRAGMA synchronous = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def _has_tables(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT count(*) FROM sqlite_master")
    return bool(found.fetchone()[0])

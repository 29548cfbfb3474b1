# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lyrics and credits of tracks: a table of the index, read on demand.

They are not in memory with the other facts: those of 100,000 tracks would
take hundreds of megabytes. The index writes them; pages read those of one
release, by a connection of their own.
"""

import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from msrv.catalog.metadata.track_texts import TrackTexts

log = logging.getLogger(__name__)

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS track_texts (path BLOB PRIMARY KEY, "
    "sha256 BLOB NOT NULL, texts TEXT NOT NULL)"
)
_MAX_PENDING: Final = 5000
"""Entries that wait for a disk that is full."""
_BATCH: Final = 500
_TIMEOUT_SECONDS: Final = 2.0


class TrackTextTable:
    """Table of the texts by path, to write; `save` is atomic."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._pending: dict[str, tuple[bytes, str]] = {}
        connection.execute(_TABLE)

    def add(self, path: str, sha256: bytes, texts_json: str) -> None:
        """Add or replace a file's texts, empty for none."""
        if len(self._pending) < _MAX_PENDING:
            self._pending[path] = sha256, texts_json

    def save(self) -> None:
        """Write what was added. Raises sqlite3.Error."""
        pending = self._pending.items()
        self.remove(path for path, (_, texts) in pending if not texts)
        self._connection.executemany(
            "INSERT OR REPLACE INTO track_texts VALUES (?, ?, ?)",
            [
                (os.fsencode(path), sha256, texts)
                for path, (sha256, texts) in pending
                if texts
            ],
        )

    def clear(self) -> None:
        """Forget what was added, once it is on the disk."""
        self._pending.clear()

    def remove(self, paths: Iterable[str]) -> None:
        """Remove the texts of these files. Raises sqlite3.Error."""
        self._connection.executemany(
            "DELETE FROM track_texts WHERE path = ?",
            [(os.fsencode(path),) for path in paths],
        )


def read_texts(
    index: Path, wanted: Mapping[str, bytes]
) -> dict[str, TrackTexts]:
    """Return the texts of files by path; `wanted` are their SHA-256s.

    Those of a file with other bytes are left out. Blocks. Raises
    sqlite3.Error.
    """
    address = f"{index.absolute().as_uri()}?mode=ro"
    with closing(
        sqlite3.connect(address, timeout=_TIMEOUT_SECONDS, uri=True)
    ) as connection:
        return dict(_read(connection, wanted))


def _read(
    connection: sqlite3.Connection, wanted: Mapping[str, bytes]
) -> Iterator[tuple[str, TrackTexts]]:
    paths = [os.fsencode(path) for path in wanted]
    for first in range(0, len(paths), _BATCH):
        batch = paths[first : first + _BATCH]
        marks = ", ".join("?" * len(batch))
        rows = connection.execute(
            f"SELECT * FROM track_texts WHERE path IN ({marks})",  # noqa: S608 - question marks
            batch,
        )
        for key, sha256, texts_json in rows:
            path = os.fsdecode(key)
            if wanted[path] != sha256:
                continue
            try:
                yield path, TrackTexts.from_facts(json.loads(texts_json))
            except ValueError:
                log.warning("the index has invalid lyrics")

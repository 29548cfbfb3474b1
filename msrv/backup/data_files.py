# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of a data folder that a backup has, and those that it leaves out.

A store records things in an order, and a backup reads them in the same order,
so that nothing falls between two of its parts: a webhook goes from the inbox
to the spool, an event from the spool to the database, and a mail is in the
outbox before its sale is in the spool. What is read twice does no harm, since
every part is idempotent.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Final

from msrv.ledger.errors import SpoolVersionMismatch
from msrv.ledger.segments import SUFFIX, read_records


class Part(Enum):
    """Part of a data folder, by the time at which a backup reads it."""

    INBOX = "inbox"
    SPOOL = "spool"
    OUTBOX = "outbox"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class FileKind:
    """Files of one kind: their paths, as a glob and as a full match.

    A restore overwrites what is `replaceable`, and keeps a copy: a store that
    was started once has such a file without having sold anything.
    """

    part: Part
    glob: str
    pattern: re.Pattern[str]
    replaceable: bool = False


def _kind(part: Part, glob: str, *, replaceable: bool = False) -> FileKind:
    escaped = re.escape(glob).replace(r"\*", r"[A-Za-z0-9._-]*")
    return FileKind(part, glob, re.compile(escaped), replaceable)


FILES: Final = (
    _kind(Part.INBOX, "messages/*.json"),
    _kind(Part.INBOX, "messages/*.damaged"),
    _kind(Part.SPOOL, f"spool/*/*{SUFFIX}"),
    _kind(Part.SPOOL, "spool/set-aside.log"),
    _kind(Part.OUTBOX, "outbox/*.json"),
    _kind(Part.OUTBOX, "outbox/*.damaged"),
    _kind(Part.STATE, "studio/closed"),
    _kind(Part.STATE, "retired_keys.json"),
    _kind(Part.STATE, "newsletter.sealed"),
    _kind(Part.STATE, "configuration.json", replaceable=True),
    _kind(Part.STATE, "return-addresses", replaceable=True),
    _kind(Part.STATE, "revocations", replaceable=True),
)
"""Files that a backup copies. The last good configuration has the text of each
`store.toml` and `release.toml`."""

MARKS: Final = ("outbox/done", "studio/used", "studio/ended")
"""Folders of empty files, whose names and times are all that they state. They
are read last: a mail that is sent meanwhile is in the backup with its mark."""

LEFT_OUT: Final = {
    ".restore": "draft of a restore",
    "acme": "certificates are requested again, and their keys are secret",
    "backups": "earlier backups",
    "cache": "generated again",
    "catalog.stored": "read again from the library",
    "encodings": "encoded again from the library",
    "ids.sqlite3": "read again from the library and the ledger",
    "index.sqlite3": "generated again",
    "ledger.sqlite3": "its rows are in the backup",
    "lock": "lock of the running store",
    "nonce": "only if it is asked for",
    "published": "read again from the bucket",
    "reported-problems.json": "problems are reported again",
    "parsing": "marks of files that crash their parser; generated again",
}
"""Names that a backup leaves out, each with the reason."""

_MARK: Final = re.compile(
    rf"(?:{'|'.join(MARKS)})/[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}"
)


@dataclass(frozen=True, slots=True)
class DataFile:
    """Open file of a data folder: the part of it that a backup copies.

    `events` is the number of events in a segment of the spool.
    """

    path: str
    file: BinaryIO
    size_bytes: int
    modified_at: int
    events: int = 0


def kind_of(path: str) -> FileKind | None:
    """Return the kind of a file by its path in the data folder, or None."""
    if ".." in path or "/." in path:
        return None
    return next((each for each in FILES if each.pattern.fullmatch(path)), None)


def is_mark(path: str) -> bool:
    """Return whether this is the path of a mark in a data folder."""
    return _MARK.fullmatch(path) is not None


def open_files(data: Path, part: Part) -> Iterator[DataFile]:
    """Open each file of a part; each is closed before the next one.

    Files that disappear meanwhile have been processed. Raises OSError.
    """
    for kind in FILES:
        if kind.part is not part:
            continue
        for path in _list(data, kind.glob):
            name = path.relative_to(data).as_posix()
            if path.name.startswith(".") or kind_of(name) is not kind:
                continue  # a draft, or of another kind
            with (
                contextlib.suppress(FileNotFoundError),
                path.open("rb") as (file),
            ):
                yield _measure(path, name, file)


def _list(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the paths that may match a glob, sorted.

    Unlike Path.glob, this raises OSError for a folder that can't be read.
    """
    part, _, rest = pattern.partition("/")
    paths = [folder / part]
    if "*" in part:
        paths = []
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            paths = sorted(folder.iterdir())
    for path in paths:
        if rest:
            yield from _list(path, rest)
        else:
            yield path


def read_marks(data: Path) -> list[tuple[str, int]]:
    """Return the path and the time, in Unix seconds, of each mark.

    Raises OSError.
    """
    found = []
    for folder in MARKS:
        with (
            contextlib.suppress(FileNotFoundError),
            os.scandir(data / folder) as entries,
        ):
            for entry in entries:
                path = f"{folder}/{entry.name}"
                with contextlib.suppress(FileNotFoundError):
                    if is_mark(path):
                        found.append((path, int(entry.stat().st_mtime)))
    return sorted(found)


def unknown_entries(data: Path) -> list[str]:
    """Return the names in a data folder that no table here knows.

    Raises OSError.
    """
    known = {each.glob.partition("/")[0] for each in FILES} | LEFT_OUT.keys()
    known |= {each.partition("/")[0] for each in MARKS}
    return sorted(
        entry.name
        for entry in data.iterdir()
        if entry.name not in known
        and not entry.name.startswith(".")
        and not re.fullmatch(r"\w+\.sqlite3-(?:wal|shm|journal)", entry.name)
    )


def _measure(path: Path, name: str, file: BinaryIO) -> DataFile:
    """Return the file of a path. Raises OSError."""
    status = os.fstat(file.fileno())
    size, events = status.st_size, 0
    if name.endswith(SUFFIX) and path.parent.parent.name == "spool":
        # Without the allocated space, and without a record that is being
        # written. One of another version is copied whole.
        with contextlib.suppress(SpoolVersionMismatch):
            size, events = _written_part(path)
    return DataFile(name, file, size, int(status.st_mtime), events)


def _written_part(path: Path) -> tuple[int, int]:
    """Return the bytes of a segment that hold whole records, and how many.

    Raises SpoolVersionMismatch, and OSError.
    """
    at = events = 0
    while True:
        batch = read_records(path, at)
        at = batch.next_byte
        events += len(batch.events)
        if batch.is_last:
            return at, events

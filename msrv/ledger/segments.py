# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Segments of the spool: their record format, and the writer that syncs them.

A segment starts with a line that states the version of the format. A line for
each event follows: its BLAKE2 digest, a space, JSON, a line feed. After a kill
or a power cut the last line may be torn: it was never acknowledged, and is
skipped. A segment's space is allocated before anything is written to it, so
zeros may follow, and a full disk is reported while there is still space for
the purchases that have started.

Everything here blocks on the disk, and belongs in one thread.
"""

import contextlib
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final

from msrv.display_text import reason_of
from msrv.files import LOCK_NAME, lock_folder, sync_folder
from msrv.ledger.errors import SpoolFailed, SpoolVersionMismatch
from msrv.ledger.events import Event, event_from_json, event_to_json

SEGMENT_BYTES: Final = 1024 * 1024
RESERVE_BYTES: Final = 256 * 1024
"""Space that has to be allocated before money is taken: hundreds of sales."""
SUFFIX: Final = ".log"
HEADER: Final = b"msrv-spool 1\n"
MAX_RECORD_BYTES: Final = 256 * 1024
"""The longest event, a sale of a hundred long titles, is half of this."""
_DIGEST_CHARS: Final = 16


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records read from a part of a segment.

    `next_byte` is the offset at which to continue. `damaged` are whole lines
    whose digest doesn't match. `is_last` is set at the end of the segment.
    """

    events: tuple[Event, ...]
    damaged: tuple[bytes, ...]
    next_byte: int
    is_last: bool


def encode_record(event: Event) -> bytes:
    """Return an event as a line of a segment."""
    text = event_to_json(event)
    return _digest(text) + b" " + text + b"\n"


def decode_record(line: bytes) -> Event:
    """Return the event of a line, with or without its line feed.

    Raises ValueError.
    """
    digest, _, text = line.rstrip(b"\n").partition(b" ")
    if digest != _digest(text):
        raise ValueError("no record: the digest does not match")
    return event_from_json(text)


def read_records(
    path: Path, start: int, stop: int | None = None, *, most: int = 500
) -> RecordBatch:
    """Read up to `most` records of a segment from byte `start`, initially 0.

    `stop` is the end of the data known to be on disk, None for the end of the
    file. Raises SpoolVersionMismatch, and OSError.
    """
    with path.open("rb") as file:
        if not start:
            start = _read_header(path, file)
        file.seek(start)
        events: list[Event] = []
        damaged: list[bytes] = []
        at = start
        is_last = False
        while len(events) + len(damaged) < most:
            if stop is not None and at >= stop:
                is_last = True
                break
            line = file.readline(MAX_RECORD_BYTES)
            if not line.endswith(b"\n") or line.startswith(b"\0"):
                is_last = True
                break
            at += len(line)
            try:
                events.append(decode_record(line))
            except ValueError:
                damaged.append(line)
        return RecordBatch(tuple(events), tuple(damaged), at, is_last)


def _read_header(path: Path, file: BinaryIO) -> int:
    """Return the offset of the first record. Raises SpoolVersionMismatch."""
    found = file.read(len(HEADER))
    if found == HEADER:
        return len(HEADER)
    # The process was killed as it created the file: no event was in it yet.
    if HEADER.startswith(found.rstrip(b"\0")):
        return len(found)
    text = found.partition(b"\n")[0].decode("ascii", "replace")
    raise SpoolVersionMismatch(path, text)


def _digest(text: bytes) -> bytes:
    digest = blake2b(text, digest_size=_DIGEST_CHARS // 2)
    return digest.hexdigest().encode("ascii")


@dataclass(slots=True, eq=False)
class Segment:
    """One file of the spool.

    The first `written_bytes` are on disk, the first `synced_bytes` are in the
    database as well. A closed segment is no longer written to.
    """

    path: Path
    written_bytes: int
    is_closed: bool = False
    synced_bytes: int = 0


class SegmentWriter:
    """Writer of a process's own segments, in a folder of its own in `root`.

    The folder is created when it is needed, and is locked for as long as the
    process lives: a folder whose lock is free is no longer written to.
    """

    def __init__(self, root: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._root = root
        self._segment_bytes = segment_bytes
        self.reserve_bytes = min(RESERVE_BYTES, segment_bytes // 2)
        self._lock: int | None = None
        self._file: int | None = None
        self._segment: Segment | None = None
        self._allocated_bytes = 0
        self._number = 0
        self.folder: Path | None = None
        self.segments: list[Segment] = []

    @property
    def free_bytes(self) -> int:
        """Allocated space that is left in the current segment."""
        if self._file is None or self._segment is None:
            return 0
        return self._allocated_bytes - self._segment.written_bytes

    def reserve(self) -> None:
        """Allocate RESERVE_BYTES, unless they are free. Raises SpoolFailed.

        On failure the space that is left remains for purchases that have
        started.
        """
        if self.free_bytes < self.reserve_bytes:
            self._start_segment(self.reserve_bytes)

    def write(self, data: bytes, *, keep_reserve: bool = False) -> None:
        """Write records, and wait until they are on disk.

        With `keep_reserve` the reserved space stays free. Raises SpoolFailed;
        the records may be on disk or not in that case.
        """
        need_bytes = len(data) + (self.reserve_bytes if keep_reserve else 0)
        if self.free_bytes < need_bytes:
            self._start_segment(need_bytes)
        segment, file = self._segment, self._file
        assert segment is not None  # noqa: S101 - it has free space
        assert file is not None  # noqa: S101 - as above
        try:
            _write_all(file, data, segment.written_bytes)
            os.fdatasync(file)
        except OSError as error:
            # After a failed sync the kernel may consider the pages clean:
            # the next records go to another file.
            self.close_segment()
            raise SpoolFailed(_message(self._root, error)) from error
        segment.written_bytes += len(data)

    def close_segment(self) -> None:
        """Close the current segment, and free the space that it didn't need.

        The next record starts a new segment.
        """
        if self._file is None or self._segment is None:
            return
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self._segment.written_bytes)
        with contextlib.suppress(OSError):
            os.close(self._file)
        self._segment.is_closed = True
        self._file, self._segment = None, None

    def delete_segment(self, segment: Segment) -> None:
        """Delete a closed segment whose events are in the database."""
        with contextlib.suppress(ValueError):
            self.segments.remove(segment)
        segment.path.unlink(missing_ok=True)

    def remove_folder(self) -> None:
        """Remove the folder, unless segments are left in it."""
        if self.folder is not None and not self.segments:
            with contextlib.suppress(OSError):
                (self.folder / LOCK_NAME).unlink(missing_ok=True)
                self.folder.rmdir()

    def close(self) -> None:
        """Stop writing. Segments stay until their events are synced."""
        self.close_segment()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _start_segment(self, need_bytes: int) -> None:
        """Continue in a new segment, or in the current one emptied.

        Raises SpoolFailed, and continues in the current one.
        """
        try:
            folder = self._own_folder()
            self._number += 1
            path = folder / f"{self._number:08d}{SUFFIX}"
            size = max(self._segment_bytes, len(HEADER) + need_bytes)
            file = _allocate(path, size)
            sync_folder(folder)
        except OSError as error:
            if self._empty_segment(need_bytes):
                return
            raise SpoolFailed(_message(self._root, error)) from error
        self.close_segment()
        self._file, self._allocated_bytes = file, size
        # The header is no event, so nothing waits for the database yet.
        self._segment = Segment(path, len(HEADER), synced_bytes=len(HEADER))
        self.segments.append(self._segment)

    def _empty_segment(self, need_bytes: int) -> bool:
        """Empty the current segment if all of it is in the database.

        Return whether it has that space then. It is overwritten and not
        deleted: on a full disk, others would use the space at once.
        """
        segment, file = self._segment, self._file
        if segment is None or file is None:
            return False
        start, stop = len(HEADER), segment.written_bytes
        if (
            segment.synced_bytes < stop
            or self._allocated_bytes - start < need_bytes
        ):
            return False
        try:
            # Readers stop at a zero, so what follows it is no record again.
            _write_all(file, bytes(stop - start), start)
            os.fdatasync(file)
        except OSError:
            # Zeros may precede its end: no record may be written there.
            self.close_segment()
            return False
        # Another object: the sync may hold the old one, with its old end.
        self._segment = Segment(segment.path, start, synced_bytes=start)
        self.segments[self.segments.index(segment)] = self._segment
        return True

    def _own_folder(self) -> Path:
        if self.folder is not None:
            return self.folder
        self._root.mkdir(parents=True, exist_ok=True)
        # Created and locked under a hidden name, so that the final name never
        # exists without its lock.
        name = f"{time.time_ns() // 1_000_000:013d}-{secrets.token_hex(4)}"
        draft, folder = self._root / f".{name}", self._root / name
        draft.mkdir(mode=0o700)
        held = lock_folder(draft)
        assert held is not None  # noqa: S101 - the name is random
        try:
            draft.rename(folder)
            sync_folder(self._root)
        except OSError:
            # The next try has another name: nothing of this one may stay.
            for each in draft, folder:
                shutil.rmtree(each, ignore_errors=True)
            os.close(held)
            raise
        self._lock, self.folder = held, folder
        return folder


def _allocate(path: Path, size: int) -> int:
    """Create a segment with its header, and allocate its space on disk."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, size)
        else:  # macOS
            _write_all(file, b"\0" * size, 0)
        _write_all(file, HEADER, 0)
        os.fsync(file)
    except OSError:
        os.close(file)
        path.unlink(missing_ok=True)
        raise
    return file


def _write_all(file: int, data: bytes, at: int) -> None:
    left = memoryview(data)
    while left:
        count = os.pwrite(file, left, at)
        left, at = left[count:], at + count


def _message(root: Path, error: OSError) -> str:
    return f"MSRV_DATA: can't write to {root}: {reason_of(error)}"

"""Writing lines to the disk, so that they are there after a power cut.

All of this is for one thread: it waits for the disk. A segment's room is
allocated before anything is written to it, so that a disk that is full says
so while there is still room for what has begun.
"""

import contextlib
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msrv.files import LOCK_NAME, lock_folder, sync_folder
from msrv.ledger.errors import SpoolFailed
from msrv.ledger.records import HEADER

SEGMENT_BYTES: Final = 1024 * 1024
RESERVE_BYTES: Final = 256 * 1024
"""Room that has to be there before money is taken: hundreds of sales."""
SUFFIX: Final = ".log"


@dataclass(slots=True, eq=False)
class Segment:
    """One file of the spool.

    What is before `stop` is on the disk; what is before `posted` is in the
    database as well.
    """

    path: Path
    stop: int
    is_closed: bool = False
    posted: int = 0


class Pen:
    """Writes to a folder of its own under `root`, made at the first need.

    The folder is locked for as long as the process lives: a folder that can
    be locked by another is one that nobody writes to any more.
    """

    def __init__(self, root: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._root = root
        self._segment_bytes = segment_bytes
        self._lock: int | None = None
        self._file: int | None = None
        self._segment: Segment | None = None
        self._end = 0
        self._number = 0
        self.folder: Path | None = None
        self.segments: list[Segment] = []

    @property
    def room_bytes(self) -> int:
        """What can be written without asking the disk for more."""
        if self._file is None or self._segment is None:
            return 0
        return self._end - self._segment.stop

    def reserve(self) -> None:
        """See to it that there is RESERVE_BYTES of room. Raises SpoolFailed.

        Where it fails, the room that is left stays for what has begun.
        """
        if self.room_bytes < min(RESERVE_BYTES, self._segment_bytes // 2):
            self._take_next(0)

    def write(self, data: bytes) -> None:
        """Write lines and wait until they are on the disk.

        Raises SpoolFailed; then they may be there or not.
        """
        if self.room_bytes < len(data):
            self._take_next(len(data))
        segment, file = self._segment, self._file
        assert segment is not None  # noqa: S101 - there is room in it
        assert file is not None  # noqa: S101 - as above
        try:
            _write_all(file, data, segment.stop)
            os.fdatasync(file)
        except OSError as error:
            # After a failed sync the kernel may believe that it is clean:
            # what comes next goes into another file.
            self._leave()
            raise SpoolFailed(_sentence(self._root, error)) from error
        segment.stop += len(data)

    def close(self) -> None:
        """End; what was written stays, until it is posted."""
        self._leave()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def forget(self, segment: Segment) -> None:
        """Delete a segment that is closed, and is in the database."""
        with contextlib.suppress(ValueError):
            self.segments.remove(segment)
        segment.path.unlink(missing_ok=True)

    def turn_over(self) -> None:
        """Close the segment that is written to, so that it can go."""
        self._leave()

    def remove(self) -> None:
        """Remove the folder, where nothing is left in it."""
        if self.folder is not None and not self.segments:
            with contextlib.suppress(OSError):
                (self.folder / LOCK_NAME).unlink(missing_ok=True)
                self.folder.rmdir()

    def _take_next(self, need_bytes: int) -> None:
        """Go on in a new segment. Raises SpoolFailed, and stays put."""
        try:
            folder = self._own_folder()
            self._number += 1
            path = folder / f"{self._number:08d}{SUFFIX}"
            size = max(self._segment_bytes, len(HEADER) + need_bytes)
            file = _allocate(path, size)
            sync_folder(folder)
        except OSError as error:
            raise SpoolFailed(_sentence(self._root, error)) from error
        self._leave()
        self._file, self._end = file, size
        self._segment = Segment(path, len(HEADER))
        self.segments.append(self._segment)

    def _own_folder(self) -> Path:
        if self.folder is not None:
            return self.folder
        self._root.mkdir(parents=True, exist_ok=True)
        # Made and locked under another name: under its own it is never seen
        # without its lock.
        name = f"{time.time_ns() // 1_000_000:013d}-{secrets.token_hex(4)}"
        draft = self._root / f".{name}"
        draft.mkdir(mode=0o700)
        held = lock_folder(draft)
        assert held is not None  # noqa: S101 - nobody else knows of it
        draft.rename(self._root / name)
        sync_folder(self._root)
        self._lock, self.folder = held, self._root / name
        return self.folder

    def _leave(self) -> None:
        """Close the segment, and give back the room that it didn't need."""
        if self._file is None or self._segment is None:
            return
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self._segment.stop)
        with contextlib.suppress(OSError):
            os.close(self._file)
        self._segment.is_closed = True
        self._file, self._segment = None, None


def _allocate(path: Path, size: int) -> int:
    """Make a segment with its first line, and all its room on the disk."""
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


def _sentence(root: Path, error: OSError) -> str:
    return f"MSRV_DATA: can't write to {root}: {error.strerror}"

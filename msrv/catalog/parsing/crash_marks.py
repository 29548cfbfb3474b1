# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Marks of files that crashed their parser, so that none does so repeatedly.

Each file is marked as in progress before it is parsed. If such a mark
outlives its process, the store ended meanwhile: killed, out of memory, or
with the machine. Such a file, like one whose parser was killed from outside
or timed out, may be harmless: it is retried after ten minutes, then after a
day, then never. A file that makes its parser crash is not retried. Marks
name the content (SHA-256) and the parsers' versions, so that a replaced file
and a new version of a parser are tried.
"""

import contextlib
import fcntl
import json
import logging
import mmap
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from msrv.display_text import reason_of
from msrv.files import write_file

log = logging.getLogger(__name__)

FOLDER_NAME: Final = "parsing"
"""Name of the folder, in the data folder."""
RETRY_SECONDS: Final = (600.0, 86_400.0)
"""Delays before a retry, after one and two crashes that may be chance."""
_IN_PROGRESS: Final = "now-"
_NOTHING: Final = b" " * 64
_RECIPE: Final = 1
"""Increase it when parsing changes, so that all files are retried."""


@dataclass(frozen=True, slots=True)
class CrashMark:
    """Reason why a file isn't parsed.

    `reason` is a half-sentence about the file, for the operator. `retry_at`
    is in Unix seconds, None for never.
    """

    reason: str
    retry_at: float | None
    tries: int


def parser_versions() -> str:
    """Return the versions of the parsers of covers and tags."""
    versions = (metadata.version(name) for name in ("pillow", "mutagen"))
    return " ".join((str(_RECIPE), *versions))


class CrashMarks:
    """Marks in a folder of their own, or in memory if that is None.

    `versions` returns the parsers' versions: marks of others don't count.
    Several processes may share the folder. Not thread-safe.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        versions: Callable[[], str] = parser_versions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._versions = versions
        self._clock = clock
        self._in_memory: dict[bytes, CrashMark] = {}
        self._in_progress: mmap.mmap | None = None
        self._lock: int | None = None
        self._path: Path | None = None
        self._is_open = False
        self._retry_at: float | None = None

    def find(self, sha256: bytes) -> CrashMark | None:
        """Return the mark that prevents parsing a file now, or None."""
        self._open()
        mark = self._load(sha256)
        if mark is None or mark.retry_at is None:
            return mark
        if mark.retry_at <= self._clock():
            return None
        if self._retry_at is None or mark.retry_at < self._retry_at:
            self._retry_at = mark.retry_at
        return mark

    def is_retry_due(self) -> bool:
        """Return whether a file may be retried by now; True only once.

        Among the files for which `find` returned a mark.
        """
        due = self._retry_at is not None and self._retry_at <= self._clock()
        if due:
            self._retry_at = None
        return due

    @contextlib.contextmanager
    def parsing(self, sha256: bytes) -> Iterator[None]:
        """Mark a file as being parsed during the block."""
        self._open()
        self._write(sha256.hex().encode("ascii"))
        try:
            yield
        finally:
            self._write(_NOTHING)

    def record(
        self, sha256: bytes, reason: str, *, by_chance: bool
    ) -> CrashMark:
        """Mark a file that has crashed its parser, and return the mark.

        `by_chance` is True if the file may not be the cause.
        """
        before = self._load(sha256)
        tries = 1 + (before.tries if before else 0)
        again = by_chance and tries <= len(RETRY_SECONDS)
        mark = CrashMark(
            reason,
            self._clock() + RETRY_SECONDS[tries - 1] if again else None,
            tries,
        )
        self._in_memory[sha256] = mark
        if self._folder is not None:
            data = {
                "reason": reason,
                "retry_at": mark.retry_at,
                "tries": tries,
                "versions": self._versions(),
            }
            with self._log_errors("a mark can't be kept"):
                self._folder.mkdir(parents=True, exist_ok=True)
                write_file(
                    self._folder / sha256.hex(),
                    json.dumps(data).encode(),
                    # A file that is tried once more makes the mark again.
                    durable_name=False,
                )
        return mark

    def clear(self, sha256: bytes) -> None:
        """Remove the mark of a file that was parsed after all."""
        mark = self._in_memory.pop(sha256, None)
        if mark is not None and self._folder is not None:
            with self._log_errors("a mark can't be removed"):
                (self._folder / sha256.hex()).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove this process's in-progress mark."""
        if self._path is not None:
            with self._log_errors("a mark can't be removed"):
                self._path.unlink(missing_ok=True)
        if self._in_progress is not None:
            self._in_progress.close()
        if self._lock is not None:
            os.close(self._lock)
        self._in_progress = self._lock = self._path = None
        self._is_open = False

    def _load(self, sha256: bytes) -> CrashMark | None:
        if self._folder is not None:
            mark = self._read(self._folder / sha256.hex())
            if mark is not None:
                self._in_memory[sha256] = mark
                return mark
        return self._in_memory.get(sha256)

    def _open(self) -> None:
        """Open the folder: record ended processes' files, start a mark."""
        if self._is_open or self._folder is None:
            return
        self._is_open = True
        with self._log_errors(
            "files that stop a parser are tried at each start"
        ):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._adopt_orphans(self._folder)
            self._start(self._folder)

    def _start(self, folder: Path) -> None:
        token = secrets.token_hex(8)
        draft = folder / f".{token}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(draft, flags, 0o600)
        try:
            # The lock shows that this process lives. The space is allocated
            # now, so that a full disk can't prevent a mark later.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.pwrite(descriptor, _NOTHING, 0)
            # Writes to the mapping survive this process, however it ends,
            # and need no system call.
            page = mmap.mmap(descriptor, len(_NOTHING))
            path = folder / f"{_IN_PROGRESS}{token}"
            draft.rename(path)
        except BaseException:
            os.close(descriptor)
            draft.unlink(missing_ok=True)
            raise
        self._in_progress, self._lock, self._path = page, descriptor, path

    def _adopt_orphans(self, folder: Path) -> None:
        for path in sorted(folder.glob(f"{_IN_PROGRESS}*")):
            with contextlib.suppress(FileNotFoundError), path.open("rb") as f:
                try:
                    fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue  # its process lives
                content = f.read(len(_NOTHING))
                path.unlink()
                with contextlib.suppress(ValueError):
                    if sha256 := bytes.fromhex(content.decode("ascii")):
                        self.record(
                            sha256,
                            "was being read when the store was killed",
                            by_chance=True,
                        )

    def _write(self, what: bytes) -> None:
        if self._in_progress is not None:
            self._in_progress[:] = what

    @contextlib.contextmanager
    def _log_errors(self, what: str) -> Iterator[None]:
        """Log an OSError; marks are in memory as well."""
        try:
            yield
        except OSError as error:
            log.warning("%s: %s: %s", what, self._folder, reason_of(error))

    def _read(self, path: Path) -> CrashMark | None:
        """Return a file's mark, or None if it has none for these versions."""
        try:
            content: dict[str, Any] = json.loads(path.read_bytes())
            retry_at = content["retry_at"]
            if content["versions"] != self._versions():
                return None
            return CrashMark(
                str(content["reason"]),
                None if retry_at is None else float(retry_at),
                int(content["tries"]),
            )
        except (OSError, ValueError, LookupError, TypeError):
            return None

"""The outbox: a file for each letter, there until the letter has gone.

All of this waits for the disk, and is for a thread. Several processes may
share the folder: a letter is put there whole or not at all, and one process
at a time is the postman, who holds the lock.
"""

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msrv.files import lock_folder, sync_folder, write_file
from msrv.mail.receipt_mail import Letter, is_letter_id

log = logging.getLogger(__name__)

FOLDER_NAME: Final = "outbox"
DONE_DAYS: Final = 30
"""How long it is known that an order's mail has gone. No payment provider
tells of a payment later than that."""
_SUFFIX: Final = ".json"
_DONE: Final = "done"
_DAMAGED: Final = ".damaged"
DAMAGED_DAYS: Final = 30
"""Time for which an unreadable letter is kept: it may hold an address."""
_DRAFT_SECONDS: Final = 3600
_DAY_SECONDS: Final = 86_400


class Outbox:
    """Letters in a folder. What raises, raises OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, letter: Letter) -> bool:
        """Write a letter down; it is on the disk when this returns.

        Does nothing, and says False, where there is or was one of its id.
        """
        done = self.folder / _DONE
        done.mkdir(parents=True, exist_ok=True)
        path = self._path(letter.letter_id)
        if path.exists() or (done / letter.letter_id).exists():
            return False
        return write_file(path, letter.to_json(), overwrite=False)

    def waiting(self) -> list[str]:
        """Name the letters that wait, the oldest first."""
        with contextlib.suppress(FileNotFoundError):
            found = [
                (each.stat().st_mtime_ns, each.name.removesuffix(_SUFFIX))
                for each in os.scandir(self.folder)
                if each.name.endswith(_SUFFIX)
            ]
            return [name for _, name in sorted(found) if is_letter_id(name)]
        return []

    def read(self, letter_id: str) -> Letter | None:
        """Read a letter; None where it has gone, or can't be read.

        What can't be read is kept under another name, for DAMAGED_DAYS.
        """
        path = self._path(letter_id)
        if self._is_done(letter_id):
            # It was sent, and its process ended before it was deleted.
            path.unlink(missing_ok=True)
            return None
        try:
            return Letter.from_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            aside = path.with_suffix(_DAMAGED)
            path.rename(aside)
            log.error("mail: can't read a letter; it is %s now", aside)  # noqa: TRY400 - says it all
            return None

    def done(self, letter_id: str) -> None:
        """Delete a letter, and remember that it is done with."""
        mark = self.folder / _DONE / letter_id
        mark.touch()
        sync_folder(mark.parent)
        self._path(letter_id).unlink(missing_ok=True)
        sync_folder(self.folder)

    def tidy(self, now: float) -> None:
        """Delete what was done or damaged long ago, or never finished."""
        for each in _files(self.folder / _DONE):
            if now - each.stat().st_mtime > DONE_DAYS * _DAY_SECONDS:
                each.unlink(missing_ok=True)
        for each in _files(self.folder):
            if each.name.startswith(".") and (
                time.time() - each.stat().st_mtime > _DRAFT_SECONDS
            ):
                each.unlink(missing_ok=True)
            elif each.name.endswith(_DAMAGED) and (
                now - each.stat().st_mtime > DAMAGED_DAYS * _DAY_SECONDS
            ):
                each.unlink(missing_ok=True)
                log.warning("mail: deleted %s, which can't be read", each.name)

    def lock(self) -> int | None:
        """Become the postman: what to close to stop; None if another is."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return lock_folder(self.folder)

    def _path(self, letter_id: str) -> Path:
        return self.folder / f"{letter_id}{_SUFFIX}"

    def _is_done(self, letter_id: str) -> bool:
        return (self.folder / _DONE / letter_id).exists()


def _files(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        for each in sorted(folder.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                if each.is_file():
                    yield each

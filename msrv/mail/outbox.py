# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mail outbox: one file for each mail, until the mail has been sent.

Every method blocks on the disk, and is meant for a thread. Several processes
may share the folder: a mail is added atomically, and only the process that
holds the lock sends.
"""

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msrv.files import give_to_owner, lock_folder, sync_folder, write_file
from msrv.mail.rendering import Mail, is_id, parse_mail

log = logging.getLogger(__name__)

FOLDER_NAME: Final = "outbox"
DONE_DAYS: Final = 30
"""Time for which the ids of sent mails are remembered. No payment provider
reports a payment later than that."""
DAMAGED_DAYS: Final = 30
"""Time for which an unreadable mail is kept: it may hold an address."""
_SUFFIX: Final = ".json"
_DONE: Final = "done"
_PROBE: Final = ".probe"
DAMAGED: Final = ".damaged"
"""End of the name of a mail that can't be read."""
_DRAFT_SECONDS: Final = 3600
_BULK_SECONDS: Final = 7 * 86_400
"""Longer than any mail waits; see `Outbox.add`."""
_DAY_SECONDS: Final = 86_400


class Outbox:
    """Mails in a folder. All methods raise OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._unmarked: set[str] = set()

    def add(self, mail: Mail, *, is_bulk: bool = False) -> bool:
        """Store a mail; it is on the disk when this returns.

        Return False, and do nothing, for an id that is or was in the outbox.
        One of many, which nobody waits for, `is_bulk`: those that buyers wait
        for are sent first.
        """
        done = self.folder / _DONE
        done.mkdir(parents=True, exist_ok=True)
        path = self._path(mail.mail_id)
        is_known = path.exists() or (done / mail.mail_id).exists()
        is_new = not is_known and write_file(
            path, mail.to_json(), overwrite=False
        )
        if is_new and is_bulk:
            # The order of sending is that of the files' times.
            later = time.time() + _BULK_SECONDS
            with contextlib.suppress(FileNotFoundError):  # sent already
                os.utime(path, (later, later))
        for each in (self.folder, done, path):
            # Sent already, or root may not: a container without that right.
            with contextlib.suppress(FileNotFoundError, PermissionError):
                give_to_owner(self.folder.parent, each)
        return is_new

    def pending(self) -> list[str]:
        """Return the ids of the mails to be sent, the oldest first.

        Those that were added in bulk are the last.
        """
        with (
            contextlib.suppress(FileNotFoundError),
            os.scandir(self.folder) as entries,
        ):
            found = [
                (each.stat().st_mtime_ns, each.name.removesuffix(_SUFFIX))
                for each in entries
                if each.name.endswith(_SUFFIX)
            ]
            return [name for _, name in sorted(found) if is_id(name)]
        return []

    def read(self, mail_id: str) -> Mail | None:
        """Return a mail, None if it is gone or can't be read.

        An unreadable file is renamed, and kept for DAMAGED_DAYS.
        """
        path = self._path(mail_id)
        if self._is_done(mail_id):
            # It was sent, and the process ended before it was deleted.
            path.unlink(missing_ok=True)
            return None
        try:
            return parse_mail(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            aside = path.with_suffix(DAMAGED)
            path.rename(aside)
            aside.touch()  # it is kept from now on
            log.error("mail: unreadable mail renamed to %s", aside)  # noqa: TRY400 - the message says it all
            return None

    def mark_done(self, mail_id: str) -> None:
        """Delete a mail, and remember that it is not to be sent again.

        Where that fails, this process remembers it for `mark_rest`.
        """
        self._unmarked.add(mail_id)
        self._mark(mail_id)
        self._unmarked.discard(mail_id)
        self._path(mail_id).unlink(missing_ok=True)
        sync_folder(self.folder)

    def mark_rest(self) -> None:
        """Mark the mails for which `mark_done` failed."""
        for each in sorted(self._unmarked):
            self.mark_done(each)

    def require_marks(self) -> None:
        """Raise OSError if no mail could be marked as done."""
        probe = self.folder / _DONE / _PROBE
        probe.parent.mkdir(exist_ok=True)
        probe.unlink(missing_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()

    def remove_old(self, now: float) -> None:
        """Delete old marks and unreadable mails, and abandoned drafts."""
        for each in _files(self.folder / _DONE):
            if now - each.stat().st_mtime > DONE_DAYS * _DAY_SECONDS:
                each.unlink(missing_ok=True)
        for each in _files(self.folder):
            if each.name.startswith(".") and (
                time.time() - each.stat().st_mtime > _DRAFT_SECONDS
            ):
                each.unlink(missing_ok=True)
            elif each.name.endswith(DAMAGED) and (
                now - each.stat().st_mtime > DAMAGED_DAYS * _DAY_SECONDS
            ):
                each.unlink(missing_ok=True)
                log.warning("mail: deleted unreadable %s", each.name)

    def lock(self) -> int | None:
        """Return the lock, None while another process holds it.

        It is a file descriptor: closing it releases the lock.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        return lock_folder(self.folder)

    def _mark(self, mail_id: str) -> None:
        mark = self.folder / _DONE / mail_id
        mark.parent.mkdir(exist_ok=True)
        mark.touch()
        sync_folder(mark.parent)

    def _path(self, mail_id: str) -> Path:
        return self.folder / f"{mail_id}{_SUFFIX}"

    def _is_done(self, mail_id: str) -> bool:
        return (self.folder / _DONE / mail_id).exists()


def _files(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(FileNotFoundError):
        for each in sorted(folder.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                if each.is_file():
                    yield each

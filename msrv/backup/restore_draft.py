# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Draft of a restore: the files of a backup, until they have their places.

The draft is in the data folder itself, so that a rename is enough to move a
file from it, and that stores see an unfinished restore. Everything here
blocks on the disk, and raises OSError.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from msrv.backup.archive import Member
from msrv.backup.data_files import Part, is_mark, kind_of
from msrv.backup.errors import BackupError, DamagedBackup
from msrv.backup.manifest import Manifest
from msrv.backup.writer import SETTINGS_NAME
from msrv.files import LOCK_NAME, give_to_owner, sync_folder, write_file
from msrv.ledger.db.database import FILE_NAME as LEDGER_NAME
from msrv.storage.data_folder import DRAFT_NAME, MOVED_NAME

RESTORED_NAME: Final = "restored"
"""Folder in the data folder for what a store doesn't read: the settings."""
NONCE_NAME: Final = "nonce"
PREVIOUS_NAME: Final = "nonce_previous"
_KEPT_SUFFIX: Final = ".before-restore"
_FILES_NAME: Final = "files"
_SECRETS: Final = "secrets/"
_REMOVED_NAME: Final = f"{DRAFT_NAME}-removed"


@dataclass(slots=True)
class RestoreResult:
    """Result of a restore: numbers of rows by table, and files.

    `kept` are copies of files that were replaced. The paths are None for what
    the backup doesn't have.
    """

    rows: dict[str, int] = field(default_factory=dict)
    kept: list[Path] = field(default_factory=list)
    settings: Path | None = None
    nonce: Path | None = None
    nonce_previous: Path | None = None


class Draft:
    """Draft in a data folder. Without `with_mail`, no mail is queued."""

    def __init__(self, data: Path, *, with_mail: bool) -> None:
        self._data = data
        self._with_mail = with_mail
        self._marks: dict[str, int] = {}
        self._folders: set[Path] = set()
        self.folder = data / DRAFT_NAME
        self._files = self.folder / _FILES_NAME

    def start(self) -> None:
        """Create an empty draft, which keeps stores from starting."""
        with contextlib.suppress(FileNotFoundError):
            self.remove()
        self.folder.mkdir(mode=0o700)
        self._files.mkdir(mode=0o700)

    def remove(self) -> None:
        """Delete the draft: the restore has finished, or changed nothing."""
        # At once: a part of it would keep stores from starting.
        old = self._data / _REMOVED_NAME
        shutil.rmtree(old, ignore_errors=True)
        self.folder.rename(old)
        shutil.rmtree(old)

    @property
    def moved_id(self) -> str | None:
        """Id of the backup whose files are being moved, or were."""
        with contextlib.suppress(FileNotFoundError):
            return (self.folder / MOVED_NAME).read_text("ascii")
        return None

    @property
    def has_ledger(self) -> bool:
        """True while a database file is still to be moved."""
        return (self.folder / LEDGER_NAME).exists()

    def conflicts(self, manifest: Manifest) -> list[str]:
        """Return a sentence for each existing file that would be lost."""
        reasons = []
        for name, digest in manifest.members.items():
            path = self._place_of(name)
            if path is None or not path.exists() or _is_replaceable(name):
                continue
            if name.startswith(_SECRETS):
                # A store writes a line end after it.
                found = hashlib.sha256(path.read_bytes().strip())
            else:
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256")
            if found.hexdigest() != digest.sha256:
                reasons.append(f"{path} is not the backup's: move it away")
        return reasons

    def write(self, member: Member) -> None:
        """Write a file of the backup. Raises DamagedBackup."""
        if member.name.startswith("marks/"):
            self._marks |= _parse_marks(member.read())
            return
        path = self._place_of(member.name)
        if path is None:
            return  # the archive's header
        draft = self._files / path.relative_to(self._data)
        draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with draft.open("xb") as file:
            for piece in member.pieces():
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o600)
        os.utime(draft, (member.modified_at, member.modified_at))

    def complete_ledger(self) -> None:
        """Write the write-ahead log of the closed database into its file.

        Closing a database does so too, but says nothing if the disk is full:
        the rows would stay in the log, which isn't moved. Raises BackupError.
        """
        draft = self.folder / LEDGER_NAME
        try:
            with contextlib.closing(
                sqlite3.connect(draft, timeout=0)
            ) as connection:
                # The file is synced before the log is deleted.
                (mode,) = connection.execute(
                    "PRAGMA journal_mode = DELETE"
                ).fetchone()
        except sqlite3.Error as error:
            raise BackupError(f"can't write {draft}: {error}") from error
        if mode != "delete":
            raise BackupError(f"can't write {draft}: it is still in use")

    def move_files(self, moved_id: str, done: RestoreResult) -> None:
        """Move the files to their places, and add them to the result."""
        write_file(self.folder / MOVED_NAME, moved_id.encode("ascii"))
        self._give_to_owner(self._data / LOCK_NAME, *self.folder.rglob("*"))
        for path in sorted(self._files.rglob("*")):
            if path.is_dir():
                continue
            name = path.relative_to(self._files).as_posix()
            place = self._data / name
            self._make_folders(name)
            if place.exists() and not _is_same(place, path):
                kept = place.with_name(place.name + _KEPT_SUFFIX)
                place.rename(kept)
                done.kept.append(kept)
            path.replace(place)
            if name == NONCE_NAME:
                done.nonce = place
            elif name == f"{RESTORED_NAME}/{PREVIOUS_NAME}":
                done.nonce_previous = place
            elif name == f"{RESTORED_NAME}/{SETTINGS_NAME}":
                done.settings = place
            self._folders.add(place.parent)
        self._create_marks()
        for folder in self._folders:
            sync_folder(folder)

    def move_ledger(self) -> None:
        """Replace the database file, which is missing or empty."""
        place = self._data / LEDGER_NAME
        for end in ("-wal", "-shm"):
            Path(f"{place}{end}").unlink(missing_ok=True)
        draft = self.folder / LEDGER_NAME
        draft.chmod(0o600)
        draft.replace(place)
        sync_folder(self._data)

    def _make_folders(self, name: str) -> None:
        """Create the private folders of a path in the data folder."""
        for each in reversed(Path(name).parents):
            folder = self._data / each
            if not folder.exists():
                folder.mkdir(mode=0o700)
                self._give_to_owner(folder)
                self._folders.add(folder.parent)

    def _create_marks(self) -> None:
        for name, at in self._marks.items():
            mark = self._data / name
            self._make_folders(name)
            self._folders.add(mark.parent)
            if not mark.exists():
                mark.touch(mode=0o600)
                os.utime(mark, (at, at))
                self._give_to_owner(mark)

    def _give_to_owner(self, *paths: Path) -> None:
        """Change the owner of what root created to the store's user."""
        give_to_owner(self._data, *paths)

    def _place_of(self, name: str) -> Path | None:
        """Return the path of a member in the data folder, None without."""
        if name.startswith("data/"):
            path = name.removeprefix("data/")
            kind = kind_of(path)
            is_mail = kind is not None and kind.part is Part.OUTBOX
            if is_mail and not self._with_mail:
                return self._data / RESTORED_NAME / path
            return self._data / path
        places = {
            f"{_SECRETS}NONCE": NONCE_NAME,
            f"{_SECRETS}NONCE_PREVIOUS": f"{RESTORED_NAME}/{PREVIOUS_NAME}",
            SETTINGS_NAME: f"{RESTORED_NAME}/{SETTINGS_NAME}",
        }
        return self._data / places[name] if name in places else None


def _is_same(first: Path, second: Path) -> bool:
    """Return whether two files differ in nothing but outer white space."""
    return first.read_bytes().strip() == second.read_bytes().strip()


def _is_replaceable(name: str) -> bool:
    """Return whether a member replaces another file, which is kept."""
    kind = kind_of(name.removeprefix("data/"))
    return name == SETTINGS_NAME or (kind is not None and kind.replaceable)


def _parse_marks(text: bytes) -> dict[str, int]:
    """Return the times of marks, by path. Raises DamagedBackup."""
    found = {}
    for line in text.splitlines():
        try:
            name, at = json.loads(line)
            if not is_mark(name) or type(at) is not int or not 0 <= at < 2**40:
                raise ValueError(name)
        except (ValueError, TypeError, RecursionError) as error:
            raise DamagedBackup("the backup has an invalid mark") from error
        found[name] = at
    return found

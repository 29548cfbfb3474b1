# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Reader of backups: opens a file, decrypts it, and verifies all of it.

A backup is verified from beginning to end before anything is written because
of it, and again while it is restored: a file may change in between.
"""

import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from msrv.backup import encryption
from msrv.backup.archive import (
    HEADER_NAME,
    MANIFEST_NAME,
    Member,
    read_members,
)
from msrv.backup.data_files import kind_of
from msrv.backup.errors import (
    BackupError,
    BackupTooNew,
    CannotDecrypt,
    DamagedBackup,
)
from msrv.backup.manifest import (
    Manifest,
    MemberDigest,
    check_header,
    parse_manifest,
)
from msrv.backup.writer import NAMES, PREFIX, SETTINGS_NAME
from msrv.display_text import reason_of
from msrv.ledger.db.schema import metadata
from msrv.ledger.db.schema_upgrade import HEAD, REVISIONS
from msrv.text_table import plural

_GZIP: Final = b"\x1f\x8b"
_CHUNK: Final = re.compile(r"(?:ledger/([a-z_]+)|marks)/[0-9]{6}\.jsonl")
_MAX_HEADER_BYTES: Final = 1000
_SECRET: Final = re.compile(r"secrets/NONCE(?:_PREVIOUS)?")


@dataclass(frozen=True, slots=True)
class BackupFile:
    """File of a backup, and the identities that decrypt it."""

    path: Path
    identities: Sequence[Any] = ()

    def verify(self, progress: Callable[[str], None]) -> Manifest:
        """Read all of it, and return its manifest.

        Raises BackupError.
        """
        found: dict[str, MemberDigest] = {}
        manifest = None
        with self._members() as members:
            for member in members:
                if member.name == MANIFEST_NAME:
                    manifest = parse_manifest(member.read())
                    continue
                if not found:
                    _check_first(member, self.path)
                elif not is_expected(member.name) or member.name in found:
                    raise DamagedBackup(
                        f"the backup has {member.name}, which no backup has"
                    )
                found[member.name] = member.digest()
                progress(f"verifying: {plural(len(found), 'file')}")
        if manifest is None or found != manifest.members:
            raise DamagedBackup("the backup is not what its manifest states")
        if manifest.revision not in REVISIONS:
            raise BackupTooNew(
                f"the backup's tables are at revision {manifest.revision}, "
                f"and this version supports them up to {HEAD}: restore it "
                "with the newer version that made it"
            )
        return manifest

    def members(self, manifest: Manifest) -> Iterator[Member]:
        """Yield the members of a backup that was verified.

        Each is verified again once it has been read. Raises BackupError.
        """
        with self._members() as members:
            for member in members:
                if member.name == MANIFEST_NAME:
                    continue
                yield member
                if member.digest() != manifest.members.get(member.name):
                    raise DamagedBackup(
                        f"{self.path} changed while it was read"
                    )

    @contextlib.contextmanager
    def _members(self) -> Iterator[Iterator[Member]]:
        try:
            with self.path.open("rb") as file, self._decrypt(file) as data:
                yield read_members(data)
        except OSError as error:
            raise BackupError(
                f"can't read {self.path}: {reason_of(error)}"
            ) from error

    @contextlib.contextmanager
    def _decrypt(self, file: BinaryIO) -> Iterator[BinaryIO]:
        start = file.read(len(encryption.MAGIC))
        file.seek(0)
        if start == encryption.MAGIC:
            if not self.identities:
                raise CannotDecrypt(
                    f"{self.path} is encrypted: --identity names the file "
                    "with the key"
                )
            with encryption.decrypt(file, self.identities) as data:
                yield data
        elif start.startswith(_GZIP):
            yield file
        else:
            raise DamagedBackup(f"{self.path} is not a backup of a store")


def _check_first(member: Member, path: Path) -> None:
    """Raise DamagedBackup or BackupTooNew unless a backup starts with it."""
    if member.name != HEADER_NAME or member.size_bytes > _MAX_HEADER_BYTES:
        raise DamagedBackup(f"{path} is not a backup of a store")
    check_header(member.read())


def is_expected(name: str) -> bool:
    """Return whether a backup has a member of this name."""
    if name == SETTINGS_NAME or _SECRET.fullmatch(name):
        return True
    if name.startswith("data/"):
        return kind_of(name.removeprefix("data/")) is not None
    chunk = _CHUNK.fullmatch(name)
    return chunk is not None and (
        chunk[1] is None or chunk[1] in metadata.tables
    )


def table_of(name: str) -> str | None:
    """Return the table of a chunk of rows, None for another member."""
    chunk = _CHUNK.fullmatch(name)
    return chunk and chunk[1]


def newest_backup(folder: Path) -> Path:
    """Return the newest backup in a folder, by its name.

    Only names with a time count: another might always be the last. Raises
    BackupError.
    """
    try:
        names = sorted(each.name for each in folder.iterdir())
    except OSError as error:
        raise BackupError(
            f"MSRV_BACKUPS: can't read {folder}: {reason_of(error)}"
        ) from error
    found = [each for each in names if NAMES.fullmatch(each)]
    if found:
        return folder / found[-1]
    other = [each for each in names if each.startswith(PREFIX)]
    if other:
        raise BackupError(
            f"MSRV_BACKUPS: no backup in {folder} has a name with its time, "
            "as `python -m msrv backup` gives them: "
            f"{folder / other[-1]} has to be named in the command"
        )
    raise BackupError(
        f"MSRV_BACKUPS: there is no backup in {folder}; "
        "`python -m msrv backup` makes one"
    )


@contextlib.contextmanager
def saved_input(name: str, folder: Path) -> Iterator[Path]:
    """Return the path of a backup; `-` is standard input, saved to a file.

    The file is in a folder that has space for it, and is deleted at the end.
    Raises BackupError.
    """
    if name != "-":
        yield Path(name)
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=folder, prefix=f".{PREFIX}"
        ) as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
            file.flush()
            yield Path(file.name)
    except OSError as error:
        raise BackupError(
            f"can't save standard input to {folder}: {reason_of(error)}"
        ) from error

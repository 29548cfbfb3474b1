# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Manifest of a backup: its version, its counts, and a digest of each member.

The last member of the archive, so that a backup is written in one pass, and
so that a file without one was cut short.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from msrv.backup.errors import BackupTooNew, DamagedBackup
from msrv.validation_errors import half_sentence

FORMAT: Final = 1
"""Version of the archive's format. A reader accepts its own and older ones."""

Count = Annotated[int, Field(ge=0)]


class MemberDigest(BaseModel):
    """Size and SHA-256 (hexadecimal) of a member."""

    model_config = ConfigDict(frozen=True, strict=True)

    size_bytes: Count
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class TableRows(BaseModel):
    """Number of rows of a table, and the names of its columns."""

    model_config = ConfigDict(frozen=True, strict=True)

    columns: list[str]
    rows: Count = 0


class Contents(BaseModel):
    """Numbers of what a backup has, for its reader.

    `events` and `spools` are those that wait in the spool; they may be in the
    tables too. `newest_sale` is in Unix seconds, None without a sale.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    orders: Count = 0
    refunds: Count = 0
    newest_sale: Count | None = None
    events: Count = 0
    spools: Count = 0
    mails: Count = 0
    webhooks: Count = 0


class Manifest(BaseModel):
    """Manifest of one backup.

    `made_at` is in Unix seconds, and is when the backup was started: it has
    everything that was acknowledged before. `revision` is that of the
    ledger's tables, which are `tables`. `keys` are the ids of
    the receipt keys of NONCE and NONCE_PREVIOUS, which are public. `secrets`
    are the names of the secrets in the backup.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    format: Literal[1] = FORMAT
    store_version: str
    made_at: Count
    database: Literal["sqlite", "mariadb", "postgresql"]
    revision: str
    tables: dict[str, TableRows]
    contents: Contents
    keys: list[str]
    secrets: list[str]
    members: dict[str, MemberDigest]

    @property
    def rows(self) -> dict[str, int]:
        """Numbers of rows, by table."""
        return {name: each.rows for name, each in self.tables.items()}

    @property
    def size_bytes(self) -> int:
        """Sum of the sizes of all members."""
        return sum(each.size_bytes for each in self.members.values())


def format_header() -> bytes:
    """Return the first member: the format's version alone."""
    return f'{{"format":{FORMAT}}}\n'.encode("ascii")


def check_header(text: bytes) -> None:
    """Raise BackupTooNew or DamagedBackup unless this version reads it."""
    try:
        found = _Header.model_validate_json(text).format
    except ValidationError as error:
        raise DamagedBackup("the file is not a backup of a store") from error
    if found > FORMAT:
        raise BackupTooNew(
            f"the backup's format is {found}, and this version reads up to "
            f"{FORMAT}: restore it with the newer version that made it"
        )


def parse_manifest(text: bytes) -> Manifest:
    """Parse a manifest. Raises DamagedBackup."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        reason = half_sentence(error.errors(include_url=False)[0])
        raise DamagedBackup(f"the backup's manifest: {reason}") from error


class _Header(BaseModel):
    model_config = ConfigDict(strict=True)

    format: Annotated[int, Field(ge=1)]

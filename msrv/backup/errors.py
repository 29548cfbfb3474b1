# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of backups, each with a text of one line for the operator.

- `BackupError`
    - `DamagedBackup`: the file is not a whole, unchanged backup
    - `BackupTooNew`: a newer version of the store made it
    - `CannotDecrypt`: it is encrypted, and no identity given opens it
    - `RestoreRefused`: restoring would lose something that exists

Apart, since writing and reading a backup share them.
"""

from collections.abc import Sequence


class BackupError(Exception):
    """A backup can't be made or used; its text is one line."""


class DamagedBackup(BackupError):
    """The file is cut short, changed, or no backup of a store."""


class BackupTooNew(BackupError):
    """The backup was made by a newer version of the store."""


class CannotDecrypt(BackupError):
    """The backup is encrypted, and none of the identities opens it."""


class RestoreRefused(BackupError):
    """Restoring would lose something; `reasons` say what to move away."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("nothing was restored: " + "; ".join(reasons))
        self.reasons = tuple(reasons)

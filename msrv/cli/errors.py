# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors that an operator can fix, shown as one line without a traceback.

Apart from the commands, since several of them share it.
"""

import contextlib
from collections.abc import Iterator

import click

from msrv.backup.errors import BackupError
from msrv.catalog.drafts.release_folders import FolderExists
from msrv.catalog.imports.source_files import ImportRefused
from msrv.catalog.library.loader import LibraryUnreadable
from msrv.ledger.errors import LedgerError
from msrv.settings import WrongSetting
from msrv.settings.optional_packages import PackageMissing
from msrv.storage.data_folder import DataFolderLocked, DataFolderTemporary
from msrv.tls.certificate_files import CertificateError


class MintError(Exception):
    """Codes that can't be minted; its text is one line."""


@contextlib.contextmanager
def user_errors() -> Iterator[None]:
    """Convert errors that an operator can fix to ClickException."""
    try:
        yield
    except (
        WrongSetting,
        CertificateError,
        LibraryUnreadable,
        BackupError,
        DataFolderLocked,
        DataFolderTemporary,
        LedgerError,
        MintError,
        PackageMissing,
        FolderExists,
        ImportRefused,
    ) as error:
        raise click.ClickException(str(error)) from None

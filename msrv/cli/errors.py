# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors that an operator can fix, shown as one line without a traceback.

Apart from the commands, since several of them share it.
"""

import contextlib
import os
import sys
from collections.abc import Iterator

import click

from msrv.display_text import printable, reason_of


class MintError(Exception):
    """Codes that can't be minted; its text is one line."""


@contextlib.contextmanager
def user_errors() -> Iterator[None]:
    """Convert errors that an operator can fix to ClickException."""
    try:
        yield
    except Exception as error:
        if isinstance(error, _fixable()):
            raise click.ClickException(str(error)) from None
        if isinstance(error, OSError) and error.filename is not None:
            raise click.ClickException(file_problem(error)) from error
        raise


@contextlib.contextmanager
def output_errors() -> Iterator[None]:
    """Convert the errors of writing to standard output to ClickException.

    A pipe whose reader has stopped is none: click ends quietly then.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is not None:
            raise
        # Otherwise what is buffered would fail once more at the exit.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.ClickException(
            f"standard output: {reason_of(error)}"
        ) from error


def file_problem(error: OSError) -> str:
    """Return one line about a file that can't be used, with its name."""
    where = printable(os.fsdecode(error.filename))
    hint = (
        "; run this as the store's user"
        if isinstance(error, PermissionError)
        else ""
    )
    return f"{where}: {reason_of(error)}{hint}"


def _fixable() -> tuple[type[Exception], ...]:
    """Return the errors that an operator can fix.

    Only called once there is an error: the modules that define them import
    more than most commands need.
    """
    from msrv.backup.errors import BackupError  # noqa: PLC0415 - as above
    from msrv.catalog.drafts.release_folders import FolderExists  # noqa: PLC0415 - as above
    from msrv.catalog.imports.source_files import ImportRefused  # noqa: PLC0415 - as above
    from msrv.catalog.library.loader import LibraryUnreadable  # noqa: PLC0415 - as above
    from msrv.catalog.published.current import PublicationError  # noqa: PLC0415 - as above
    from msrv.catalog.published.layout import BadDocument  # noqa: PLC0415 - as above
    from msrv.ledger.errors import LedgerError  # noqa: PLC0415 - as above
    from msrv.settings import WrongSetting  # noqa: PLC0415 - as above
    from msrv.settings.optional_packages import PackageMissing  # noqa: PLC0415 - as above
    from msrv.storage.data_folder import (  # noqa: PLC0415 - as above
        DataFolderLocked,
        DataFolderTemporary,
    )
    from msrv.storage.objects.errors import BucketError  # noqa: PLC0415 - as above
    from msrv.tls.certificate_files import CertificateError  # noqa: PLC0415 - as above

    return (
        WrongSetting,
        CertificateError,
        LibraryUnreadable,
        BadDocument,
        BucketError,
        PublicationError,
        BackupError,
        DataFolderLocked,
        DataFolderTemporary,
        LedgerError,
        MintError,
        PackageMissing,
        FolderExists,
        ImportRefused,
    )

"""What an operator can mend, in one line."""

import contextlib
from collections.abc import Iterator

import click

from msrv.catalog.library.loader import LibraryUnreadable
from msrv.cli.code_sheet import MintError
from msrv.ledger.errors import LedgerError
from msrv.settings import WrongSetting
from msrv.tls.certificates import CertificateError


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """Turn what an operator can mend into one line."""
    try:
        yield
    except (
        WrongSetting,
        CertificateError,
        LibraryUnreadable,
        LedgerError,
        MintError,
    ) as error:
        raise click.ClickException(str(error)) from None

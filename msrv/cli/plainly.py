"""What an operator can mend, in one line."""

import contextlib
from collections.abc import Iterator

import click

from msrv.catalog.reading import LibraryUnreadable
from msrv.certificates import CertificateError
from msrv.ledger.errors import LedgerError
from msrv.minting import MintError
from msrv.settings import WrongSetting


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

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `newsletter`: reads the file of sealed addresses, as CSV.

Apart from `msrv.newsletter`, which the store runs: it never reads the file.
"""

import csv
import io
from pathlib import Path

import click

from msrv.backup.encryption import read_identities
from msrv.cli.errors import user_errors
from msrv.cli.options import examples
from msrv.newsletter.sealed_file import UnreadableLine, open_lines


@click.command(
    epilog=examples(
        "msrv newsletter --identity key.txt newsletter.sealed > addresses.csv"
    )
)
@click.option(
    "--identity",
    "identity_file",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File with the secret key, as age-keygen writes it.",
)
@click.argument(
    "sealed", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
def newsletter(*, identity_file: Path, sealed: Path) -> None:
    """Print the addresses in a file newsletter.sealed as CSV.

    One row for each: the address, the language of the page, and the day. An
    address that is in the file several times is printed once. Lines that
    can't be read are reported on standard error; the status is then 1.
    """
    is_complete = True
    with user_errors():
        identities = read_identities([identity_file])
        seen = set()
        with sealed.open("rb") as file:
            for each in open_lines(file, identities):
                if isinstance(each, UnreadableLine):
                    is_complete = False
                    click.echo(
                        f"{sealed}, line {each.number}: damaged, or can't be "
                        "decrypted with this key",
                        err=True,
                    )
                elif each.address not in seen:
                    seen.add(each.address)
                    click.echo(
                        _row(each.address, each.language, each.day), nl=False
                    )
    if not is_complete:
        raise click.exceptions.Exit(1)


def _row(*cells: str) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()

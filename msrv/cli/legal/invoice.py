# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `invoice`: the PDFs of an order's invoice and credit notes.

Apart from its work, which imports SQLAlchemy.
"""

from pathlib import Path

import click

from msrv.cli.catalog import read_catalog
from msrv.cli.errors import user_errors
from msrv.cli.options import LIBRARY, examples, load_library_settings
from msrv.translations import Language, language_set_to
from msrv.translations.catalogs import LANGUAGES


@click.command(
    epilog=examples(
        "msrv invoice AAAA BBBB CCCC DDDD EEEE FFFF",
        "msrv invoice --folder invoices --language de AAAABBBBCCCC…",
    )
)
@click.argument("order", nargs=-1, required=True)
@LIBRARY
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="Folder to write the files to (default: the current one).",
)
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    help="Language of the invoice (default: the store's own).",
)
def invoice(
    order: tuple[str, ...],
    library: Path | None,
    folder: Path,
    language: str | None,
) -> None:
    """Write the invoice of an order and its credit notes as PDFs.

    ORDER is the number on the receipt, with or without spaces. An invoice
    that doesn't exist yet is made, with the next number.
    """
    with user_errors():
        from msrv.cli.legal import (  # noqa: PLC0415 - slow to import
            invoice_files,
        )

        settings = load_library_settings(library=library)
        shop = read_catalog(settings).catalog.shop
        language = language or shop.language
        with language_set_to(Language(language, language)):
            for path in invoice_files.write(
                settings, shop.legal.invoices, "".join(order), folder
            ):
                click.echo(path)

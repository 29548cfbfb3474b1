# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `legal`: drafts of legal texts, and the data of one buyer."""

from pathlib import Path

import click

from msrv.cli.catalog import read_catalog
from msrv.cli.errors import user_errors
from msrv.cli.legal.privacy_text import privacy_text
from msrv.cli.options import (
    LIBRARY,
    examples,
    load_library_settings,
    load_settings,
)
from msrv.translations import Language, language_set_to
from msrv.translations.catalogs import LANGUAGES


@click.group()
def legal() -> None:
    """Draft legal texts; export or erase the data of one buyer."""


@legal.command(
    epilog=examples(
        "msrv legal privacy > privacy.md",
        "msrv legal privacy --language de > privacy.de.md",
    )
)
@LIBRARY
@click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    help="Language of the text (default: the store's own).",
)
def privacy(library: Path | None, language: str | None) -> None:
    """Print a privacy text, in Markdown, of what this store keeps.

    It follows from the settings and from the code. Read it, complete what is
    in brackets, and add what you do with the data elsewhere.
    """
    with user_errors():
        settings = load_library_settings(library=library)
        shop = read_catalog(settings).catalog.shop
        language = language or shop.language
        with language_set_to(Language(language, language)):
            click.echo(privacy_text(settings, shop), nl=False)


@legal.command(epilog=examples("msrv legal export AAAA BBBB CCCC …"))
@click.argument("order", nargs=-1, required=True)
def export(order: tuple[str, ...]) -> None:
    """Print everything that this store holds of an order, as JSON.

    ORDER is the number on the receipt, with or without spaces.
    """
    with user_errors():
        from msrv.cli.legal import (  # noqa: PLC0415 - slow to import
            buyer_data,
        )

        click.echo(buyer_data.export(load_settings(), "".join(order)))


@legal.command(epilog=examples("msrv legal erase AAAA BBBB CCCC … --yes"))
@click.argument("order", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Really erase, instead of counting.")
def erase(order: tuple[str, ...], *, yes: bool) -> None:
    """Erase what the store needn't keep of an order, and list the rest.

    Receipts and links keep working: they are proved by NONCE alone.
    """
    with user_errors():
        from msrv.cli.legal import (  # noqa: PLC0415 - slow to import
            buyer_data,
        )

        click.echo(
            buyer_data.erase(load_settings(), "".join(order), really=yes)
        )

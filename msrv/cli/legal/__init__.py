# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `legal`: drafts of legal texts."""

from pathlib import Path

import click

from msrv.cli.catalog import read_catalog
from msrv.cli.errors import user_errors
from msrv.cli.legal.privacy_text import privacy_text
from msrv.cli.options import LIBRARY, examples, load_settings
from msrv.translations import Language, language_set_to
from msrv.translations.catalogs import LANGUAGES


@click.group()
def legal() -> None:
    """Draft legal texts for the store. No legal advice: docs/legal.md."""


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
        settings = load_settings(library=library)
        shop = read_catalog(settings).catalog.shop
        language = language or shop.language
        with language_set_to(Language(language, language)):
            click.echo(privacy_text(settings, shop), nl=False)

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `oss`: sums of a quarter for the one-stop shop of the EU.

Apart from `legal`, whose commands are about texts and buyers.
"""

import json
import time
from pathlib import Path

import click

from msrv.cli.catalog import read_catalog
from msrv.cli.errors import user_errors
from msrv.cli.options import LIBRARY, examples, load_settings
from msrv.taxes.quarters import Quarter


def _parsed(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> Quarter | None:
    """Return the quarter of an argument. Raises BadParameter."""
    if text is None:
        return None
    try:
        return Quarter.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}") from error


@click.command(
    epilog=examples("msrv oss 2026-Q4", "msrv oss 2026-Q4 --json > oss.json")
)
@click.argument("quarter", callback=_parsed, required=False)
@LIBRARY
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def oss(
    quarter: Quarter | None, library: Path | None, *, as_json: bool
) -> None:
    """Print the sums of a quarter for a return to the EU's one-stop shop.

    QUARTER is like 2026-Q4, by default the last one that ended. Sales by
    country and rate, corrections of earlier quarters, and what isn't part of
    such a return, each apart. Your own country is that of [tax] in
    store.toml.
    """
    with user_errors():
        from msrv.cli.legal import (  # noqa: PLC0415 - slow to import
            oss_output,
        )

        settings = load_settings(library=library)
        shop = read_catalog(settings).catalog.shop
        wanted = quarter or Quarter.of(int(time.time())).shifted(-1)
        report = oss_output.read_report(settings, wanted, shop.tax.country)
        click.echo(
            json.dumps(oss_output.report_data(report), indent=2)
            if as_json
            else oss_output.report_text(report)
        )

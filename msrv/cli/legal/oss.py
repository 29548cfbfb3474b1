# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands `oss`: sums of a quarter for the one-stop shop of the EU.

Apart from `legal`, whose commands are about texts and buyers.
"""

import json
import time
from pathlib import Path

import click

from msrv.cli.catalog import read_catalog
from msrv.cli.errors import user_errors
from msrv.cli.options import (
    LIBRARY,
    examples,
    load_library_settings,
    load_settings,
)
from msrv.taxes.country_decisions import parse_rate
from msrv.taxes.quarters import Quarter
from msrv.translations.countries import country_codes


class _Commands(click.Group):
    """Group that takes a quarter where it isn't a command's name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Return what is left of the arguments for a command."""
        is_command = bool(args) and args[0] in self.commands
        # Options follow the quarter, but those of a command are its own.
        ctx.allow_interspersed_args = not is_command
        return super().parse_args(ctx, ["", *args] if is_command else args)


def _parsed(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> Quarter | None:
    """Return the quarter of an argument. Raises BadParameter."""
    if not text:
        return None
    try:
        return Quarter.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}") from error


def _checked_country(
    _context: click.Context, _parameter: click.Parameter, text: str
) -> str:
    """Return a country's code. Raises BadParameter."""
    code = text.upper()
    if code not in country_codes():
        raise click.BadParameter("must be two letters, like DE (ISO 3166-1)")
    return code


def _checked_rate(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> int | None:
    """Return percent in basis points. Raises BadParameter."""
    if text is None:
        return None
    try:
        return parse_rate(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]",
    epilog=examples(
        "msrv oss 2026-Q4",
        "msrv oss 2026-Q4 --json > oss.json",
        "msrv oss decide AAAABBBBCCCCDDDDEEEEFFFF DE --rate 19",
    ),
)
@click.argument("quarter", callback=_parsed, required=False)
@LIBRARY
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.pass_context
def oss(
    context: click.Context,
    quarter: Quarter | None,
    library: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print the sums of a quarter for a return to the EU's one-stop shop.

    QUARTER is like 2026-Q4, by default the last one that ended. Sales by
    country and rate, corrections of earlier quarters, and what isn't part of
    such a return, each apart. Your own country is that of [tax] in
    store.toml.
    """
    if context.invoked_subcommand is not None:
        return
    with user_errors():
        from msrv.cli.legal import (  # noqa: PLC0415 - slow to import
            oss_output,
        )

        settings = load_library_settings(library=library)
        shop = read_catalog(settings).catalog.shop
        wanted = quarter or Quarter.of(int(time.time())).shifted(-1)
        report = oss_output.read_report(settings, wanted, shop.tax.country)
        click.echo(
            json.dumps(oss_output.report_data(report), indent=2)
            if as_json
            else oss_output.report_text(report)
        )


@oss.command(
    epilog=examples(
        "msrv oss decide AAAABBBBCCCCDDDDEEEEFFFF FR",
        "msrv oss decide AAAABBBBCCCCDDDDEEEEFFFF DE --rate 19",
    )
)
@click.argument("order")
@click.argument("country", callback=_checked_country)
@LIBRARY
@click.option(
    "--rate",
    metavar="PERCENT",
    callback=_checked_rate,
    help="Rate of the tax, like 19 (default: that of the order if its tax is "
    "of this country, else that of store.toml).",
)
def decide(
    order: str, country: str, library: Path | None, rate: int | None
) -> None:
    """Decide the COUNTRY of an ORDER that the report lists as undecided.

    It counts in the report alone, which says so. `msrv oss undo` takes it
    back.
    """
    with user_errors():
        from msrv.cli.legal import (  # noqa: PLC0415 - slow to import
            oss_decisions,
        )

        settings = load_library_settings(library=library)
        rules = read_catalog(settings).catalog.shop.tax
        click.echo(oss_decisions.decide(settings, order, country, rate, rules))


@oss.command(epilog=examples("msrv oss undo AAAABBBBCCCCDDDDEEEEFFFF"))
@click.argument("order")
def undo(order: str) -> None:
    """Remove the decision on the country of an ORDER."""
    with user_errors():
        from msrv.cli.legal import (  # noqa: PLC0415 - slow to import
            oss_decisions,
        )

        click.echo(oss_decisions.undo(load_settings(), order))

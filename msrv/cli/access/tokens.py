# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `tokens`: tokens of programs, with scopes and an end.

`token_admin` is imported inside the commands: it imports SQLAlchemy, which
takes a third of a second.
"""

import json

import click

from msrv.cli.errors import user_errors
from msrv.cli.options import examples, load_settings
from msrv.ledger.operators.tokens import MAX_DAYS, Scope


@click.group(
    epilog=examples(
        "msrv tokens create accounting --scope orders:read --days 90",
        "msrv tokens revoke accounting",
    )
)
def tokens() -> None:
    """Manage tokens, by which programs use the studio's JSON.

    A program sends its token as `Authorization: Bearer TOKEN`.
    """


@tokens.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([each.value for each in Scope]),
    multiple=True,
    required=True,
    help="What it may do. May be repeated.",
)
@click.option(
    "--days",
    type=click.IntRange(1, MAX_DAYS),
    required=True,
    help="Days until it ends.",
)
def create(name: str, scopes: tuple[str, ...], days: int) -> None:
    """Create a token under a NAME, and print it, this once."""
    with user_errors():
        from msrv.cli.access import (  # noqa: PLC0415 - slow to import
            token_admin,
        )

        text, note = token_admin.create(
            load_settings(), name, frozenset(map(Scope, scopes)), days
        )
        click.echo(text)
        click.echo(note, err=True)


@tokens.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(*, as_json: bool) -> None:
    """List the tokens by what they may do, ended ones too."""
    with user_errors():
        from msrv.cli.access import (  # noqa: PLC0415 - slow to import
            token_admin,
        )

        found = token_admin.listed(load_settings())
        if as_json:
            rows = [
                {
                    "name": each.name,
                    "scopes": sorted(each.scopes),
                    "created_by": each.created_by,
                    "created_at": each.created_at,
                    "expires_at": each.expires_at,
                    "ended_at": each.ended_at,
                    "last_used_day": each.last_used_day,
                }
                for each in found
            ]
            click.echo(json.dumps(rows, indent=2))
        else:
            click.echo(token_admin.format_tokens(found))


@tokens.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke the token NAME.

    Takes effect at once for changes, and within 5 seconds for pages, on every
    replica.
    """
    with user_errors():
        from msrv.cli.access import (  # noqa: PLC0415 - slow to import
            token_admin,
        )

        click.echo(token_admin.revoke(load_settings(), name))

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `operators`: named operators of the studio, and their roles.

`operator_admin` is imported inside the commands: it imports SQLAlchemy, which
takes a third of a second.
"""

import json
from typing import Final

import click

from msrv.cli.errors import user_errors
from msrv.cli.options import examples, load_settings
from msrv.ledger.operators.model import Role

_ROLE: Final = click.Choice([each.value for each in Role])


@click.group(
    epilog=examples(
        "msrv operators add anna --role sales",
        "msrv studio --operator anna",
        "msrv operators role anna read-only",
        "msrv operators remove anna",
    )
)
def operators() -> None:
    """Manage the named operators of the studio, and their roles.

    A read-only operator sees figures and orders; sales also refunds, sends
    receipts again and gives copies and codes; an owner may do everything.
    """


@operators.command()
@click.argument("name")
@click.option(
    "--role",
    type=_ROLE,
    required=True,
    help="What they may do.",
)
def add(name: str, role: str) -> None:
    """Add an operator under a NAME, like anna.

    `msrv studio --operator NAME` prints a sign-in link for them.
    """
    with user_errors():
        from msrv.cli.access import (  # noqa: PLC0415 - slow to import
            operator_admin,
        )

        click.echo(operator_admin.add(load_settings(), name, Role(role)))


@operators.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(*, as_json: bool) -> None:
    """List the operators, removed ones too."""
    with user_errors():
        from msrv.cli.access import (  # noqa: PLC0415 - slow to import
            operator_admin,
        )

        found = operator_admin.listed(load_settings())
        if as_json:
            rows = [
                {
                    "name": each.name,
                    "role": each.role.value,
                    "created_at": each.created_at,
                    "ended_at": each.ended_at,
                }
                for each in found
            ]
            click.echo(json.dumps(rows, indent=2))
        else:
            click.echo(operator_admin.format_operators(found))


@operators.command()
@click.argument("name")
@click.argument("new_role", metavar="ROLE", type=_ROLE)
def role(name: str, new_role: str) -> None:
    """Change the ROLE of the operator NAME.

    Takes effect at once for changes, and within 5 seconds for pages, on every
    replica.
    """
    with user_errors():
        from msrv.cli.access import (  # noqa: PLC0415 - slow to import
            operator_admin,
        )

        click.echo(
            operator_admin.set_role(load_settings(), name, Role(new_role))
        )


@operators.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove the operator NAME: their sessions and links end.

    Takes effect at once for changes, and within 5 seconds for pages, on every
    replica. The record of what they did stays.
    """
    with user_errors():
        from msrv.cli.access import (  # noqa: PLC0415 - slow to import
            operator_admin,
        )

        click.echo(operator_admin.remove(load_settings(), name))

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands about the ledger: `ledger`, `revoke` and `studio`.

`ledger_admin` is imported inside the commands: it imports SQLAlchemy, which
takes a third of a second.
"""

import re
import secrets
import sys
import time
from datetime import UTC, datetime

import click

from msrv.cli.errors import user_errors
from msrv.cli.nonce import load_existing_keyring
from msrv.cli.options import BASE_URL, load_settings
from msrv.proofs import sign_in
from msrv.server.store_address import store_url


def _days(_: click.Context, __: click.Parameter, value: str) -> int:
    """Parse a number of days, `90d` or `90`."""
    match = re.fullmatch(r"([0-9]{1,5})d?", value)
    if match is None or not int(match[1]):
        raise click.BadParameter("must be a number of days, like 90d")
    return int(match[1])


@click.group()
def ledger() -> None:
    """Manage the ledger of orders, refunds and downloads."""


@ledger.command()
def upgrade() -> None:
    """Create the ledger's tables, or upgrade them to this version."""
    with user_errors():
        from msrv.cli import ledger_admin  # noqa: PLC0415 - slow to import

        click.echo(ledger_admin.upgrade(load_settings()))


@ledger.command()
def status() -> None:
    """Show where the ledger is, and whether it can be used.

    Exit status 1 if it can't.
    """
    with user_errors():
        from msrv.cli import ledger_admin  # noqa: PLC0415 - slow to import

        text, error = ledger_admin.status(load_settings())
        click.echo(text)
        if error is not None:
            raise error


@ledger.command()
@click.option("--free", is_flag=True, help="Delete orders that cost nothing.")
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    callback=_days,
    required=True,
    help="Minimum age of the orders, like 90d.",
)
@click.option(
    "--yes", is_flag=True, help="Really delete, instead of counting."
)
def tidy(days: int, *, free: bool, yes: bool) -> None:
    """Count old free orders, or delete them with --yes.

    Their receipts and links keep working. Totals and refunds are kept.
    """
    if not free:
        raise click.UsageError(
            "--free is required: only free orders can be deleted"
        )
    with user_errors():
        from msrv.cli import ledger_admin  # noqa: PLC0415 - slow to import

        click.echo(ledger_admin.tidy(load_settings(), days, delete=yes))


@click.command()
@click.argument("order")
@click.argument("item", required=False)
@click.option("--undo", is_flag=True, help="Restore instead of revoke.")
def revoke(order: str, item: str | None, *, undo: bool) -> None:
    """Revoke the links of an ORDER, or of one ITEM of it.

    Takes effect on all replicas within 5 seconds.
    """
    with user_errors():
        from msrv.cli import ledger_admin  # noqa: PLC0415 - slow to import

        click.echo(
            ledger_admin.revoke(load_settings(), order, item, undo=undo)
        )


@click.command()
@BASE_URL
@click.option("--sign-out", is_flag=True, help="Sign everyone out instead.")
@click.option("--no-qr", is_flag=True, help="Print no QR code of the link.")
@click.option(
    "--operator",
    metavar="NAME",
    help="Name of the operator who gets the link (default: an owner without "
    "a name); see `msrv operators`.",
)
def studio(
    base_url: str | None,
    *,
    sign_out: bool,
    no_qr: bool,
    operator: str | None,
) -> None:
    """Print a link to sign in to the studio, valid once for ten minutes.

    A terminal that is wide enough also gets its QR code, for a phone. A link
    without a name needs no database. The activity log has that it was made.

    With --sign-out, end all sessions, on every replica; exit status 1 if some
    replicas could not be reached.
    """
    if sign_out and operator is not None:
        raise click.UsageError(
            "--sign-out and --operator can't be used together: it signs "
            "everyone out"
        )
    with user_errors():
        settings = load_settings(public_url=base_url)
        if sign_out:
            from msrv.cli import ledger_admin  # noqa: PLC0415 - slow to import

            click.echo(ledger_admin.sign_out(settings))
            return
        operator_id = ""
        if operator is not None:
            from msrv.cli.access import (  # noqa: PLC0415 - slow to import
                operator_admin,
            )

            operator_id = operator_admin.find(settings, operator).operator_id
        now = int(time.time())
        ticket = sign_in.issue(
            load_existing_keyring(settings),
            sign_in.TicketKind.LINK,
            now,
            secrets.token_bytes,
            operator_id,
        )
        from msrv.cli.access.recorded_acts import (  # noqa: PLC0415 - slow to import
            record_command,
        )

        record_command(settings, "make-link", operator or "")
    address = f"{store_url(settings)}/studio/enter/{ticket}"
    click.echo(address)
    if not no_qr:
        from msrv.cli import terminal_qr  # noqa: PLC0415 - only for people

        if code := terminal_qr.draw(address, sys.stdout):
            click.echo(code)
    until = datetime.fromtimestamp(now + sign_in.TicketKind.LINK.seconds, UTC)
    click.echo(f"valid once, until {until:%H:%M:%S} UTC", err=True)

"""What the ledger remembers: its tables, refunds, who is signed in."""

import importlib
import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import click

from msrv import server
from msrv.cli.errors import plainly
from msrv.cli.nonce import keyring
from msrv.cli.options import BASE_URL, load_settings
from msrv.proofs import sign_in


def _days(_: click.Context, __: click.Parameter, value: str) -> int:
    """Read a number of days, as `90d` or `90`."""
    match = re.fullmatch(r"([0-9]{1,5})d?", value)
    if match is None or not int(match[1]):
        raise click.BadParameter("must be a number of days, like 90d")
    return int(match[1])


@click.group()
def ledger() -> None:
    """Look after the ledger: what is sold, refunded, downloaded."""


@ledger.command()
def upgrade() -> None:
    """Make the ledger's tables, or bring them up to this version's."""
    with plainly():
        click.echo(_bookkeeping().upgrade(load_settings()))


@ledger.command()
def status() -> None:
    """Say where the ledger is, and whether it can be used.

    Exits with 1 if it can't.
    """
    with plainly():
        table, wrong = _bookkeeping().status(load_settings())
        click.echo(table)
        if wrong is not None:
            raise wrong


@ledger.command()
@click.option("--free", is_flag=True, help="Orders that cost nothing.")
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    callback=_days,
    required=True,
    help="Only orders of more days ago than this, like 90d.",
)
@click.option("--yes", is_flag=True, help="Delete them.")
def tidy(days: int, *, free: bool, yes: bool) -> None:
    """Count old free orders; delete them with --yes.

    Their receipts and links go on working; sums and refunds are kept.
    """
    if not free:
        raise click.UsageError("say what to delete: --free is all there is")
    with plainly():
        click.echo(_bookkeeping().tidy(load_settings(), days, delete=yes))


@click.command()
@click.argument("order")
@click.argument("item", required=False)
@click.option("--undo", is_flag=True, help="Make them work again.")
def revoke(order: str, item: str | None, *, undo: bool) -> None:
    """End the links of an ORDER, or of one ITEM of it, within 5 seconds."""
    with plainly():
        click.echo(
            _bookkeeping().revoke(load_settings(), order, item, undo=undo)
        )


@click.command()
@BASE_URL
@click.option("--sign-out", is_flag=True, help="Sign everyone out instead.")
def studio(base_url: str | None, *, sign_out: bool) -> None:
    """Print a link that signs in to the studio, once, within ten minutes.

    With --sign-out, everyone who is signed in is signed out, on every
    replica; it exits with 1 if not all of them can hear of it.
    """
    with plainly():
        found = load_settings(public_url=base_url)
        if sign_out:
            click.echo(_bookkeeping().sign_out(found))
            return
        now = int(time.time())
        ticket = sign_in.issue(
            keyring(found), sign_in.TicketKind.LINK, now, secrets.token_bytes
        )
    click.echo(f"{server.store_url(found)}/studio/enter/{ticket}")
    until = datetime.fromtimestamp(now + sign_in.TicketKind.LINK.seconds, UTC)
    click.echo(f"good once, until {until:%H:%M:%S} UTC", err=True)


def _bookkeeping() -> Any:  # noqa: ANN401 - a module
    """Import what imports SQLAlchemy, which other commands do without."""
    return importlib.import_module("msrv.cli.ledger_admin")

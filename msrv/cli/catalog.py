"""What the library offers, and links to it."""

import json
import logging
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from msrv import server
from msrv.cli import catalog_output
from msrv.cli.errors import plainly
from msrv.cli.nonce import keyring
from msrv.cli.options import BASE_URL, LIBRARY, load_settings
from msrv.ledger.revocations import (
    FILE_NAME,
    InvalidRevocationFile,
    Revocations,
)
from msrv.proofs.links import make_link
from msrv.proofs.orders import new_order_id
from msrv.proofs.pasted import explain
from msrv.proofs.pasted_text import MAX_CHARS
from msrv.web.shop import verify as verify_page

log = logging.getLogger(__name__)

_MAX_HOURS: Final = 24 * 366 * 100


@click.command()
@LIBRARY
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def catalog(library: Path | None, *, as_json: bool) -> None:
    """Print what the library offers, and every problem in it.

    Exits with 1 if there is a problem.
    """
    with plainly():
        found = load_settings(library=library)
        reading = catalog_output.read(found)
    if as_json:
        click.echo(json.dumps(catalog_output.as_data(reading), indent=2))
    else:
        click.echo(catalog_output.as_table(reading))
    for note in reading.notes:
        click.echo(f"note: {note}", err=True)
    for problem in reading.problems:
        click.echo(f"problem: {problem}", err=True)
    if reading.problems:
        sys.exit(1)


@click.command()
@click.argument("item")
@LIBRARY
@click.option("--hours", type=click.IntRange(0, _MAX_HOURS), help="How long.")
@click.option("--until", help="Until when: 2030-01-01T00:00Z.")
@BASE_URL
def link(
    item: str,
    library: Path | None,
    hours: int | None,
    until: str | None,
    base_url: str | None,
) -> None:
    """Print a download link to give away.

    ITEM is an item's id, as `catalog` lists it.
    """
    if hours is not None and until is not None:
        raise click.UsageError("--hours and --until exclude each other")
    with plainly():
        found = load_settings(library=library, public_url=base_url)
        entry = catalog_output.read(found).catalog.by_id.get(item)
        if entry is None:
            raise click.ClickException(
                f"there is no item {item!r}; "
                "`python -m msrv catalog` lists them"
            )
        if until is not None:
            expires_at = _moment(until)
        else:
            hours = found.link_hours if hours is None else hours
            expires_at = int(time.time()) + hours * 3600
        order_id = new_order_id(secrets.token_bytes)
        made = make_link(keyring(found), order_id, item, expires_at)
    click.echo(server.store_url(found) + made.path)


@click.command()
@click.argument("text")
@LIBRARY
def verify(text: str, library: Path | None) -> None:
    """Say what a link or a receipt grants, and until when.

    TEXT may be a whole mail with one in it; `-` reads it from standard
    input. Exits with 1 if it grants nothing (any more).
    """
    if text == "-":
        text = sys.stdin.buffer.read(MAX_CHARS).decode("utf-8", "replace")
    with plainly():
        found = load_settings(library=library)
        explanation = explain(keyring(found), text, int(time.time()))
        catalog = catalog_output.read(found).catalog
        revocations = Revocations(found.data / FILE_NAME)
        try:
            revocations.load()
        except InvalidRevocationFile as error:
            log.warning("what was refunded isn't known: %s", error)
    data = verify_page.explanation_json(explanation, catalog)
    verify_page.mark_refunds(data, catalog, revocations)
    click.echo(catalog_output.explained(data))
    if not data["valid"]:
        sys.exit(1)


def _moment(text: str) -> int:
    """Read a time in ISO 8601; without an offset it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"--until must be a time like 2030-01-01T00:00Z, not {text!r}"
        ) from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    if at.timestamp() < 0:
        raise click.UsageError("--until: that was before 1970")
    return int(at.timestamp())

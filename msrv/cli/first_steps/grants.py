# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `grant`: receipts for those who bought elsewhere."""

import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO, Final

import click

from msrv.catalog.id_history import IdHistory
from msrv.catalog.model import Catalog, Item, Release
from msrv.cli.catalog import read_catalog
from msrv.cli.errors import user_errors
from msrv.cli.first_steps.grant_options import GrantOptions
from msrv.cli.first_steps.library_folder import write_errors
from msrv.cli.nonce import load_existing_keyring
from msrv.cli.options import BASE_URL, LIBRARY, examples, load_library_settings
from msrv.display_text import printable, reason_of
from msrv.mail.outbox import FOLDER_NAME, Outbox
from msrv.orders.cart import single_item_or_release
from msrv.orders.grants.buyer_list import (
    BuyerList,
    InvalidBuyerList,
    ListCounts,
)
from msrv.orders.pricing import id_of
from msrv.server.store_address import store_url
from msrv.settings import Settings

_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@click.command(
    epilog=examples(
        "msrv grant buyers.csv night-bus-ochzi6ae --dry-run",
        "msrv grant buyers.csv night-bus-ochzi6ae > receipts.csv",
        "msrv grant bandcamp-sales.csv night-bus-ochzi6ae --mail",
    )
)
@click.argument("buyers", type=click.Path(path_type=Path, allow_dash=True))
@click.argument("release")
@LIBRARY
@click.option(
    "--mail", is_flag=True, help="Mail the receipts instead of listing them."
)
@click.option(
    "--dry-run", is_flag=True, help="Check everything, and change nothing."
)
@click.option(
    "--item",
    "items",
    multiple=True,
    metavar="NAME",
    help="Name of the release in the list's column 'item name' (default: its "
    "title). May be repeated.",
)
@click.option(
    "--source",
    metavar="WORD",
    help="Where they bought it, like gumroad: lists of two shops may have "
    "the same order numbers (default: bandcamp, or list).",
)
@BASE_URL
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def grant(
    *,
    buyers: Path,
    release: str,
    library: Path | None,
    items: tuple[str, ...],
    source: str | None,
    base_url: str | None,
    mail: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Issue receipts for a RELEASE to those who bought it elsewhere.

    BUYERS is a CSV file whose first line names its columns: `email`, and
    perhaps `name` and `order`; `-` is standard input. A sales report of
    Bandcamp can be used as it is. RELEASE is an id, as `check` lists it.

    Nothing is done unless every row is good. The same list leads to the same
    receipts again, and mails nobody twice.
    """
    if source is not None and not _SOURCE.fullmatch(source):
        raise click.BadParameter(
            "must be a word of a-z, 0-9 and -", param_hint="--source"
        )
    with user_errors(), _opened(buyers) as (file, where):
        settings = load_library_settings(library=library, public_url=base_url)
        if mail and settings.smtp_url is None:
            raise click.ClickException(
                "--mail needs MSRV_SMTP_URL: this store sends no mail"
            )
        keyring = load_existing_keyring(settings)
        catalog = read_catalog(settings).catalog
        entry = _find(catalog, release)
        buyer_list, counts = _check(file, where, items or (entry.title,))
        options = GrantOptions(
            source=source
            or ("bandcamp" if buyer_list.is_of_bandcamp else "list"),
            mail=mail,
            dry_run=dry_run,
            as_json=as_json,
        )
        from msrv.cli.first_steps import (  # noqa: PLC0415 - slow to import
            grant_output,
        )
        from msrv.orders.grants.granted_orders import (  # noqa: PLC0415 - slow to import
            Granting,
        )

        database = grant_output.open_database(settings)
        granting = Granting(
            database=database,
            keyring=keyring,
            entry=entry,
            item_id=id_of(entry),
            source=options.source,
            shop=catalog.shop,
            base_url=store_url(settings),
            outbox=Outbox(settings.data / FOLDER_NAME) if mail else None,
        )
        if not dry_run:
            _mark_sold(settings, entry)
        if settings.public_url is None:
            click.echo(
                "note: MSRV_PUBLIC_URL is not set: receipts are addresses at "
                f"{granting.base_url}",
                err=True,
            )
        with write_errors(settings.data, "run it again to continue"):
            grant_output.run(granting, buyer_list, counts, options)


def _find(catalog: Catalog, item_id: str) -> Item | Release:
    """Return what an id stands for. Raises ClickException.

    A release of one file is that file.
    """
    entry = catalog.by_id.get(item_id)
    if entry is None:
        raise click.ClickException(
            f"there is no release {item_id!r}; `msrv check` lists all of them"
        )
    return single_item_or_release(entry)


def _check(
    file: BinaryIO, where: str, items: tuple[str, ...]
) -> tuple[BuyerList, ListCounts]:
    """Check all rows; print the bad ones, and exit with 1, if there are any.

    Raises ClickException.
    """
    try:
        found = BuyerList(file, where, items)
        return found, found.check()
    except InvalidBuyerList as error:
        for problem in error.problems:
            click.echo(f"problem: {problem}", err=True)
        more = error.count - len(error.problems)
        also = f"; {more:,} more problems" if more else ""
        raise click.ClickException(
            f"nobody was given anything{also}"
        ) from None


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """Open a list for reading, repeatedly. Raises ClickException."""
    file: BinaryIO
    with ExitStack() as stack:
        try:
            is_stdin = str(path) == "-"
            stated = (
                sys.stdin.buffer
                if is_stdin
                else stack.enter_context(path.open("rb"))
            )
            file = stated
            if is_stdin or not stated.seekable():
                file = stack.enter_context(tempfile.TemporaryFile())
                copyfileobj(stated, file)
        except OSError as error:
            where = printable(str(error.filename or path))
            raise click.ClickException(
                f"{where}: {reason_of(error)}"
            ) from None
        yield file, "standard input" if is_stdin else path.name


def _mark_sold(settings: Settings, entry: Item | Release) -> None:
    """Remember the id for as long as receipts have it."""
    with IdHistory.open(settings.data) as history:
        history.mark_sold({id_of(entry): entry.title})

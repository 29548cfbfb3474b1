# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands about items of the catalog: `link` and `verify`."""

import logging
import math
import secrets
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from msrv.catalog.config.last_good import LastGoodConfig
from msrv.catalog.id_history import IdHistory
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import STORE_TOML
from msrv.catalog.library.loader import LoadedLibrary, load_library
from msrv.catalog.library.scan import scan
from msrv.catalog.library.upload_detection import UploadDetector
from msrv.catalog.parsing.parser import Parser
from msrv.cli.errors import user_errors
from msrv.cli.nonce import load_existing_keyring
from msrv.cli.options import (
    BASE_URL,
    LIBRARY,
    load_library_settings,
    public_address,
)
from msrv.cli.progress import ProgressLine
from msrv.display_text import printable
from msrv.ledger.revocations import (
    FILE_NAME,
    InvalidRevocationFile,
    Revocations,
)
from msrv.proofs.links import make_link
from msrv.proofs.orders import new_order_id
from msrv.proofs.pasted_proofs import explain
from msrv.proofs.pasted_text import MAX_CHARS
from msrv.settings import Settings
from msrv.text_table import labelled, utc_time
from msrv.translations.sizes import format_size

log = logging.getLogger(__name__)

_MAX_HOURS: Final = 24 * 366 * 100
_MAX_NAMED: Final = 3
"""Number of folders that a note names; the others are counted."""


@click.command()
@click.argument("item")
@LIBRARY
@click.option(
    "--hours", type=click.IntRange(0, _MAX_HOURS), help="Validity in hours."
)
@click.option(
    "--until", help="Expiry time (ISO 8601), like 2030-01-01T00:00Z."
)
@BASE_URL
def link(
    item: str,
    library: Path | None,
    hours: int | None,
    until: str | None,
    base_url: str | None,
) -> None:
    """Print a download link for an ITEM.

    ITEM is an item's id, as `check` lists it. Anyone who has the link can
    download the item until the link expires.
    """
    if hours is not None and until is not None:
        raise click.UsageError("--hours and --until can't be used together")
    with user_errors():
        settings = load_library_settings(library=library, public_url=base_url)
        address = public_address(settings)
        entry = read_catalog(settings).catalog.by_id.get(item)
        if entry is None:
            raise click.ClickException(
                f"there is no item {item!r}; `msrv check` lists all items"
            )
        if until is not None:
            expires_at = _parse_time(until)
        else:
            hours = settings.link_hours if hours is None else hours
            expires_at = int(time.time()) + hours * 3600
        order_id = new_order_id(secrets.token_bytes)
        made = make_link(
            load_existing_keyring(settings), order_id, item, expires_at
        )
    click.echo(address + made.path)


@click.command()
@click.argument("text")
@LIBRARY
def verify(text: str, library: Path | None) -> None:
    """Show what a link or a receipt grants, and until when.

    TEXT may be a whole mail that contains one; `-` reads it from standard
    input. Exit status 1 if the link is invalid or expired.
    """
    if text == "-":
        text = sys.stdin.buffer.read(MAX_CHARS).decode("utf-8", "replace")
    with user_errors():
        settings = load_library_settings(library=library)
        explanation = explain(
            load_existing_keyring(settings), text, int(time.time())
        )
        catalog = read_catalog(settings).catalog
        revocations = Revocations(settings.data / FILE_NAME)
        try:
            revocations.load()
        except InvalidRevocationFile as error:
            log.warning("can't tell what was refunded: %s", error)
    from msrv.web.shop import verify as verify_page  # noqa: PLC0415 - slow to import

    data = verify_page.explanation_json(explanation, catalog)
    verify_page.mark_refunds(data, catalog, revocations)
    click.echo(_format_explanation(data))
    if not data["valid"]:
        sys.exit(1)


def _parse_time(text: str) -> int:
    """Parse a time in ISO 8601; without an offset it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"--until must be a time like 2030-01-01T00:00Z, not {text!r}"
        ) from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    if at.timestamp() < 0:
        raise click.UsageError("--until must not be before 1970")
    return int(at.timestamp())


def read_catalog(settings: Settings) -> LoadedLibrary:
    """Read the library and return its catalog.

    Shows the progress on a terminal. Raises LibraryUnreadable, and for one
    in a bucket BadDocument and BucketError.
    """
    if settings.bucket is not None:
        from msrv.catalog.published.published_catalog import (  # noqa: PLC0415 - for buckets only
            read_published,
        )
        from msrv.storage.objects.bucket import Bucket  # noqa: PLC0415 - as above

        return read_published(
            Bucket.open(settings.bucket),
            load_existing_keyring(settings),
            settings.data,
        )
    settling = UploadDetector(settings.settle_seconds)
    last_good = LastGoodConfig.open(
        settings.data,
        # A command doesn't know for how long a file has been missing.
        grace_seconds=math.inf if settings.settle_seconds else 0,
        timer=time.monotonic,
        read_only=True,
    )
    found = scan(settings.library_folder, configs=last_good.counting())
    with (
        FileIndex.open(settings.data) as index,
        IdHistory.open(settings.data) as history,
        Parser(settings.data) as parser,
        ProgressLine() as line,
    ):
        arriving = settling.update(found, index.has_same_size_and_date)
        reading = load_library(
            settings.library_folder,
            index,
            found=found,
            last_good=last_good,
            history=history,
            parser=parser,
            progress=lambda files, count, size_bytes, total_bytes: line.update(
                f"reading file {files + 1:,} of {count:,}, "
                f"{format_size(size_bytes)} of {format_size(total_bytes)}"
            ),
        )
        # A store that starts now must not treat half a file as known.
        for each in arriving.values():
            index.remove(each.paths)
    if not arriving:
        return reading
    note = _describe_uploads(sorted(arriving), settings.settle_seconds)
    return replace(reading, notes=(*reading.notes, note))


def _describe_uploads(paths: list[str], seconds: int) -> str:
    """Return a note, in one line, on files that are still being copied."""
    names = [printable(path or STORE_TOML) for path in paths[:_MAX_NAMED]]
    if more := len(paths) - len(names):
        names.append(f"{more:,} more")
    *first, last = names
    listed = f"{', '.join(first)} and {last}" if first else last
    each = "each" if first else "it"
    return (
        f"{listed} changed a moment ago: a running store updates {each} once "
        f"nothing there has changed for {seconds:g} s"
    )


def _format_explanation(data: dict[str, Any]) -> str:
    """Return what a link or a receipt grants, in aligned lines."""
    if data["kind"] == "nothing":
        return (
            "This grants nothing: it isn't a link or a receipt of this store."
        )
    lines = [("this is", f"a {data['kind']}"), ("order", data["order_id"])]
    items = ", ".join(
        each["title"] or each["item_id"]
        for each in data["items"]
        if not each.get("refunded")
    )
    if items:
        lines.append(("grants", shorten(items, 400)))
    refunded = [each for each in data["items"] if each.get("refunded")]
    if refunded:
        names = ", ".join(
            each["title"] or each["item_id"] for each in refunded
        )
        lines.append(("refunded", shorten(names, 400)))
    if data["expired"]:
        lines.append(("expired", utc_time(data["expires_at"])))
    elif len(refunded) < len(data["items"]):
        at = data["expires_at"]
        lines.append(("until", "forever" if at is None else utc_time(at)))
    return labelled(*lines, width=9)


def shorten(text: str, limit: int) -> str:
    """Return a title as one printable line, truncated to `limit`."""
    shown = "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"

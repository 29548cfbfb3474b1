# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Work of `grant`, and its output.

Apart from `grants`: it imports SQLAlchemy, which other commands don't need.
"""

import asyncio
import csv
import json
import sys
import time
from dataclasses import dataclass
from typing import Any, Final

import click

from msrv.cli.access.operator_admin import record_apart
from msrv.cli.errors import output_errors
from msrv.cli.first_steps.grant_options import GrantOptions
from msrv.cli.progress import ProgressLine
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.errors import SchemaTooOld
from msrv.orders.grants.buyer_list import BuyerList, ListCounts
from msrv.orders.grants.granted_orders import Grant, Granting, batches
from msrv.settings import Settings
from msrv.text_table import labelled, plural
from msrv.web.studio.csv_export import text as cell

_COLUMNS: Final = (
    "email",
    "name",
    "reference",
    "order",
    "receipt",
    "state",
)


@dataclass(slots=True)
class _Totals:
    """Numbers of receipts, by what was done."""

    new: int = 0
    known: int = 0
    revoked: int = 0
    queued: int = 0


def open_database(settings: Settings) -> Database:
    """Return the ledger's database. Raises DatabaseUnusable."""
    return Database.of(settings)


def run(
    granting: Granting,
    buyers: BuyerList,
    counts: ListCounts,
    options: GrantOptions,
) -> None:
    """Grant everything, or say what would be. Raises DatabaseError, OSError.

    Receipts are printed as soon as they are recorded.
    """
    totals = _Totals()
    try:
        asyncio.run(_run(granting, buyers, counts, options, totals))
    finally:
        with output_errors():
            sys.stdout.flush()
    summary = _summary(granting, counts, options, totals)
    if options.as_json and (options.mail or options.dry_run):
        click.echo(json.dumps(summary, indent=2))
    elif options.mail or options.dry_run:
        click.echo(_format_summary(summary))
    else:
        click.echo(_format_summary(summary), err=True)


async def _run(
    granting: Granting,
    buyers: BuyerList,
    counts: ListCounts,
    options: GrantOptions,
    totals: _Totals,
) -> None:
    printer = ReceiptPrinter(granting.base_url, as_json=options.as_json)
    shows_list = not (options.mail or options.dry_run)
    done = 0
    try:
        has_tables = await _prepare(granting.database, options)
        with ProgressLine() as line:
            for batch in batches(buyers):
                line.count("granting", done, counts.buyers)
                if options.dry_run:
                    found = await granting.find(batch) if has_tables else []
                    totals.known += sum(not each.is_new for each in found)
                else:
                    made = await granting.grant(batch, int(time.time()))
                    _count(made, totals)
                    if shows_list:
                        with output_errors():
                            printer.write(made)
                done += len(batch)
    finally:
        if shows_list:
            with output_errors():
                printer.finish()
        await granting.database.close()
    if options.dry_run:
        totals.new = done - totals.known


async def _prepare(database: Database, options: GrantOptions) -> bool:
    """Return whether there are tables, which only a dry run does without."""
    if not options.dry_run:
        await schema_upgrade.prepare_schema(database)
        await record_apart(database, "grant", options.source)
        return True
    try:
        async with database.read_transaction() as connection:
            await schema_upgrade.require_revision(connection)
    except SchemaTooOld:
        return False
    return True


def _count(made: list[Grant], totals: _Totals) -> None:
    totals.new += sum(each.order.is_new for each in made)
    totals.known += sum(not each.order.is_new for each in made)
    totals.revoked += sum(each.order.is_revoked for each in made)
    totals.queued += sum(each.is_queued for each in made)


def _summary(
    granting: Granting,
    counts: ListCounts,
    options: GrantOptions,
    totals: _Totals,
) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "item_id": granting.item_id,
        "title": granting.entry.title,
        "source": options.source,
        "buyers": counts.buyers,
        "new": totals.new,
        "known": totals.known,
        "revoked": totals.revoked,
        "repeated_rows": counts.repeated,
        "other_items": counts.other_items,
        "no_purchases": counts.no_purchases,
    }
    if options.mail and not options.dry_run:
        summary["mails_queued"] = totals.queued
    if options.dry_run:
        summary["dry_run"] = True
    return summary


def _format_summary(summary: dict[str, Any]) -> str:
    """Return what was done, or would be, in aligned lines."""
    is_dry = "dry_run" in summary
    rows = [
        ("release", f"{cell(summary['title'])} ({summary['item_id']})"),
        ("buyers", f"{summary['buyers']:,} from {summary['source']}"),
        (
            "receipts",
            f"{summary['new']:,} new, {summary['known']:,} given before",
        ),
    ]
    if summary["revoked"]:
        rows.append(("revoked", plural(summary["revoked"], "receipt")))
    left_out = [
        f"{summary[key]:,} {what}"
        for key, what in (
            ("repeated_rows", "repeated"),
            ("other_items", "of other items"),
            ("no_purchases", "refunds and payouts"),
        )
        if summary[key]
    ]
    if left_out:
        rows.append(("left out", f"rows: {', '.join(left_out)}"))
    if "mails_queued" in summary:
        queued = plural(summary["mails_queued"], "mail")
        rows.append(("mail", f"{queued} queued; a running store sends them"))
    if is_dry:
        rows.append(("note", "nothing was changed"))
    return labelled(*rows)


class ReceiptPrinter:
    """Printer of receipts, as CSV or as one JSON array, while they come."""

    def __init__(self, base_url: str, *, as_json: bool) -> None:
        self._base_url = base_url
        self._as_json = as_json
        self._csv = csv.writer(sys.stdout, lineterminator="\n")
        self._is_empty = True

    def write(self, made: list[Grant]) -> None:
        """Print some receipts."""
        for each in made:
            row = (
                each.buyer.address,
                each.buyer.name,
                each.buyer.reference,
                each.order.order_id,
                f"{self._base_url}/purchases/{each.token}",
                _state(each),
            )
            if self._as_json:
                sys.stdout.write("[\n" if self._is_empty else ",\n")
                sys.stdout.write(
                    json.dumps(dict(zip(_COLUMNS, row, strict=True)))
                )
            else:
                if self._is_empty:
                    self._csv.writerow(_COLUMNS)
                # No spreadsheet evaluates what a stranger typed elsewhere.
                self._csv.writerow([*map(cell, row[:3]), *row[3:]])
            self._is_empty = False

    def finish(self) -> None:
        """End the JSON array; what was printed so far is valid then."""
        if self._as_json:
            sys.stdout.write("[]\n" if self._is_empty else "\n]\n")


def _state(grant: Grant) -> str:
    if grant.order.is_revoked:
        return "revoked"
    return "new" if grant.order.is_new else "known"

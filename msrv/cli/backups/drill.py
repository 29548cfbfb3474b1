# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `drill`: whether the store would come back from its backup."""

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from msrv.cli.backups.backup import AS_JSON, IDENTITY
from msrv.cli.errors import user_errors
from msrv.cli.nonce import known_nonces
from msrv.cli.options import LIBRARY, examples, load_library_settings
from msrv.cli.progress import ProgressLine
from msrv.text_table import labelled, plural, utc_time

if TYPE_CHECKING:
    from msrv.backup.rehearsal import DrillReport

_MAX_MISSING: Final = 50
"""Number of missing things that are named; the others are counted."""
_MAX_RECEIPT_BYTES: Final = 1_000_000


@click.command(
    epilog=examples(
        "msrv drill",
        "msrv drill backups/msrv-backup-20261129T031500Z.tar.gz.age "
        "--identity key.txt",
    )
)
@click.argument("file", metavar="[BACKUP]", required=False)
@LIBRARY
@IDENTITY
@click.option(
    "--receipt",
    "texts",
    multiple=True,
    help="Also open this receipt: its address, or a file with the mail.",
)
@click.option(
    "--scratch",
    type=click.Path(path_type=Path),
    help="Folder in which the scratch folder is made.",
)
@AS_JSON
def drill(
    file: str | None,
    library: Path | None,
    identities: tuple[Path, ...],
    texts: tuple[str, ...],
    scratch: Path | None,
    *,
    as_json: bool,
) -> None:
    """Rehearse a restore from BACKUP, by default the newest one.

    In a scratch folder, the backup is restored, and a store starts on it with
    the real library. Every receipt is opened, and both ends of each item that
    was sold are fetched; then again without the ledger. The real store is
    neither stopped nor written to, and no mail is sent. Exit status 1 if
    something is missing.
    """
    # The scratch folder is deleted and its store stopped however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with user_errors():
        settings = load_library_settings(library=library)
        from msrv.backup import encryption, reader  # noqa: PLC0415 - slow to import
        from msrv.backup.drill import Drill  # noqa: PLC0415 - slow to import

        keys = encryption.read_identities(identities) if identities else []
        path = (
            Path(file)
            if file is not None
            else reader.newest_backup(settings.backups)
        )
        work = Drill(
            reader.BackupFile(path, keys),
            settings,
            known_nonces(settings),
            [_receipt_text(each) for each in texts],
            scratch,
        )
        with ProgressLine() as line:
            report = work.run(line.update)
    if as_json:
        click.echo(json.dumps(_json(path, report), indent=2))
    else:
        click.echo(_format(path, report))
        for each in report.missing[:_MAX_MISSING]:
            click.echo(f"missing: {each}", err=True)
        more = len(report.missing) - _MAX_MISSING
        if more > 0:
            click.echo(f"missing: {more:,} more", err=True)
        click.echo(summary(report))
    if report.missing:
        sys.exit(1)


def summary(report: "DrillReport") -> str:
    """Return the result in one line."""
    receipts = (
        f"{report.open_receipts:,} of {report.receipts:,} "
        f"{'receipt opens' if report.receipts == 1 else 'receipts open'}"
    )
    if report.missing:
        return f"not back: {receipts}, {len(report.missing):,} missing"
    seconds = plural(max(1, round(report.seconds)), "second")
    return f"back in {seconds}, {receipts}"


def _json(path: Path, report: "DrillReport") -> dict[str, Any]:
    fields = asdict(report)
    del fields["manifest"]
    return {
        "backup": str(path),
        "made_at": report.manifest.made_at,
        "back": not report.missing,
        **fields,
    }


def _format(path: Path, report: "DrillReport") -> str:
    notes = [
        f"{plural(report.refunded_lines, 'line')} refunded"
        if report.refunded_lines
        else "",
        f"{report.unissued:,} of simulated payments, left out"
        if report.unissued
        else "",
    ]
    changed = (
        f", {report.changed:,} of them changed since they were sold"
        if report.changed
        else ""
    )
    return labelled(
        ("backup", f"{path}, made {utc_time(report.manifest.made_at)}"),
        ("orders", ", ".join(filter(None, [f"{report.orders:,}", *notes]))),
        (
            "items",
            f"{report.items:,} fetched, with and without the ledger{changed}",
        ),
        ("took", plural(max(1, round(report.total_seconds)), "second")),
    )


def _receipt_text(text: str) -> str:
    """Return the text of a receipt, which may be in a file."""
    try:
        with Path(text).open("rb") as file:
            return file.read(_MAX_RECEIPT_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return text

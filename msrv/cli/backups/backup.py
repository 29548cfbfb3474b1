# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands `backup` and `restore`.

What does the work is imported inside the commands: it imports SQLAlchemy,
which takes a third of a second.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from msrv import settings as settings_room
from msrv.backup.errors import BackupError
from msrv.backup.manifest import Manifest
from msrv.cli.errors import output_errors, user_errors
from msrv.cli.nonce import known_nonces
from msrv.cli.options import examples, load_settings
from msrv.cli.progress import ProgressLine
from msrv.ledger.connection_rules import ConnectionRules
from msrv.proofs.keyring import Generation
from msrv.settings import Settings
from msrv.text_table import labelled, plural, utc_time
from msrv.translations.sizes import format_size

if TYPE_CHECKING:
    from msrv.backup.restore_draft import RestoreResult

STDIO: Final = "-"
IDENTITY: Final = click.option(
    "--identity",
    "identities",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File with the key of an encrypted backup, as age-keygen writes it.",
)
AS_JSON: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)


@click.command(
    epilog=examples(
        "msrv backup --output /srv/backups",
        "msrv backup --recipient age1... --with-nonce",
        "docker compose exec -T app msrv backup --output - > store.tar.gz",
    )
)
@click.option(
    "--output",
    metavar="PATH",
    help="Folder or file to write to (MSRV_BACKUPS), or - for standard "
    "output.",
)
@click.option(
    "--recipient",
    "recipients",
    multiple=True,
    help="Encrypt to this recipient of age, age1... or an SSH key, or a "
    "file of them (MSRV_BACKUP_RECIPIENT).",
)
@click.option(
    "--with-nonce", is_flag=True, help="Include NONCE; needs a recipient."
)
@AS_JSON
def backup(
    output: str | None,
    recipients: tuple[str, ...],
    *,
    with_nonce: bool,
    as_json: bool,
) -> None:
    """Write a backup of the store, which may be running, to one file.

    It has the ledger, the spool, waiting mails and webhooks, the last good
    configuration and the settings, but no secrets. The library is not in it.
    """
    if output == STDIO and sys.stdout.isatty():
        raise click.UsageError("--output - is for a pipe, not a terminal")
    with user_errors():
        described = settings_room.without_secrets()
        settings = load_settings()
        from msrv.backup import encryption, writer  # noqa: PLC0415 - slow to import
        from msrv.cli.access.recorded_acts import (  # noqa: PLC0415 - slow to import
            record_command,
        )

        given = recipients or tuple(filter(None, [settings.backup_recipient]))
        keys = encryption.parse_recipients(given) if given else []
        nonces = known_nonces(settings)
        if with_nonce and "NONCE" not in nonces:
            raise BackupError("there is no NONCE to include")
        source = writer.BackupSource(
            settings.data,
            settings.database_url,
            ConnectionRules.of(settings),
            described,
            [Generation.from_nonce(each).kid for each in nonces.values()],
            nonces if with_nonce else {},
        )
        name = writer.file_name(int(time.time()), is_encrypted=bool(keys))
        with ProgressLine() as line:
            if output == STDIO:
                path = None
                with output_errors():
                    manifest = writer.write_backup(
                        sys.stdout.buffer, source, keys, line.update
                    )
                    sys.stdout.buffer.flush()
            else:
                path = Path(output) if output else settings.backups
                if path.is_dir() or not output or output.endswith(os.sep):
                    path /= name
                with writer.new_file(path) as file:
                    manifest = writer.write_backup(
                        file, source, keys, line.update
                    )
        record_command(settings, "make-backup", path.name if path else "")
    report = _backup_json(path, manifest) if as_json else None
    text = (
        json.dumps(report, indent=2)
        if report
        else _backup_text(settings, path, manifest, encrypted=bool(keys))
    )
    click.echo(text, err=path is None)


@click.command(
    epilog=examples(
        "msrv restore backups/msrv-backup-20261129T031500Z.tar.gz",
        "msrv restore store.tar.gz.age --identity key.txt",
    )
)
@click.argument("file", metavar="BACKUP")
@IDENTITY
@click.option(
    "--without-mail",
    is_flag=True,
    help="Don't send the mails that were waiting; keep them in a folder.",
)
@AS_JSON
def restore(
    file: str,
    identities: tuple[Path, ...],
    *,
    without_mail: bool,
    as_json: bool,
) -> None:
    """Restore a BACKUP into an empty data folder and an empty database.

    They are those of MSRV_DATA and MSRV_DATABASE; it doesn't matter which
    database the backup was made of. Nothing that exists is overwritten: where
    something is in the way, nothing is restored, and each thing to move away
    is named. BACKUP may be - for standard input.
    """
    with user_errors():
        settings = load_settings()
        from msrv.backup import encryption, reader, restoration  # noqa: PLC0415 - slow to import
        from msrv.cli.access.recorded_acts import (  # noqa: PLC0415 - slow to import
            record_command,
        )

        keys = encryption.read_identities(identities) if identities else []
        target = restoration.RestoreTarget(
            settings.data,
            settings.database_url,
            ConnectionRules.of(settings),
            with_mail=not without_mail,
        )
        with (
            ProgressLine() as line,
            reader.saved_input(file, settings.data) as path,
        ):
            manifest, done = restoration.restore(
                reader.BackupFile(path, keys), target, line.update
            )
        warnings = restore_warnings(settings, manifest)
        record_command(
            settings,
            "restore-backup",
            "" if file == STDIO else Path(file).name,
        )
    if as_json:
        click.echo(json.dumps(_restore_json(manifest, done), indent=2))
    else:
        click.echo(
            _restore_text(settings, manifest, done, mail=not without_mail)
        )
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)


def restore_warnings(settings: Settings, manifest: Manifest) -> list[str]:
    """Return a sentence where NONCE is not that of a backup.

    Raises WrongSetting.
    """
    nonces = known_nonces(settings)
    kids = {Generation.from_nonce(each).kid for each in nonces.values()}
    if not manifest.keys or manifest.keys[0] in kids:
        return []
    if nonces:
        warning = (
            "NONCE is not that of the backup: its receipts won't open until "
            "it is NONCE or NONCE_PREVIOUS again"
        )
    else:
        warning = (
            "NONCE is not set, and not in the backup: set it to that of the "
            "backup before you start the store, or its receipts won't open"
        )
    return [warning]


def _backup_json(path: Path | None, manifest: Manifest) -> dict[str, Any]:
    return {
        "file": None if path is None else str(path),
        **manifest.model_dump(exclude={"members"}),
    }


def _backup_text(
    settings: Settings,
    path: Path | None,
    manifest: Manifest,
    *,
    encrypted: bool,
) -> str:
    found = manifest.contents
    where = "standard output" if path is None else str(path)
    if path is not None:
        where += f", {format_size(path.stat().st_size)}"
    secrets = ", ".join(manifest.secrets)
    return labelled(
        ("backup", where + (", encrypted" if encrypted else "")),
        *_contents(manifest),
        (
            "NONCE",
            f"in the backup: {secrets}"
            if secrets
            else "not in the backup: keep a copy of it elsewhere",
        ),
        (
            "library",
            f"not in the backup: {settings.bucket or settings.library_folder}",
        ),
        *(
            [("spools", "those of replicas with other data folders are not")]
            if found.spools and settings.database_url
            else []
        ),
    )


def _contents(manifest: Manifest) -> list[tuple[str, str]]:
    """Return what a backup has, in rows."""
    found = manifest.contents
    newest = (
        ""
        if found.newest_sale is None
        else f", the newest of {utc_time(found.newest_sale)}"
    )
    return [
        ("made", utc_time(manifest.made_at)),
        ("ledger", f"{plural(found.orders, 'order')}{newest}"),
        ("refunds", plural(found.refunds, "line")),
        ("spool", f"{plural(found.events, 'event')} to be written"),
        ("outbox", f"{plural(found.mails, 'mail')} to be sent"),
        ("inbox", f"{plural(found.webhooks, 'webhook event')}"),
    ]


def _restore_json(manifest: Manifest, done: "RestoreResult") -> dict[str, Any]:
    paths: Mapping[str, Path | None] = {
        "settings": done.settings,
        "nonce": done.nonce,
        "nonce_previous": done.nonce_previous,
    }
    return {
        "made_at": manifest.made_at,
        "contents": manifest.contents.model_dump(),
        "rows": done.rows,
        "kept": [str(each) for each in done.kept],
        **{k: None if v is None else str(v) for k, v in paths.items()},
    }


def _restore_text(
    settings: Settings,
    manifest: Manifest,
    done: "RestoreResult",
    *,
    mail: bool,
) -> str:
    rows: list[tuple[str, str]] = [("restored", str(settings.data))]
    rows += _contents(manifest)
    if manifest.contents.mails:
        rows.append(
            (
                "mails",
                "sent when the store starts, some perhaps a second time; "
                "--without-mail keeps them"
                if mail
                else f"kept in {settings.data / 'restored' / 'outbox'}",
            )
        )
    if done.nonce is not None:
        rows.append(("NONCE", str(done.nonce)))
    if done.nonce_previous is not None:
        rows.append(("", f"NONCE_PREVIOUS_FILE={done.nonce_previous}"))
    if done.settings is not None:
        rows.append(("settings", f"{done.settings}, to compare"))
    rows += [("kept", str(each)) for each in done.kept]
    return labelled(*rows)

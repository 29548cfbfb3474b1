# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `import`: downloads and folders become releases."""

import contextlib
import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from msrv.catalog.imports.release_import import (
    ImportedRelease,
    ReleaseImport,
)
from msrv.catalog.imports.source_files import Source
from msrv.catalog.imports.sources import open_source
from msrv.catalog.parsing.parser import Parser
from msrv.cli.errors import user_errors
from msrv.cli.first_steps.library_folder import (
    find_library,
    read_shop,
    write_errors,
)
from msrv.cli.options import LIBRARY, examples, load_library_settings
from msrv.cli.progress import ProgressLine
from msrv.display_text import clean_line, printable, reason_of
from msrv.text_table import labelled, plural
from msrv.translations.sizes import format_size


@click.command(
    "import",
    epilog=examples(
        'msrv import "The Wet Coats - Night Bus.zip"',
        "msrv import night-bus-flac.zip night-bus-mp3.zip",
        "msrv import --move ~/Music/Umbrella --dry-run",
    ),
)
@click.argument(
    "sources",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@LIBRARY
@click.option("--artist", help="Artist, whatever the files say.")
@click.option("--title", help="Title; all SOURCES are then one release.")
@click.option(
    "--move", is_flag=True, help="Remove the SOURCES once they are imported."
)
@click.option(
    "--dry-run", is_flag=True, help="Unpack and check, and change nothing."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_(
    *,
    sources: tuple[Path, ...],
    library: Path | None,
    artist: str | None,
    title: str | None,
    move: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Create releases from downloads and folders, each with a release.toml.

    SOURCES are ZIPs as Bandcamp sends them, folders, or single tracks. Those
    of the same artist and title, like an album in MP3 and in FLAC, become one
    release. A release appears in the library whole or not at all.
    """
    if title is not None and not clean_line(title):
        raise click.BadParameter("must not be empty", param_hint="--title")
    with user_errors(), ExitStack() as stack:
        settings = load_library_settings(library=library)
        root = find_library(settings)
        stack.enter_context(write_errors(root))
        currency = read_shop(root).currency
        opened = [open_source(each, stack) for each in sources]
        for each in opened:
            _refuse_own_files(each.path, root)
        parser = stack.enter_context(Parser(settings.data))
        line = stack.enter_context(ProgressLine())
        work = ReleaseImport(
            root,
            parser,
            currency,
            artist=None if artist is None else clean_line(artist),
            title=None if title is None else clean_line(title),
            moves=move and not dry_run,
            dry_run=dry_run,
            progress=lambda done, total: line.update(
                f"unpacking {format_size(done)} of {format_size(total)}"
            ),
        )
        imported = work.run(opened)
    if move and not dry_run:
        for each in opened:
            _remove(each)
    _report(imported, as_json=as_json, dry_run=dry_run)


def _refuse_own_files(path: Path, library: Path) -> None:
    """Raise ClickException for a source that is in the library, or has it."""
    real = path.resolve()
    if library in {real, *real.parents} or real in library.parents:
        raise click.ClickException(
            f"{printable(str(path))} is part of the library, or contains it"
        )


def _remove(source: Source) -> None:
    """Remove a source, which is in the library now, and nothing else.

    A folder or a ZIP stays if something in it was left out.
    """
    if source.notes and source.is_zip:
        click.echo(
            f"note: {printable(str(source.path))} was kept: not all of its "
            "files were imported",
            err=True,
        )
        return
    paths = [each.path for each in source.files if each.path is not None]
    try:
        for each in paths or [source.path]:
            each.unlink()
        if source.path.is_dir():
            for folder, _, _ in os.walk(source.path, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
    except OSError as error:
        where = printable(str(error.filename or source.path))
        click.echo(
            f"note: {where} was imported, and can't be removed: "
            f"{reason_of(error)}",
            err=True,
        )


def _report(
    imported: list[ImportedRelease], *, as_json: bool, dry_run: bool
) -> None:
    for release in imported:
        for note in release.notes:
            click.echo(f"note: {note}", err=True)
    if as_json:
        data = [_release_json(each, dry_run=dry_run) for each in imported]
        click.echo(json.dumps(data, indent=2))
        return
    for each in imported:
        name = each.facts.title
        if each.facts.artist:
            name = f"{each.facts.artist} - {name}"
        others = len(each.files) - each.tracks
        rows = [
            ("release", printable(name)),
            ("folder", printable(str(each.place))),
            (
                "files",
                f"{plural(each.tracks, 'track')}, {plural(others, 'other')}",
            ),
            ("id", each.release_id),
        ]
        click.echo(labelled(*rows) + "\n")
    last = (
        ("note", "nothing was changed")
        if dry_run
        else ("next", "edit each release.toml, then run `msrv check`")
    )
    click.echo(labelled(last))


def _release_json(
    release: ImportedRelease, *, dry_run: bool
) -> dict[str, Any]:
    return {
        "release_id": release.release_id,
        "artist": release.facts.artist,
        "title": release.facts.title,
        "date": release.facts.date,
        "folder": str(release.place),
        "files": list(release.files),
        "sources": [str(each) for each in release.sources],
        "notes": list(release.notes),
        "dry_run": dry_run,
    }

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `check`: what the library offers, and what is wrong with it."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import click

from msrv.catalog.encodings.encoding_plan import EncodingPlan
from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.library.loader import LoadedLibrary
from msrv.catalog.model import Item, Release
from msrv.cli.catalog import read_catalog, shorten
from msrv.cli.errors import user_errors
from msrv.cli.options import LIBRARY, examples, load_library_settings
from msrv.display_text import printable
from msrv.orders.pricing import id_of
from msrv.settings import Settings
from msrv.text_table import plural, table
from msrv.toml_file import Problem
from msrv.translations.sizes import format_size

_COLUMNS: Final = ("item_id", "kind", "title", "price", "size")
_JSON: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for programs."
)


@click.command(epilog=examples("msrv check --library ~/Music/ours"))
@LIBRARY
@_JSON
def check(library: Path | None, *, as_json: bool) -> None:
    """List what is for sale, and every problem in the library.

    Exit status 1 if there is a problem.
    """
    with user_errors():
        settings = load_library_settings(library=library)
        reading = read_catalog(settings)
        wanted, ready = _count_formats(reading, settings)
    if as_json:
        _print_json(
            {
                "items": _rows(reading),
                "formats": {"wanted": wanted, "ready": ready},
                "problems": [_problem_json(each) for each in reading.problems],
                "notes": list(reading.notes),
            }
        )
    else:
        click.echo(_format_table(reading))
        if wanted:
            click.echo(f"{ready:,} of {plural(wanted, 'encoding')} ready")
        _print_findings(reading)
    if reading.problems:
        sys.exit(1)


@click.command(hidden=True)
@LIBRARY
@_JSON
def catalog(library: Path | None, *, as_json: bool) -> None:
    """Do what `check` does, which used to be called `catalog`.

    With --json, print the items alone.
    """
    reading = _read(library)
    if as_json:
        _print_json(_rows(reading))
    else:
        click.echo(_format_table(reading))
    _print_findings(reading)
    if reading.problems:
        sys.exit(1)


def _read(library: Path | None) -> LoadedLibrary:
    with user_errors():
        return read_catalog(load_library_settings(library=library))


def _count_formats(
    reading: LoadedLibrary, settings: Settings
) -> tuple[int, int]:
    """Return how many encodings the catalog needs, and how many are ready."""
    store = EncodingStore(settings.encodings_folder)
    store.load()
    plan = EncodingPlan.of(reading.catalog).encodings
    planned = [each.source for each in plan]
    return len(planned), sum(map(bool, map(store.get, planned)))


def _print_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2))


def _print_findings(reading: LoadedLibrary) -> None:
    for note in reading.notes:
        click.echo(f"note: {note}", err=True)
    for problem in reading.problems:
        click.echo(f"problem: {problem}", err=True)


def _problem_json(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.where,
        "line": problem.line,
        "problem": problem.what,
    }


def _rows(reading: LoadedLibrary) -> list[dict[str, Any]]:
    """Return all items as JSON members, including withdrawn ones."""
    return [_row(entry) for entry in _entries(reading)]


def _format_table(reading: LoadedLibrary) -> str:
    """Return the items in columns, and a line with totals."""
    rows = [_COLUMNS]
    rows += [
        (
            id_of(entry),
            _kind(entry),
            shorten(entry.title, 40) + (" (hidden)" if entry.hidden else ""),
            str(entry.price) if entry.price.minor else "free",
            format_size(_row(entry)["size_bytes"]),
        )
        for entry in _entries(reading)
    ]
    releases = reading.catalog.releases
    items = sum(len(each.items) for each in releases)
    pages = len(reading.catalog.pages)
    return (
        f"{table(rows, right={3, 4})}\n\n"
        f"{plural(len(releases), 'release')}, {plural(items, 'item')}, "
        f"{plural(pages, 'page') + ', ' if pages else ''}"
        f"{plural(len(reading.problems), 'problem')}"
    )


def _entries(reading: LoadedLibrary) -> list[Item | Release]:
    entries: list[Item | Release] = []
    for release in reading.catalog.releases:
        if len(release.items) > 1 or release.extras:
            entries.append(release)
        entries.extend(release.items)
    return entries


def _row(entry: Item | Release) -> dict[str, Any]:
    if isinstance(entry, Release):
        size_bytes, sha256, file = entry.size_bytes, None, entry.folder
    else:
        content = entry.content
        size_bytes, file = content.size_bytes, content.path
        sha256 = content.sha256.hex()
    return {
        "item_id": id_of(entry),
        "release": entry.release_id,
        "title": entry.title,
        "kind": _kind(entry),
        "price_minor": entry.price.minor,
        "currency": entry.price.currency,
        "size_bytes": size_bytes,
        "sha256": sha256,
        "file": printable(file),
        "hidden": entry.hidden,
    }


def _kind(entry: Item | Release) -> str:
    return "release" if isinstance(entry, Release) else entry.kind

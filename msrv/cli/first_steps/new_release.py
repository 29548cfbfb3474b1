# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command `new`: the folder of a release, with a `release.toml` to edit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import click

from msrv.catalog.config.fields import is_date
from msrv.catalog.drafts.config_drafts import ReleaseDraft
from msrv.catalog.drafts.release_folders import DraftFolder, find_place
from msrv.catalog.library.found_files import RELEASE_TOML
from msrv.catalog.names import ids
from msrv.cli.errors import user_errors
from msrv.cli.first_steps.library_folder import (
    find_library,
    read_shop,
    write_errors,
)
from msrv.cli.options import LIBRARY, examples, load_library_settings
from msrv.display_text import clean_line, printable
from msrv.files import write_file
from msrv.money import Money, NotMoney, parse_typed
from msrv.text_table import labelled


@dataclass(frozen=True, slots=True)
class NewRelease:
    """Folder that was made for a release, and the id that it has."""

    folder: Path
    release_id: str


@click.command(
    epilog=examples('msrv new "The Wet Coats" "Night Bus" --price 7.00')
)
@click.argument("artist")
@click.argument("title")
@LIBRARY
@click.option("--price", help="Price of the whole release, like 7.00.")
@click.option("--date", help="Day, month or year, like 2026-03-06.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def new(
    artist: str,
    title: str,
    library: Path | None,
    price: str | None,
    date: str | None,
    *,
    as_json: bool,
) -> None:
    """Make the folder of a release, with a release.toml to edit.

    The folder is ARTIST/TITLE in the library; "" is no ARTIST. It is offered
    once there are files in it. An existing folder is never changed.
    """
    if not clean_line(title):
        raise click.BadParameter("must not be empty", param_hint="TITLE")
    if date is not None and not is_date(date):
        raise click.BadParameter(
            "must be a day, a month or a year, like 2026-03-06",
            param_hint="--date",
        )
    with user_errors():
        root = find_library(load_library_settings(library=library))
        with write_errors(root):
            currency = read_shop(root).currency
            made = make_release(
                root,
                artist,
                title,
                date=date or "",
                price=_price(price, currency),
                currency=currency,
            )
    config = made.folder / RELEASE_TOML
    if as_json:
        click.echo(
            json.dumps(
                {
                    "release_id": made.release_id,
                    "folder": str(made.folder),
                    "config": str(config),
                },
                indent=2,
            )
        )
        return
    click.echo(
        labelled(
            ("folder", printable(str(made.folder))),
            ("settings", printable(str(config))),
            ("id", made.release_id),
            ("next", "put the files in the folder, then run `msrv check`"),
        )
    )


def make_release(
    root: Path,
    artist: str,
    title: str,
    *,
    currency: str,
    date: str = "",
    price: Money | None = None,
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> NewRelease:
    """Make the folder of a release with its `release.toml`, or nothing.

    `files` are small ones to put into it, by name. Raises FolderExists and
    OSError.
    """
    place = find_place(root, artist, title)
    release_id = ids.release_id(place.relative_to(root).as_posix())
    draft = ReleaseDraft(
        title=title,
        artist=artist,
        date=date,
        price=price,
        currency=currency,
        release_id=release_id,
        files=tuple(files),
    )
    with DraftFolder(root) as folder:
        for name, data in files.items():
            write_file(folder.path / name, data)
        text = draft.to_toml().encode("utf-8")
        write_file(folder.path / RELEASE_TOML, text)
        folder.publish(place)
    return NewRelease(place, release_id)


def _price(text: str | None, currency: str) -> Money | None:
    """Return a typed price. Raises BadParameter."""
    if text is None:
        return None
    try:
        return parse_typed(text, currency)
    except NotMoney as error:
        raise click.BadParameter(str(error), param_hint="--price") from None

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Library of the commands that write to it, or publish it.

Apart from these commands, which share it. The store itself never writes to
its library.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

from msrv.catalog.config.store_config import parse_store
from msrv.catalog.library.found_files import STORE_TOML
from msrv.catalog.model import Shop
from msrv.display_text import printable, reason_of
from msrv.settings import Settings
from msrv.toml_file import InvalidConfig


def find_library(settings: Settings) -> Path:
    """Return the operator's library. Raises ClickException for the demo."""
    if settings.library is None:
        raise click.ClickException(
            "MSRV_LIBRARY is not set: run `msrv init` first, or name the "
            "folder of your files with --library"
        )
    if settings.bucket is not None:
        raise click.ClickException(
            f"MSRV_LIBRARY is {settings.bucket}: name the folder of your "
            "files with --library"
        )
    return settings.library.resolve()


def read_shop(library: Path) -> Shop:
    """Return what `store.toml` says, the defaults if there is none.

    Raises ClickException if it is invalid, and OSError.
    """
    try:
        text = (library / STORE_TOML).read_text(encoding="utf-8-sig")
        return parse_store(STORE_TOML, text).shop
    except FileNotFoundError:
        return Shop()
    except UnicodeDecodeError:
        raise click.ClickException(f"{STORE_TOML} is not UTF-8") from None
    except InvalidConfig as error:
        raise click.ClickException(str(error)) from None


@contextlib.contextmanager
def write_errors(
    folder: Path, outcome: str = "nothing was changed"
) -> Iterator[None]:
    """Convert the errors of writing to a folder to ClickException.

    `outcome` is what the operator has to know about it.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # of standard output: click ends quietly
    except OSError as error:
        where = printable(str(error.filename or folder))
        raise click.ClickException(
            f"{where}: {reason_of(error)}; {outcome}"
        ) from None

# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Shared options; each overrides its setting.

Apart from the commands, since several of them use it.
"""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from msrv import settings
from msrv.server.store_address import store_url
from msrv.settings import Settings, WrongSetting

LIBRARY: Final = click.option(
    "--library",
    type=click.Path(path_type=Path),
    help="Folder of the files for sale (MSRV_LIBRARY).",
)
HOST: Final = click.option("--host", help="Address to listen on (MSRV_HOST).")
PORT: Final = click.option(
    "--port", type=int, help="Port to listen on (MSRV_PORT)."
)
BASE_URL: Final = click.option(
    "--base-url", help="Public address of the store (MSRV_PUBLIC_URL)."
)


def public_address(settings: Settings) -> str:
    """Return the store's address, for what is printed or sent to others.

    Raises WrongSetting where it would lead to this machine alone, unless the
    library is the demo.
    """
    address = store_url(settings)
    is_local = urlsplit(address).hostname in {"localhost", "127.0.0.1", "::1"}
    if settings.public_url is None and is_local and not settings.is_demo:
        raise WrongSetting(
            f"MSRV_PUBLIC_URL is not set, and {address} works on this machine "
            "alone: set it, or add --base-url"
        )
    return address


def examples(*lines: str) -> str:
    """Return the end of a command's `--help`: commands to copy."""
    title = "Example:" if len(lines) == 1 else "Examples:"
    # The character \b keeps click from joining the lines.
    return "\n".join(["\b", title, *(f"  {line}" for line in lines)])


def load_settings(**options: object) -> Settings:
    """Return the settings, with options before the environment.

    Removes the secrets from this process's environment, so that the programs
    it starts don't inherit them. Raises WrongSetting.
    """
    found = settings.load(None, **options)
    settings.drop_secrets()
    return found


def load_library_settings(**options: object) -> Settings:
    """Return the settings, for a command that reads the library.

    Raises WrongSetting, also where the library isn't there.
    """
    found = load_settings(**options)
    settings.require_library(found)
    return found

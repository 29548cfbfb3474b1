"""Options of several commands, and the settings that they override."""

from pathlib import Path
from typing import Final

import click

from msrv import settings
from msrv.settings import Settings

LIBRARY: Final = click.option(
    "--library",
    type=click.Path(path_type=Path),
    help="The folder of files for sale (MSRV_LIBRARY).",
)
HOST: Final = click.option(
    "--host", help="The address to listen on (MSRV_HOST)."
)
PORT: Final = click.option(
    "--port", type=int, help="The port to listen on (MSRV_PORT)."
)
BASE_URL: Final = click.option(
    "--base-url", help="The store's address (MSRV_PUBLIC_URL)."
)


def load_settings(**options: object) -> Settings:
    """Return the settings, and hide the secrets from programs started later.

    Options that were given override the environment. Raises WrongSetting.
    """
    found = settings.load(None, **options)
    settings.drop_secrets()
    return found

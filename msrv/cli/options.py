"""Options that several commands take: each a setting that it goes before."""

from pathlib import Path
from typing import Final

import click

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

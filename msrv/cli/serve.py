"""Running the store on this machine, and asking it how it is."""

import asyncio
import contextlib
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from msrv import healthcheck, logs, reload, server, settings
from msrv.app import create_app
from msrv.catalog.parsing.confinement import hide_memory
from msrv.cli.banner import welcome
from msrv.cli.errors import plainly
from msrv.cli.nonce import keyring
from msrv.cli.options import HOST, LIBRARY, PORT, load_settings
from msrv.connections import descriptors
from msrv.files import make_private_folder
from msrv.tls import certificates

log = logging.getLogger(__name__)


@click.command()
@LIBRARY
@HOST
@PORT
@click.option(
    "--tls/--no-tls", default=None, help="HTTPS or plain HTTP (MSRV_TLS)."
)
@click.option(
    "--reload", "reloads", is_flag=True, help="Restart on a change of code."
)
def serve(
    library: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    *,
    tls: bool | None = None,
    reloads: bool = False,
) -> None:
    """Serve the store."""
    if reloads and not reload.is_child():
        sys.exit(reload.run(sys.argv[1:]))
    logs.configure()
    hide_memory()
    with plainly():
        found = load_settings(
            library=library,
            host=host,
            port=port,
            tls=None if tls is None else "auto" if tls else "off",
        )
        for line in settings.unknown():
            log.warning(line)
        with contextlib.suppress(OSError):
            make_private_folder(found.data)  # what can't be kept says so
        pair = server.find_certificate(found)
        room = descriptors.plan_capacity(
            descriptors.raise_limit(),
            max_downloads=found.max_downloads,
            max_connections=found.max_connections,
            per_client=found.connections_per_client,
        )
        app = create_app(
            found.model_copy(update={"max_downloads": room.max_downloads}),
            keyring(found),
            reload=reloads,
        )
        asyncio.run(
            server.serve(
                app,
                pair,
                lambda address: welcome(found, pair, address),
                room.connections,
            )
        )


@click.command()
def certs() -> None:
    """Make the development certificate for the containers.

    nginx's container can read its files; other users of this machine can't
    open the folder (MSRV_CERTS).
    """
    with plainly():
        found = load_settings()
        pair = certificates.development_certificate(
            found.certs, datetime.now(UTC)
        )
        certificates.share_with_containers(pair)
    click.echo(f"certificate  {pair.cert}")
    click.echo(f"key          {pair.key}")
    click.echo(f"authority    {pair.ca}")


@click.command("healthcheck")
@click.option("--ready", is_flag=True, help="Ask whether it can sell, too.")
def check_health(*, ready: bool) -> None:
    """Ask the store on this machine whether it is well.

    Exits with 1 unless it is.
    """
    sys.exit(healthcheck.main([healthcheck.READY] if ready else []))

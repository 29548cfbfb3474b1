# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands that run the store: `serve`, its certificates, `healthcheck`."""

import asyncio
import contextlib
import gc
import json
import logging
import sys
import textwrap
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from msrv import __version__, logs
from msrv.acme.manager import CertificateManager
from msrv.acme.rules import CertificateRules
from msrv.acme.state import StateFolder
from msrv.catalog.ffmpeg import find_ffmpeg
from msrv.catalog.parsing.confinement import hide_memory
from msrv.cli.errors import user_errors
from msrv.cli.nonce import keep_previous_key, load_keyring
from msrv.cli.options import (
    HOST,
    LIBRARY,
    PORT,
    load_library_settings,
    load_settings,
)
from msrv.connections import descriptor_limit
from msrv.display_text import reason_of
from msrv.files import make_private_folder
from msrv.outbound.lookup_loop import LookupLoop
from msrv.server import certificates, healthcheck, heap, reloader
from msrv.settings import Settings, WrongSetting, unknown_variables
from msrv.settings.delivery_types import SENT_BY_OTHERS
from msrv.settings.optional_packages import require_packages
from msrv.text_table import labelled
from msrv.tls import development_certificate
from msrv.tls.certificate_files import CertificateFiles

if TYPE_CHECKING:
    from msrv.catalog.live_catalog import LiveCatalog

log = logging.getLogger(__name__)

_LOADED_SECONDS: Final = 30.0
"""Time after which all libraries that the store uses are imported."""


@click.command()
@LIBRARY
@HOST
@PORT
@click.option(
    "--tls/--no-tls", default=None, help="HTTPS or plain HTTP (MSRV_TLS)."
)
@click.option(
    "--reload", "reloads", is_flag=True, help="Restart when the code changes."
)
def serve(
    library: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    *,
    tls: bool | None = None,
    reloads: bool = False,
) -> None:
    """Run the store."""
    if reloads and not reloader.is_child():
        sys.exit(reloader.run(sys.argv[1:]))
    logs.configure()
    hide_memory()
    heap.share_between_threads()
    with user_errors(), _garbage_collection_paused():
        settings = load_library_settings(
            library=library,
            host=host,
            port=port,
            tls=None if tls is None else "auto" if tls else "off",
        )
        for line in unknown_variables():
            log.warning(line)
        if settings.delivery in SENT_BY_OTHERS:
            log.info(
                "MSRV_DELIVERY=%s: a refund ends links at once, but addresses "
                "that were handed out before work for up to a day",
                settings.delivery,
            )
        with contextlib.suppress(OSError):
            make_private_folder(settings.data)  # failures show up in use
        with ThreadPoolExecutor() as pool:
            # Both take a tenth of a second, in which this thread imports the
            # store.
            keys = pool.submit(load_keyring, settings, starts_store=True)
            ffmpeg = pool.submit(find_ffmpeg)
            from msrv.app import create_app  # noqa: PLC0415 - as above
            from msrv.server import server  # noqa: PLC0415 - as above
            from msrv.web.store import STORE  # noqa: PLC0415 - as above

            pair = certificates.find(settings)
            keyring = keys.result()
        capacity = descriptor_limit.plan_capacity(
            descriptor_limit.raise_limit(),
            max_downloads=settings.max_downloads,
            max_connections=settings.max_connections,
            per_client=settings.connections_per_client,
        )
        keep_previous_key(settings, keyring)
        app = create_app(
            settings.model_copy(
                update={"max_downloads": capacity.max_downloads}
            ),
            keyring,
            ffmpeg=ffmpeg.result,
            reload=reloads,
        )

        tasks: list[asyncio.Task[None]] = []

        def on_start(address: str) -> None:
            _resume_garbage_collection()
            loaded = spare_what_is_loaded(app[STORE].catalog)
            tasks.append(asyncio.create_task(loaded))
            payments = app[STORE].providers.status()
            print_banner(settings, payments, pair, address)

        with asyncio.Runner(loop_factory=LookupLoop) as runner:
            runner.run(server.serve(app, pair, on_start, capacity.connections))


@contextlib.contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Pause it while the store is imported, which leaves hardly any garbage.

    A tenth of that time went into looking for it.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _resume_garbage_collection() -> None:
    """Collect garbage from now on, but not among what there is already.

    It is the store's code, which stays; examining it takes a tenth of a
    second, in which no request is answered.
    """
    gc.freeze()
    gc.enable()


async def spare_what_is_loaded(catalog: "LiveCatalog") -> None:
    """Exempt the catalog and the database's code from garbage collection.

    Both are loaded after the start, and both stay.
    """
    await catalog.ready()
    await asyncio.sleep(_LOADED_SECONDS)
    gc.freeze()


@click.command()
def certs() -> None:
    """Create the development certificate.

    The key is readable by containers, so its folder (MSRV_CERTS) is made
    private (0700).
    """
    with user_errors():
        settings = load_settings()
        pair = development_certificate.load_or_create(
            settings.certs, datetime.now(UTC)
        )
        development_certificate.share_with_containers(pair)
    click.echo(
        labelled(
            ("certificate", str(pair.cert)),
            ("key", str(pair.key)),
            ("authority", str(pair.ca)),
            width=13,
        )
    )


@click.command()
@click.option(
    "--renew", is_flag=True, help="Request a new certificate at once."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def certificate(*, renew: bool, as_json: bool) -> None:
    """Print the state of the certificate of MSRV_DOMAIN.

    A running store requests and renews it by itself; after a failure it
    waits before it tries again. When the cause is removed, try at once:

        python -m msrv certificate --renew

    The store has to be running, since it answers the authority. Exit status 1
    if there is no valid certificate, or if the renewal failed.
    """
    if renew:
        logs.configure()
    with user_errors():
        manager = _certificate_manager(load_settings())
        status = before = manager.status()
        if renew:
            try:
                status = manager.update(force=True)
            except OSError as error:
                raise click.ClickException(
                    f"can't use {error.filename}: {reason_of(error)}"
                ) from error
    if renew and status == before:
        raise click.ClickException(
            "the store is requesting a certificate at this moment; its log "
            "shows the result"
        )
    now = datetime.now(UTC)
    click.echo(
        json.dumps(status.to_json(), indent=2)
        if as_json
        else labelled(*status.lines(now), width=11)
    )
    if not status.is_valid(now) or (renew and status.problem):
        sys.exit(1)


def _certificate_manager(settings: Settings) -> CertificateManager:
    """Return the manager of the settings. Raises WrongSetting."""
    if not settings.domain:
        raise WrongSetting(
            "MSRV_DOMAIN is not set: this store requests no certificates"
        )
    require_packages("acme", "MSRV_DOMAIN")
    return CertificateManager(
        CertificateRules.from_settings(settings), StateFolder(settings.data)
    )


@click.command("healthcheck")
@click.option("--ready", is_flag=True, help="Also require that it can sell.")
def check_health(*, ready: bool) -> None:
    """Check the health of the store on this machine.

    Exit status 1 if unhealthy.
    """
    sys.exit(healthcheck.main([healthcheck.READY] if ready else []))


def print_banner(
    settings: Settings,
    payments: Sequence[str],
    pair: CertificateFiles | None,
    address: str,
) -> None:
    """Print the store's address, folders, payment providers and CA."""
    lines = [("store", address)]
    library = (
        "the bundled demo"
        if settings.is_demo
        else settings.bucket or str(settings.library)
    )
    lines += [("library", library), ("data", str(settings.data.resolve()))]
    if settings.delivery == "redirect":
        lines.append(
            ("downloads", "from the bucket; a refund doesn't stop a transfer")
        )
    first, *more = payments
    if settings.domain:
        status = _certificate_manager(settings).status()
        lines.append(("HTTPS", status.summary(datetime.now(UTC))))
    lines += [("payments", first), *(("", each) for each in more)]
    if pair and pair.ca:
        lines += _trust(pair.ca.resolve())
    text = textwrap.indent(labelled(*lines), "  ")
    print(f"\nMSRV {__version__}\n\n{text}\n", flush=True)  # noqa: T201 - for the terminal


def _trust(ca: Path) -> list[tuple[str, str]]:
    """Return instructions for trusting the development CA."""
    if sys.platform == "darwin":
        command = (
            "sudo security add-trusted-cert -d -k "
            f"/Library/Keychains/System.keychain {ca}"
        )
    else:
        command = (
            f"sudo cp {ca} /usr/local/share/ca-certificates/msrv.crt "
            "&& sudo update-ca-certificates"
        )
    return [
        ("CA", str(ca)),
        ("trust it", command),
        ("", "(browsers have their own list: import the CA there too)"),
    ]

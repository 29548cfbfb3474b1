"""The door: one command for each thing an operator does at a terminal.

Answers go to standard output and nothing else does; what went wrong is one
line on standard error and an exit status that is not 0.
"""

import asyncio
import contextlib
import importlib
import json
import logging
import secrets
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from msrv import (
    __version__,
    certificates,
    healthcheck,
    logs,
    minting,
    nonce,
    reload,
    server,
    settings,
    shelflist,
)
from msrv.app import create_app
from msrv.catalog.reading import LibraryUnreadable
from msrv.certificates import CertificateError
from msrv.ledger.errors import LedgerError
from msrv.minting import MintError
from msrv.pages import verify as verify_page
from msrv.proofs import keyring as keyrings
from msrv.proofs import tickets
from msrv.proofs.explain import explain
from msrv.proofs.keyring import Keyring, new_order_id
from msrv.proofs.links import make_link
from msrv.settings import Settings, WrongSetting
from msrv.welcome import welcome

log = logging.getLogger(__name__)

_MAX_HOURS = 24 * 366 * 100

_LIBRARY = click.option(
    "--library",
    type=click.Path(path_type=Path),
    help="The folder of files for sale (MSRV_LIBRARY).",
)


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """Turn what an operator can mend into one line."""
    try:
        yield
    except (
        WrongSetting,
        CertificateError,
        LibraryUnreadable,
        LedgerError,
        MintError,
    ) as error:
        raise click.ClickException(str(error)) from None


@click.group(invoke_without_command=True)
@click.version_option(__version__, prog_name="msrv")
@click.pass_context
def main(context: click.Context) -> None:
    """MSRV, a self-hosted store for digital downloads.

    Without a command, it serves. Settings come from the environment; see
    docs/settings.md.
    """
    if context.invoked_subcommand is None:
        context.invoke(serve)


@main.command()
@_LIBRARY
@click.option("--host", help="The address to listen on (MSRV_HOST).")
@click.option("--port", type=int, help="The port to listen on (MSRV_PORT).")
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
    with _plainly():
        found = settings.load(
            library=library,
            host=host,
            port=port,
            tls=None if tls is None else "auto" if tls else "off",
        )
        for line in settings.unknown():
            log.warning(line)
        pair = server.find_pair(found)
        app = create_app(found, _keyring(found), reload=reloads)
        asyncio.run(
            server.serve(
                app,
                pair,
                lambda address: welcome(found, pair, address),
            )
        )


@main.command()
@_LIBRARY
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def catalog(library: Path | None, *, as_json: bool) -> None:
    """Print what the library offers, and every problem in it.

    Exits with 1 if there is a problem.
    """
    with _plainly():
        found = settings.load(library=library)
        reading = shelflist.read(found)
    if as_json:
        click.echo(json.dumps(shelflist.as_data(reading), indent=2))
    else:
        click.echo(shelflist.as_table(reading))
    for note in reading.notes:
        click.echo(f"note: {note}", err=True)
    for problem in reading.problems:
        click.echo(f"problem: {problem}", err=True)
    if reading.problems:
        sys.exit(1)


@main.command()
@click.argument("item")
@_LIBRARY
@click.option("--hours", type=click.IntRange(0, _MAX_HOURS), help="How long.")
@click.option("--until", help="Until when: 2030-01-01T00:00Z.")
@click.option("--base-url", help="The store's address (MSRV_PUBLIC_URL).")
def link(
    item: str,
    library: Path | None,
    hours: int | None,
    until: str | None,
    base_url: str | None,
) -> None:
    """Print a download link to give away.

    ITEM is an item's id, as `catalog` lists it.
    """
    if hours is not None and until is not None:
        raise click.UsageError("--hours and --until exclude each other")
    with _plainly():
        found = settings.load(library=library, public_url=base_url)
        entry = shelflist.read(found).catalog.by_id.get(item)
        if entry is None:
            raise click.ClickException(
                f"there is no item {item!r}; `msrv catalog` lists them"
            )
        if until is not None:
            expires_at = _moment(until)
        else:
            hours = found.link_hours if hours is None else hours
            expires_at = int(time.time()) + hours * 3600
        order_id = new_order_id(secrets.token_bytes)
        made = make_link(_keyring(found), order_id, item, expires_at)
    click.echo(server.address(found) + made.path)


@main.command()
@click.argument("url")
@_LIBRARY
def verify(url: str, library: Path | None) -> None:
    """Say what a link or a receipt grants, and until when.

    Exits with 1 if it grants nothing (any more).
    """
    with _plainly():
        found = settings.load(library=library)
        explanation = explain(_keyring(found), url, int(time.time()))
        reading = shelflist.read(found)
    data = verify_page.as_data(explanation, reading.catalog)
    click.echo(shelflist.explained(data))
    if not data["valid"]:
        sys.exit(1)


@main.group()
def ledger() -> None:
    """Look after the ledger: what is sold, refunded, downloaded."""


@ledger.command()
def upgrade() -> None:
    """Make the ledger's tables, or bring them up to this version's."""
    with _plainly():
        click.echo(_bookkeeping().upgrade(settings.load()))


@ledger.command()
def status() -> None:
    """Say where the ledger is, and whether it can be used.

    Exits with 1 if it can't.
    """
    with _plainly():
        table, wrong = _bookkeeping().status(settings.load())
        click.echo(table)
        if wrong is not None:
            raise wrong


@main.command()
@click.argument("order")
@click.argument("item", required=False)
@click.option("--undo", is_flag=True, help="Give it back.")
def revoke(order: str, item: str | None, *, undo: bool) -> None:
    """End the links of an ORDER, or of one ITEM of it, within 5 seconds."""
    with _plainly():
        click.echo(
            _bookkeeping().revoke(settings.load(), order, item, undo=undo)
        )


@main.command()
@click.option("--base-url", help="The store's address (MSRV_PUBLIC_URL).")
@click.option("--sign-out", is_flag=True, help="Sign everyone out instead.")
def studio(base_url: str | None, *, sign_out: bool) -> None:
    """Print a link that signs in to the studio, once, within ten minutes.

    With --sign-out, everyone who is signed in is signed out, on every
    replica; it exits with 1 if not all of them can hear of it.
    """
    with _plainly():
        found = settings.load(public_url=base_url)
        if sign_out:
            click.echo(_bookkeeping().sign_out(found))
            return
        now = int(time.time())
        ticket = tickets.issue(
            _keyring(found), tickets.Kind.LINK, now, secrets.token_bytes
        )
    click.echo(f"{server.address(found)}/studio/enter/{ticket}")
    until = datetime.fromtimestamp(now + tickets.Kind.LINK.seconds, UTC)
    click.echo(f"good once, until {until:%H:%M:%S} UTC", err=True)


@main.group("codes")
def make_codes() -> None:
    """Codes on paper, each worth one item once."""


@make_codes.command()
@_LIBRARY
@click.option("--item", required=True, help="An item's id.")
@click.option("--campaign", required=True, help="Its name: vinyl-2026.")
@click.option(
    "--count",
    type=click.IntRange(1, minting.MAX_COUNT),
    required=True,
    help="How many.",
)
@click.option(
    "--first",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="The first serial.",
)
@click.option("--sheet", is_flag=True, help="A page to print, with QR codes.")
@click.option("--base-url", help="The store's address (MSRV_PUBLIC_URL).")
def mint(
    *,
    library: Path | None,
    item: str,
    campaign: str,
    count: int,
    first: int,
    sheet: bool,
    base_url: str | None,
) -> None:
    """Print codes as CSV. The same command prints the same codes."""
    with _plainly():
        found = settings.load(library=library, public_url=base_url)
        catalog = shelflist.read(found).catalog
        entry = catalog.by_id.get(item)
        if entry is None:
            raise MintError(
                f"there is no item {item!r}; `msrv catalog` lists them"
            )
        ended = minting.ending(campaign, found.ended_campaigns)
        if ended is not None:
            raise MintError(
                f"MSRV_ENDED_CAMPAIGNS has ended {ended}, and these codes "
                "with it: take another name"
            )
        address = server.address(found)
        printed = minting.mint(
            _keyring(found),
            address,
            item_id=item,
            campaign=campaign,
            first=first,
            count=count,
        )
    click.echo(
        minting.as_sheet(
            printed,
            store=catalog.shop.name,
            title=entry.title,
            base_url=address,
            campaign=campaign,
        )
        if sheet
        else minting.as_csv(printed, item, campaign),
        nl=False,
    )


@main.command("nonce")
def make_nonce() -> None:
    """Print a strong NONCE."""
    click.echo(keyrings.new_nonce(secrets.token_bytes))


@main.command()
@click.option("--host", help="The address to listen on (MSRV_HOST).")
@click.option("--port", type=int, help="The port to listen on (MSRV_PORT).")
def deployer(host: str | None, port: int | None) -> None:
    """Turn pushed images into rolling updates; see docs/deployer.md."""
    logs.configure()
    room = _deployer()
    try:
        found = settings.load(host=host, port=port)
        config = room.config.load(found.deploy_config)
        asyncio.run(
            room.serving.serve(
                room.app.create_app(found, config),
                found,
                lambda address: click.echo(f"deployer  {address}"),
            )
        )
    except (WrongSetting, room.errors.DeployerError) as error:
        raise click.ClickException(str(error)) from None


@main.command("engine-gate")
@click.option("--host", help="The address to listen on (MSRV_HOST).")
@click.option("--port", type=int, help="The port to listen on (MSRV_PORT).")
def engine_gate(host: str | None, port: int | None) -> None:
    """Let the deployer ask the container engine for what it needs alone."""
    logs.configure()
    room = _deployer()
    try:
        found = settings.load(host=host, port=port)
        config = room.config.load(found.deploy_config, secrets=False)
        asyncio.run(
            room.serving.serve(
                room.gate.create_app(found, config),
                found,
                lambda address: click.echo(f"gate  {address}"),
            )
        )
    except (WrongSetting, room.errors.DeployerError) as error:
        raise click.ClickException(str(error)) from None


_DEPLOYER_URL = click.option("--url", help="Where the deployer answers.")


@main.command()
@click.argument("deployment", required=False)
@_DEPLOYER_URL
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def deployments(
    deployment: str | None, url: str | None, *, as_json: bool
) -> None:
    """Show the deployments of late, or follow one DEPLOYMENT to its end.

    Exits with 1 if that one fails.
    """
    with _asking_deployer(url) as (terminal, asker):
        if deployment is not None and not as_json:
            _follow(terminal, asker, deployment)
            return
        path = "/deployments" + (f"/{deployment}" if deployment else "")
        found = asker.ask(path)
        if as_json:
            click.echo(json.dumps(found, indent=2))
        else:
            click.echo(terminal.table(found["deployments"], time.time()))


@main.command()
@click.argument("target")
@_DEPLOYER_URL
def rollback(target: str, url: str | None) -> None:
    """Bring TARGET back to the image before, and follow that.

    Exits with 1 if it fails.
    """
    with _asking_deployer(url) as (terminal, asker):
        made = asker.ask(f"/rollback/{target}", "POST")
        _follow(terminal, asker, made["id"])


@contextlib.contextmanager
def _asking_deployer(url: str | None) -> Iterator[tuple[Any, Any]]:
    room = _deployer()
    try:
        found = settings.load()
        config = room.config.load(found.deploy_config)
        yield room.terminal, room.terminal.Asker.of(found, config, url)
    except (WrongSetting, room.errors.DeployerError) as error:
        raise click.ClickException(str(error)) from None


def _follow(terminal: Any, asker: Any, deployment: str) -> None:  # noqa: ANN401
    for line in terminal.follow(asker, deployment):
        click.echo(line)
    if not terminal.ended_well(asker, deployment):
        sys.exit(1)


def _deployer() -> Any:  # noqa: ANN401 - a package
    """Import what is another program, which the store does without."""
    for module in ("app", "config", "errors", "gate", "serving", "terminal"):
        importlib.import_module(f"msrv.deployer.{module}")
    return importlib.import_module("msrv.deployer")


def _bookkeeping() -> Any:  # noqa: ANN401 - a module
    """Import what imports SQLAlchemy, which other commands do without."""
    return importlib.import_module("msrv.bookkeeping")


@main.command()
def certs() -> None:
    """Make the development pair, for the edge's container to read too.

    Its folder (MSRV_CERTS) is closed to other users of this machine instead.
    """
    with _plainly():
        found = settings.load()
        pair = certificates.development_pair(found.certs, datetime.now(UTC))
        certificates.share_with_containers(pair)
    click.echo(f"certificate  {pair.cert}")
    click.echo(f"key          {pair.key}")
    click.echo(f"authority    {pair.ca}")


@main.command("healthcheck")
@click.option("--ready", is_flag=True, help="Whether it can sell, too.")
def check_health(*, ready: bool) -> None:
    """Ask the store on this machine how it is.

    Exits with 1 unless it is well.
    """
    sys.exit(healthcheck.main([healthcheck.READY] if ready else []))


def _keyring(found: Settings) -> Keyring:
    """Make the keys; warns of a NONCE that is kept here, or weak."""
    secret, warning = nonce.find(found)
    if warning:
        log.warning(warning)
    weakness = keyrings.weakness(secret)
    if weakness:
        log.warning("NONCE is weak: %s; `msrv nonce` prints another", weakness)
    previous = found.nonce_previous
    return Keyring.from_nonces(
        secret, *([previous.get_secret_value()] if previous else [])
    )


def _moment(text: str) -> int:
    """Read a time in ISO 8601; without an offset it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"--until: {text!r} is no time like 2030-01-01T00:00Z"
        ) from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    if at.timestamp() < 0:
        raise click.UsageError("--until: that was before 1970")
    return int(at.timestamp())

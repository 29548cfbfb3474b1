"""The deployer, which is another program, and asking it."""

import asyncio
import contextlib
import importlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

import click

from msrv import logs
from msrv.cli.options import HOST, PORT, load_settings
from msrv.settings import WrongSetting

_URL: Final = click.option("--url", help="Where the deployer answers.")


@click.command()
@HOST
@PORT
def deployer(host: str | None, port: int | None) -> None:
    """Turn pushed images into rolling updates; see docs/deployer.md."""
    logs.configure()
    with _deployer() as room:
        found = load_settings(host=host, port=port)
        config = room.config.load(found.deploy_config)
        asyncio.run(
            room.serving.serve(
                room.app.create_app(found, config),
                found,
                lambda address: click.echo(f"deployer  {address}"),
            )
        )


@click.command("engine-gate")
@HOST
@PORT
def engine_gate(host: str | None, port: int | None) -> None:
    """Pass the deployer's requests to the container engine, if allowed."""
    logs.configure()
    with _deployer() as room:
        found = load_settings(host=host, port=port)
        config = room.config.load(found.deploy_config, secrets=False)
        asyncio.run(
            room.serving.serve(
                room.gate.create_app(found, config),
                found,
                lambda address: click.echo(f"gate  {address}"),
            )
        )


@click.command()
@click.argument("deployment", required=False)
@_URL
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def deployments(
    deployment: str | None, url: str | None, *, as_json: bool
) -> None:
    """Show recent deployments, or follow one DEPLOYMENT to its end.

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


@click.command()
@click.argument("target")
@_URL
def rollback(target: str, url: str | None) -> None:
    """Go back to TARGET's previous image, and follow that.

    Exits with 1 if it fails.
    """
    with _asking_deployer(url) as (terminal, asker):
        made = asker.ask(f"/rollback/{target}", "POST")
        _follow(terminal, asker, made["id"])


@contextlib.contextmanager
def _asking_deployer(url: str | None) -> Iterator[tuple[Any, Any]]:
    with _deployer() as room:
        found = load_settings()
        config = room.config.load(found.deploy_config)
        yield room.terminal, room.terminal.Asker.of(found, config, url)


def _follow(terminal: Any, asker: Any, deployment: str) -> None:  # noqa: ANN401
    for line in terminal.follow(asker, deployment):
        click.echo(line)
    if not terminal.ended_well(asker, deployment):
        sys.exit(1)


@contextlib.contextmanager
def _deployer() -> Iterator[Any]:
    """Import what is another program, which the store does without.

    What an operator can mend in it becomes one line.
    """
    for module in ("app", "config", "errors", "gate", "serving", "terminal"):
        importlib.import_module(f"msrv.deployer.{module}")
    room = importlib.import_module("msrv.deployer")
    try:
        yield room
    except (WrongSetting, room.errors.DeployerError) as error:
        raise click.ClickException(str(error)) from None

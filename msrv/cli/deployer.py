# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Commands of the deployer, which is another program, and of its gate.

The deployer is imported when one of them runs: the store does without it and
without aiodocker.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click

from msrv import logs
from msrv.cli.options import HOST, PORT, load_settings
from msrv.settings import WrongSetting
from msrv.settings.optional_packages import PackageMissing, require_packages

if TYPE_CHECKING:
    from msrv.deployer.client import DeployerClient

_URL: Final = click.option("--url", help="The deployer's address.")


@click.command()
@HOST
@PORT
def deployer(host: str | None, port: int | None) -> None:
    """Turn pushed images into rolling updates; see docs/deployer.md."""
    logs.configure()
    with _user_errors():
        require_packages("deployer", "the deployer")
        from msrv.deployer import (  # noqa: PLC0415 - another program
            app,
            app_keys,
            config_loader,
            server,
        )

        settings = load_settings(host=host, port=port)
        config = config_loader.load(settings.deploy_config)
        created = app.create_app(settings, config)
        asyncio.run(
            server.serve(
                created,
                settings,
                lambda address: click.echo(f"deployer  {address}"),
                created[app_keys.WORKER].wait,
            )
        )


@click.command("engine-gate")
@HOST
@PORT
def engine_gate(host: str | None, port: int | None) -> None:
    """Run the filtering proxy between the deployer and the container engine.

    It gives the deployer restricted access to the engine.
    """
    logs.configure()
    with _user_errors():
        require_packages("deployer", "the engine's gate")
        from msrv.deployer import (  # noqa: PLC0415 - another program
            config_loader,
            server,
        )
        from msrv.deployer.gate import proxy  # noqa: PLC0415 - as above

        settings = load_settings(host=host, port=port)
        config = config_loader.load(settings.deploy_config, secrets=False)
        asyncio.run(
            server.serve(
                proxy.create_app(settings, config),
                settings,
                lambda address: click.echo(f"gate  {address}"),
            )
        )


@click.command()
@click.argument("deployment", required=False)
@_URL
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def deployments(
    deployment: str | None, url: str | None, *, as_json: bool
) -> None:
    """List recent deployments, or follow one until it finishes.

    With --json, one is printed as it is now. Exit status 1 if it has failed.
    """
    with _user_errors():
        from msrv.deployer import client  # noqa: PLC0415 - another program

        connection = _connect(url)
        if deployment is not None and not as_json:
            _follow(connection, deployment)
            return
        path = "/deployments" + (f"/{deployment}" if deployment else "")
        found = connection.request(path)
        if as_json:
            click.echo(json.dumps(found, indent=2))
            if deployment is not None and client.has_failed(found):
                sys.exit(1)
        else:
            click.echo(client.format_table(found["deployments"], time.time()))


@click.command()
@click.argument("target")
@_URL
def rollback(target: str, url: str | None) -> None:
    """Roll TARGET back to its previous image and follow the deployment.

    Exit status 1 if it fails.
    """
    with _user_errors():
        connection = _connect(url)
        queued = connection.request(f"/rollback/{target}", "POST")
        _follow(connection, queued["id"])


def _connect(url: str | None) -> "DeployerClient":
    from msrv.deployer import config_loader  # noqa: PLC0415 - another program
    from msrv.deployer.client import (  # noqa: PLC0415 - as above
        DeployerClient,
    )

    settings = load_settings()
    config = config_loader.load(settings.deploy_config)
    return DeployerClient.from_settings(settings, config, url)


def _follow(connection: "DeployerClient", deployment: str) -> None:
    from msrv.deployer import client  # noqa: PLC0415 - another program

    for line in client.follow(connection, deployment):
        click.echo(line)
    if client.has_failed(connection.request(f"/deployments/{deployment}")):
        sys.exit(1)


@contextlib.contextmanager
def _user_errors() -> Iterator[None]:
    """Show what an operator can fix as one line."""
    from msrv.deployer.errors import (  # noqa: PLC0415 - another program
        DeployerError,
    )

    try:
        yield
    except (WrongSetting, PackageMissing, DeployerError) as error:
        raise click.ClickException(str(error)) from None

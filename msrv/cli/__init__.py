# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Command line interface: one command for each task of an operator.

Results go to standard output, and nothing else does. An error is one line on
standard error, and an exit status other than 0.
"""

import os
from pathlib import Path

import click

from msrv import __version__
from msrv.cli.access.operators import operators
from msrv.cli.access.tokens import tokens
from msrv.cli.backups.backup import backup, restore
from msrv.cli.backups.drill import drill
from msrv.cli.catalog import link, verify
from msrv.cli.check import catalog, check
from msrv.cli.codes import codes
from msrv.cli.deployer import deployer, deployments, engine_gate, rollback
from msrv.cli.doctor import doctor
from msrv.cli.first_steps.grants import grant
from msrv.cli.first_steps.imports import import_
from msrv.cli.first_steps.new_release import new
from msrv.cli.first_steps.setup import init
from msrv.cli.keys import keys
from msrv.cli.ledger import ledger, revoke, studio
from msrv.cli.legal import legal
from msrv.cli.legal.invoice import invoice
from msrv.cli.legal.oss import oss
from msrv.cli.newsletter.sealed_addresses import newsletter
from msrv.cli.nonce import nonce
from msrv.cli.recovery.reissue import reissue
from msrv.cli.serve import certificate, certs, check_health, serve
from msrv.server import env_file


@click.group(
    invoke_without_command=True,
    commands=[
        serve,
        certs,
        certificate,
        check_health,
        init,
        new,
        import_,
        grant,
        check,
        catalog,
        link,
        verify,
        nonce,
        keys,
        doctor,
        codes,
        ledger,
        legal,
        oss,
        invoice,
        revoke,
        studio,
        operators,
        tokens,
        backup,
        restore,
        drill,
        reissue,
        newsletter,
        deployer,
        engine_gate,
        deployments,
        rollback,
    ],
)
@click.option(
    "--env-file",
    "settings_file",
    type=click.Path(path_type=Path),
    help=f"File of settings (default: {env_file.DEFAULT_NAME}, if it exists).",
)
@click.version_option(__version__, prog_name="msrv")
@click.pass_context
def main(context: click.Context, settings_file: Path | None) -> None:
    """MSRV, a self-hosted store for digital downloads.

    Without a command, it runs `serve`. Settings come from the environment,
    and then from the file msrv.env; see docs/settings.md.
    """
    try:
        if settings_file is None:
            env_file.load_default(Path(), os.environ)
        else:
            env_file.apply(settings_file, os.environ)
    except env_file.InvalidEnvFile as error:
        raise click.ClickException(str(error)) from None
    if context.invoked_subcommand is None:
        context.invoke(serve)
